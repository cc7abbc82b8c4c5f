"""Threat: nobody waits for a cell any more, and it goes on to its limit on a processor that others need."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mathforge.sandbox import Outcome, Sandbox, Session

LIMIT_S = 120.0
SOON_S = 10.0
CELLS = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(100)",
    "select": "import select; select.select([], [], [], 100)",
    "event loop": "import asyncio; await asyncio.sleep(100)",
    "in C": "import itertools; any(itertools.repeat(0))",
    "swallows everything": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
}


@pytest.fixture(scope="module", params=[0, 1], ids=["in this process", "in a worker"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(workers=request.param, threads=1) as box:
        yield box


async def started(session: Session, code: str) -> asyncio.Task[Outcome]:
    """A cell that has begun."""
    task = asyncio.create_task(session.run_async(code, LIMIT_S))
    await asyncio.sleep(0.3)
    assert not task.done()
    return task


@pytest.mark.parametrize("name", CELLS)
def test_a_cancelled_cell_ends_and_the_session_goes_on(box, name):
    async def scenario() -> tuple[str, str]:
        with box.session() as session, box.session() as other:
            await session.run_async("kept = 1", 20)
            task = await started(session, f"new = 2\n{CELLS[name]}")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # There is one processor: both answers need the cell to be gone.
            elsewhere = await other.run_async("1 + 1", 20)
            return elsewhere.stdout, (await session.run_async("kept", 20)).stdout

    start = time.monotonic()
    assert asyncio.run(scenario()) == ("2\n", "1\n")
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("name", CELLS)
def test_closing_a_session_ends_its_cell(box, name):
    async def scenario() -> Outcome:
        session = box.session()
        await session.run_async("1", 20)
        task = await started(session, CELLS[name])
        session.close()
        return await task

    start = time.monotonic()
    outcome = asyncio.run(scenario())
    assert (outcome.status, outcome.state_lost) == ("lost", True)
    assert "session was closed" in outcome.stderr
    assert time.monotonic() - start < SOON_S
    with box.session() as session:
        assert session.run("1 + 1", 20).stdout == "2\n"


def test_only_the_cancelled_cell_is_stopped(box):
    async def scenario() -> list[str]:
        with box.session() as session:
            first = await started(session, CELLS["loop"])
            rest = [asyncio.create_task(session.run_async(f"{n} * {n}", 20)) for n in range(20)]
            await asyncio.sleep(0.1)
            first.cancel()
            return [outcome.stdout for outcome in await asyncio.gather(*rest)]

    assert asyncio.run(scenario()) == [f"{n * n}\n" for n in range(20)]


def test_cancelling_at_any_moment_leaves_a_session_that_answers(box):
    async def scenario() -> None:
        with box.session() as session:
            await session.run_async("n = 0", 20)
            for step in range(60):
                task = asyncio.create_task(session.run_async("n += 1\nfor _ in range(20_000): pass", 20))
                await asyncio.sleep(step * 1e-4)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert (await session.run_async("'alive'", 20)).stdout == "'alive'\n"

    asyncio.run(scenario())


def test_closing_a_sandbox_ends_running_cells():
    box = Sandbox()
    outcomes: list[Outcome] = []
    session = box.session()
    session.run("1")
    waiting = threading.Thread(target=lambda: outcomes.append(session.run(CELLS["loop"], LIMIT_S)))
    waiting.start()
    time.sleep(0.3)
    box.close()
    waiting.join(SOON_S)
    assert [outcome.status for outcome in outcomes] == ["lost"]
    assert "sandbox was closed" in outcomes[0].stderr


def test_a_deterministic_cell_can_be_stopped_too():
    async def scenario() -> str:
        with Sandbox(deterministic=True) as box, box.session() as session:
            for name in ("loop", "in C"):
                task = await started(session, CELLS[name])
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return (await session.run_async("1 + 1", 20)).stdout

    start = time.monotonic()
    assert asyncio.run(scenario()) == "2\n"
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("name", CELLS)
def test_control_c_stops_the_cell_that_is_waited_for(name):
    script = f"""
import time
from mathforge.sandbox import Sandbox
with Sandbox(threads=1) as box, box.session() as session:
    session.run("kept = 1")
    print("ready", flush=True)
    try:
        session.run({CELLS[name]!r}, {LIMIT_S})
    except KeyboardInterrupt:
        print("stopped", session.run("kept").stdout, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=SOON_S)[0] == "stopped 1\n\n"
