"""Threat: a worker process dies, hangs or outlives its parent."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mathforge.errors import InputError, SandboxError
from mathforge.sandbox import Sandbox, _workers
from mathforge.sandbox._turns import Turns

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

SPIN = "while True: pass"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as box:
        yield box


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def zombies(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and fields[0] == "Z":
                found.append(int(stat.parent.name))
    return found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def workers() -> list[int]:
    def is_worker(pid: int) -> bool:
        try:
            return b"mathforge.sandbox.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False

    return [pid for pid in children(os.getpid()) if is_worker(pid)]


def test_sessions_keep_their_own_variables(box):
    sessions = [box.session() for _ in range(6)]
    for number, session in enumerate(sessions):
        assert session.run(f"x = {number}").status == "ok"
    assert [session.run("x").stdout for session in sessions] == [f"{number}\n" for number in range(6)]
    assert len(workers()) == 2


def test_killing_a_worker_mid_cell_loses_only_its_sessions(box):
    async def scenario() -> None:
        first, second = box.session(), box.session()
        await first.run_async("x = 1")
        await second.run_async("x = 2")
        before = workers()
        running = asyncio.create_task(first.run_async(SPIN, 60))
        other = asyncio.create_task(second.run_async("import time; time.sleep(0.5); x", 60))
        await asyncio.sleep(0.2)
        os.kill(before[0], signal.SIGKILL)
        outcome = await running
        assert outcome.status == "lost"
        assert outcome.state_lost
        assert "-9" in outcome.stderr
        assert (await other).stdout == "2\n"
        # Afterwards: a fresh state for the one, the old state for the other, two workers again.
        again = await first.run_async("'x' in globals()")
        assert (again.status, again.stdout) == ("ok", "False\n")
        assert (await second.run_async("x")).stdout == "2\n"
        assert len(workers()) == 2
        assert workers() != before

    asyncio.run(scenario())


def test_an_idle_session_learns_of_its_loss_once(box):
    session = box.session()
    session.run("x = 1")
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not workers())
    assert session.run("x").status == "lost"
    assert session.run("x = 5\nx").stdout == "5\n"
    assert box.session().run("1 + 1").stdout == "2\n"


def test_a_long_cell_does_not_block_the_others():
    with Sandbox(workers=1) as box:

        async def scenario() -> float:
            slow, quick = box.session(), box.session()
            await quick.run_async("1")
            running = asyncio.create_task(slow.run_async(SPIN, 2))
            await asyncio.sleep(0.1)
            start = time.monotonic()
            assert (await quick.run_async("1 + 1")).stdout == "2\n"
            took = time.monotonic() - start
            assert (await running).status == "timeout"
            return took

        if len(os.sched_getaffinity(0)) < 2:
            pytest.skip("one processor runs one cell at a time")
        assert asyncio.run(scenario()) < 1.0


def test_workers_that_die_leave_no_descriptor_and_no_zombie(box):
    sessions = [box.session() for _ in range(4)]

    def lose_all() -> None:
        for session in sessions:
            while session.run("1").status == "lost":
                pass
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not workers())

    lose_all()
    descriptors = open_files()
    for _ in range(5):
        lose_all()
    # The reading thread of the last worker may still be closing its pipes.
    assert eventually(lambda: open_files() <= descriptors)
    assert eventually(lambda: not zombies(os.getpid()))
    assert [session.run("2").status for session in sessions] == ["lost"] * 4
    assert [session.run("2").stdout for session in sessions] == ["2\n"] * 4
    assert len(workers()) == 2


def test_cells_that_wait_for_a_dying_worker_are_answered(box):
    async def scenario() -> list[str]:
        sessions = [box.session() for _ in range(2)]
        await asyncio.gather(*(session.run_async("1") for session in sessions))
        cells = [
            asyncio.create_task(session.run_async("import time; time.sleep(0.3); 'done'", 60))
            for session in sessions * 4
        ]
        # Some are answered, some run, some wait.
        await asyncio.wait(cells[:2])
        os.kill(workers()[0], signal.SIGKILL)
        return [outcome.stdout or outcome.status for outcome in await asyncio.gather(*cells)]

    outcomes = asyncio.run(scenario())
    assert set(outcomes) <= {"lost", "'done'\n"}
    assert outcomes.count("lost") <= 1


def test_a_closed_session_starts_nothing(box):
    session = box.session()
    session.run("1")
    session.close()
    assert session.run("1").status == "lost"
    assert box.session().run("1").status == "ok"


@pytest.mark.parametrize("workers", [0, 2])
def test_sessions_with_long_cells_do_not_starve_the_others(workers):
    with Sandbox(workers=workers, threads=1) as box:
        greedy, modest = box.session(), box.session()
        order = []

        async def cell(session, name: str, code: str) -> None:
            assert (await session.run_async(code, 5)).status == "ok"
            order.append(name)

        async def scenario() -> None:
            await asyncio.gather(*(box.session().run_async("1") for _ in range(2)))  # starts the workers
            long = [cell(greedy, "long", "import time; time.sleep(0.2)") for _ in range(5)]
            await asyncio.gather(*long, *(cell(modest, "short", "1") for _ in range(5)))

        asyncio.run(scenario())
    assert order[:6] == ["long", *["short"] * 5]


@pytest.mark.parametrize("workers", [0, 2])
def test_many_waiting_cells(workers):
    with Sandbox(workers=workers) as box:
        sessions = [box.session() for _ in range(30)]

        async def scenario() -> list[str]:
            cells = [session.run_async(f"{i} * {j}") for i, session in enumerate(sessions) for j in range(40)]
            return [outcome.stdout for outcome in await asyncio.gather(*cells)]

        assert asyncio.run(scenario()) == [f"{i * j}\n" for i in range(30) for j in range(40)]


def test_a_worker_that_hangs_is_killed(box, monkeypatch):
    monkeypatch.setattr(_workers, "HANG_S", 0.5)
    monkeypatch.setattr(_workers, "CHECK_S", 0.1)
    session = box.session()
    session.run("1")

    async def scenario() -> str:
        running = asyncio.create_task(session.run_async(SPIN, 0.5))
        await asyncio.sleep(0.2)
        for pid in workers():
            os.kill(pid, signal.SIGSTOP)
        return (await running).status

    start = time.monotonic()
    assert asyncio.run(scenario()) == "lost"
    assert time.monotonic() - start < 5


def test_a_worker_that_cannot_start_is_an_error_not_a_lost_cell(tmp_path):
    from mathforge.sandbox._local import Limits

    sessions = _workers.WorkerSessions(Limits(tmp_path, 256, 1000), Turns(1), 1, 1)
    with pytest.raises(SandboxError, match="before it was ready"):
        sessions.session().submit("1", 1.0).answer.result(30)
    sessions.close()


def test_a_cancelled_cell_gives_up_its_place_in_the_queue(box):
    async def scenario() -> str:
        sessions = [box.session() for _ in range(20)]
        cells = [asyncio.create_task(session.run_async(SPIN, 1)) for session in sessions]
        await asyncio.sleep(0.2)
        for cell in cells:
            cell.cancel()
        await asyncio.gather(*cells, return_exceptions=True)
        return (await box.session().run_async("1 + 1")).stdout

    start = time.monotonic()
    assert asyncio.run(scenario()) == "2\n"
    assert time.monotonic() - start < 5


def test_text_that_is_no_unicode_reaches_the_cell(box):
    assert box.session().run("print('\ud800é\\n\u2028')").status == "ok"


@pytest.mark.parametrize("held_open", [False, True], ids=["plain", "a forked child holds the pipes"])
def test_no_worker_outlives_a_killed_parent(held_open):
    script = f"""
import os, time, threading
from mathforge.sandbox import Sandbox
box = Sandbox(workers=2)
sessions = [box.session() for _ in range(4)]
for session in sessions:
    session.run("1")
for session in sessions:
    threading.Thread(target=session.run, args=("{SPIN}", 600), daemon=True).start()
if {held_open} and os.fork() == 0:
    time.sleep(20)
    os._exit(0)
print("ready", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        started = children(parent.pid)
        assert len(started) == 2 + held_open
        orphans = [pid for pid in started if b"sandbox.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        parent.kill()
        gone = eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
        for pid in set(started) - set(orphans):
            os.kill(pid, signal.SIGKILL)
    assert gone


def test_closing_ends_the_workers_and_waiting_cells():
    box = Sandbox(workers=2)
    session = box.session()
    session.run("1")

    async def scenario() -> str:
        running = asyncio.create_task(session.run_async(SPIN, 60))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(box.close)
        return (await running).status

    assert asyncio.run(scenario()) == "lost"
    assert eventually(lambda: not workers())
    with pytest.raises(SandboxError, match="closed"):
        box.session()


def test_arguments_are_checked():
    with pytest.raises(InputError, match="-1"):
        Sandbox(workers=-1)
    with Sandbox() as box, pytest.raises(InputError, match="time limit"):
        box.session().run("1", 0)
