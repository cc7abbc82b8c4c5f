"""Sessions set aside and gone on with: in memory, in a file, in another process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mathforge.errors import SandboxError
from mathforge.sandbox import Sandbox

PREPARE = """
import random, time, os, sympy
t = sympy.Symbol('t')
x = [1, sympy.integrate(t ** 2, t)]
os.mkdir('d')
with open('d/f', 'w') as out: out.write('contents')
f = open('d/f'); f.read(3)
lib = open('/lib/python314.zip/random.py'); lib.read(10)
gone = open('gone', 'w+'); gone.write('still here'); gone.flush(); os.remove('gone')
os.rename('/lib/python314.zip/this.py', 'moved.py'); os.chdir('d')
random.seed(3); start = time.monotonic()
def later():
    gone.seek(0)
    return (x, f.read(), lib.read(5), gone.read(), open('../moved.py').readline(), os.getcwd(),
            sorted(os.listdir('..')), random.random(), os.urandom(4), time.monotonic() >= start)
"""


@pytest.fixture(scope="module", params=[0, 1], ids=["in process", "workers"])
def pool(request):
    with Sandbox(workers=request.param, memory_mib=256) as pool:
        yield pool


def test_a_restored_session_goes_on_where_it_was_saved(pool, tmp_path):
    session = pool.session()
    assert session.run(PREPARE).status == "ok"
    saved = session.snapshot()
    session.save(tmp_path / "state")
    expected = session.run("later()").stdout
    session.run("x = None; f = None")
    session.close()
    assert 0 < saved.memory_bytes < 64 << 20
    for state in (saved, tmp_path / "state", str(tmp_path / "state"), saved):
        with pool.restore(state) as restored:
            assert restored.run("later()").stdout == expected
            outcome = restored.run("x = 0; os._exit(1)")
            assert outcome.rolled_back
            assert restored.run("x[0]").stdout == "1\n"


def test_a_restored_session_can_be_forked_and_saved_again(pool, tmp_path):
    session = pool.session()
    session.run("x = [1]")
    for n in range(3):
        session.run(f"x.append({n}); open('f', 'a').write('{n}')")
        session.save(tmp_path / "state")
        session = pool.restore(tmp_path / "state").fork()
    assert session.run("x, open('f').read()").stdout == "([1, 0, 1, 2], '012')\n"


def test_a_state_survives_the_process(tmp_path):
    path = tmp_path / "state"
    script = f"""
import os, signal
from mathforge.sandbox import Sandbox
session = Sandbox(seed=4).session()
session.run("import sympy, random; x = sympy.factorint(2**40 - 1)")
session.save({str(path)!r})
session.run("x = 'later'")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    with Sandbox() as box, Sandbox(seed=4) as same:
        restored = box.restore(path)
        assert restored.run("x == sympy.factorint(2**40 - 1)").stdout == "True\n"
        untouched = same.session()
        untouched.run("import sympy, random; x = sympy.factorint(2**40 - 1)")
        draw = "random.random(), __import__('os').urandom(4)"
        assert restored.run(draw).stdout == untouched.run(draw).stdout


@pytest.fixture(scope="module")
def good(box, tmp_path_factory) -> bytes:
    session = box.session()
    session.run("x = 1; open('f', 'w').write('abc' * 1000)", 10.0)
    path = tmp_path_factory.mktemp("state") / "good"
    session.snapshot().save(path)
    return path.read_bytes()


@pytest.mark.parametrize("at", [0, 10, 26, 30, 40, 200, 1000, -40_000, -3000, -33, -1])
def test_one_changed_byte_is_noticed(box, good, tmp_path, at):
    data = bytearray(good)
    data[at] ^= 1
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(RuntimeError, match="cannot be restored"):
        box.load(tmp_path / "bad")


@pytest.mark.parametrize("length", [0, 5, 30, 100, 5000, -5000, -32, -1])
def test_a_file_that_was_cut_is_noticed(box, good, tmp_path, length):
    (tmp_path / "cut").write_bytes(good[:length])
    with pytest.raises(RuntimeError, match="cannot be restored"):
        box.load(tmp_path / "cut")


def test_a_longer_file_is_noticed(box, good, tmp_path):
    (tmp_path / "long").write_bytes(good + b"\0")
    with pytest.raises(RuntimeError, match="cannot be restored"):
        box.load(tmp_path / "long")


def test_a_state_of_another_image_is_refused(box, good, tmp_path):
    start = good.index(b'"image":"') + len(b'"image":"')
    (tmp_path / "other").write_bytes(good[:start] + b"0" * 64 + good[start + 64 :])
    with pytest.raises(RuntimeError, match="another image"):
        box.load(tmp_path / "other")


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_name_the_file(workers, tmp_path):
    (tmp_path / "bad").write_bytes(b"no state")
    with Sandbox(workers=workers) as box:
        with pytest.raises(SandboxError, match=r"bad cannot be restored"):
            box.restore(tmp_path / "bad")
        with pytest.raises(SandboxError, match=r"nowhere"):
            box.restore(tmp_path / "nowhere")
        session = box.session()
        with pytest.raises(SandboxError, match=r"no/such/folder"):
            session.save(tmp_path / "no/such/folder/state")
        assert session.run("1").stdout == "1\n"


def test_saving_is_whole_or_not_at_all(box, tmp_path):
    session = box.session()
    session.run("x = 1", 10.0)
    path = tmp_path / "state"
    session.snapshot().save(path)
    before = path.read_bytes()
    session.run("x = 2", 10.0)
    session.snapshot().save(path)
    assert path.read_bytes() != before
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
    path.chmod(0o400)  # replaced, not written into
    session.snapshot().save(path)


def test_states_in_memory_are_shared_not_copied(box):
    session = box.session()
    session.run("big = bytearray(30 << 20)", 10.0)
    before = rss_mib()
    states = []
    for n in range(20):
        session.run(f"x = {n}", 10.0)
        states.append(session.snapshot())
    assert rss_mib() - before < 40
    assert [box.restore(state).run("x", 10.0).stdout for state in states] == [f"{n}\n" for n in range(20)]


def rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
