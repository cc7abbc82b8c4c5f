"""Sessions that nobody uses: they leave memory, come back, and are counted."""

import gc
import os
import time
from pathlib import Path

import pytest

from mathforge import _native
from mathforge.errors import InputError, SandboxError
from mathforge.sandbox import Sandbox

IDLE_S = 0.2


def parked(box_number: str = "") -> list[Path]:
    folders = Path(os.environ.get("TMPDIR", "/tmp")).glob(f"mathforge-idle-{os.getpid()}-*")
    return [file for folder in folders for file in folder.iterdir() if "part" not in file.name]


def wait_for(count: int) -> list[Path]:
    end = time.monotonic() + 20
    while len(parked()) != count and time.monotonic() < end:
        time.sleep(0.02)
    assert len(parked()) == count
    return parked()


@pytest.fixture
def box(image):
    return _native.Sandbox(str(image), memory_mib=256, idle_s=IDLE_S)


def test_an_idle_session_moves_to_a_file_and_back(box):
    session = box.session()
    session.run("x = [1]; f = open('f', 'w+'); f.write('abc')", 10.0)
    (file,) = wait_for(1)
    assert file.stat().st_size < 8 << 20
    assert session.run("x.append(2); f.seek(0); x, f.read()", 10.0).stdout == "([1, 2], 'abc')\n"
    assert session.run("x = 0; import os; os._exit(1)", 10.0).rolled_back
    wait_for(1)
    assert session.run("x", 10.0).stdout == "[1, 2]\n"
    session.close()
    del session
    wait_for(0)


def test_a_parked_session_can_be_forked_and_saved(box):
    session = box.session()
    session.run("x = 1", 10.0)
    wait_for(1)
    fork = session.fork()
    saved = session.snapshot()
    session.close()
    del session
    assert fork.run("x += 1; x", 10.0).stdout == "2\n"
    assert box.restore(saved).run("x", 10.0).stdout == "1\n"


def test_a_running_cell_is_not_idle(box):
    session = box.session()
    assert session.run("import time; time.sleep(1); x = 1; x", 10.0).stdout == "1\n"


def test_a_lost_file_is_a_lost_session_not_a_crash(box):
    session = box.session()
    session.run("x = 1", 10.0)
    (file,) = wait_for(1)
    file.write_bytes(b"damaged")
    outcome = session.run("x", 10.0)
    assert (outcome.status, outcome.state_lost) == ("lost", True)
    assert "could not be continued" in outcome.stderr
    assert "NameError" in session.run("x", 10.0).stderr


def test_the_folder_goes_with_the_sandbox(box):
    session = box.session()
    session.run("x = 1", 10.0)
    folder = wait_for(1)[0].parent
    assert folder.stat().st_mode & 0o77 == 0
    del session, box
    gc.collect()
    end = time.monotonic() + 10
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [0, 1])
def test_there_are_at_most_so_many_sessions(workers):
    with Sandbox(workers=workers, max_sessions=3) as box:
        first, second = box.session(), box.session()
        first.run("x = 1")
        third = first.fork()
        for more in (box.session, first.fork, lambda: box.restore(first.snapshot())):
            with pytest.raises(SandboxError, match="all 3 sessions") as raised:
                more()
            assert raised.value.code == "sessions"
        second.close()
        second.close()
        fourth = box.session()
        with pytest.raises(SandboxError, match="all 3 sessions"):
            box.session()
        del third
        gc.collect()
        assert box.session().run("1").stdout == "1\n"
        assert fourth.run("1").stdout == "1\n"


def test_arguments_are_checked():
    for wrong in ({"max_sessions": 0}, {"idle_s": 0.0}, {"idle_s": -1.0}):
        with pytest.raises(InputError):
            Sandbox(**wrong)
