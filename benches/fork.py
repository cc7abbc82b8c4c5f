"""Sessions as copies of each other: fork, save and restore, the way back, and what a waiting session costs.

No rival has a fork or a saved live session, so the rival here is what a user does instead: run the cells
again in a new session.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mathforge

from .measure import Row

FACTOR = "import sympy; x = sympy.Symbol('x'); sympy.factor(x**12 - 1)"
WORK = [
    FACTOR,
    "sympy.solve(x**3 - 2*x + 1, x)",
    "sympy.integrate(sympy.exp(-x**2) * x**3, (x, 0, sympy.oo))",
]
KILL = "import os; os._exit(1)"
SESSIONS = 1000
MIB = 1 << 20


def times_ms(work: Callable[[], object], repeats: int) -> list[float]:
    """Sorted wall milliseconds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def spread(taken: list[float]) -> str:
    """Median and 99th percentile."""
    return f"p50 {statistics.median(taken):.2f} ms, p99 {taken[(len(taken) * 99 - 1) // 100]:.2f} ms"


def private_bytes() -> int:
    """Memory of this process that it shares with nothing, image and libraries apart."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes["Private_Dirty:"] + sizes["Private_Clean:"]


def worked(box: mathforge.Sandbox) -> mathforge.sandbox.Session:
    """A session after some sympy."""
    session = box.session()
    for code in WORK:
        assert session.run(code, 60).status == "ok"
    return session


def copying(box: mathforge.Sandbox) -> list[Row]:
    """Fork, snapshot, file and rollback, of one session after sympy work."""
    session = worked(box)
    again = statistics.median(times_ms(lambda: worked(box).close(), 5))
    forks = times_ms(lambda: session.fork().close(), 200)
    snapshots = times_ms(lambda: (session.run("1"), session.snapshot()), 50)
    saved = session.snapshot()
    restores = times_ms(lambda: box.restore(saved).run("1"), 50)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        writes = times_ms(lambda: session.save(path), 20)
        reads = times_ms(lambda: box.restore(path).run("1"), 20)
        size = path.stat().st_size / MIB

    def undo() -> None:
        assert session.run(KILL).rolled_back

    undone = times_ms(undo, 20)
    rival = f"the cells again {again:.0f} ms"

    def row(what: str, taken: list[float]) -> Row:
        return Row(what, spread(taken), rival, f"{again / statistics.median(taken):.0f}x")

    return [
        row("fork after sympy work", forks),
        row("snapshot after one more cell", snapshots),
        row("restore from memory, first result", restores),
        row(f"save to a file of {size:.1f} MiB", writes),
        row("restore from the file, first result", reads),
        row("a cell that kills its interpreter, undone", undone),
    ]


def holding(box: mathforge.Sandbox) -> list[Row]:
    """What waiting sessions cost: private memory of this process over their number."""

    def each(count: int, code: str) -> tuple[float, list[mathforge.sandbox.Session]]:
        before = private_bytes()
        sessions = [box.session() for _ in range(count)]
        for session in sessions:
            assert session.run(code, 60).status == "ok"
        return (private_bytes() - before) / count / MIB, sessions

    idle, sessions = each(100, "2 + 2")
    for session in sessions:
        session.close()
    factored, sessions = each(SESSIONS, FACTOR)
    assert sessions[0].run("x").stdout == sessions[-1].run("x").stdout == "x\n"
    for session in sessions:
        session.close()
    held = 8 * 1024 / factored
    return [
        Row("private memory of a session after 2 + 2", f"{idle:.2f} MiB"),
        Row(f"the same after sympy factor, {SESSIONS} open", f"{factored:.2f} MiB"),
        Row("such sessions in 8 GiB", f"{held:.0f}"),
    ]


def serving(box: mathforge.Sandbox) -> list[Row]:
    """Short cells of 64 sessions at once."""

    async def cells(sessions: list[mathforge.sandbox.Session], each: int) -> None:
        async def one(session: mathforge.sandbox.Session) -> None:
            for n in range(each):
                assert (await session.run_async(f"print({n})")).stdout == f"{n}\n"

        await asyncio.gather(*(one(session) for session in sessions))

    sessions = [box.session() for _ in range(64)]
    asyncio.run(cells(sessions, 1))
    start = time.perf_counter()
    asyncio.run(cells(sessions, 50))
    took = time.perf_counter() - start
    for session in sessions:
        session.close()
    return [Row("cells of 64 sessions, print(n)", f"{64 * 50 / took:.0f} per second")]


def rows() -> list[Row]:
    """Wall times and memory."""
    with mathforge.Sandbox() as box:
        return [*copying(box), *holding(box), *serving(box)]
