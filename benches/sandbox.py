"""The sandbox: a new session, a warm cell, sympy, beside a fresh `python -c` process and native Python."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import mathforge

from .measure import Row

LOOP = "total = 0\nfor i in range(2_000_000):\n    total += i * i % 7\ntotal"
FACTOR = "import sympy\nx = sympy.Symbol('x')\nsympy.factor(x**12 - 1)"


def wall_ms(work: Callable[[], object], repeats: int = 20) -> float:
    """Median wall milliseconds: what a waiting model sees."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def native(code: str) -> None:
    """The same cell in a fresh interpreter, as a process-per-call tool runs it."""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def first_result(box: mathforge.Sandbox, code: str) -> None:
    """Open a session, run one cell, close it."""
    with box.session() as session:
        outcome = session.run(code, timeout_s=60)
    assert outcome.status == "ok", outcome


def loop_ratio(box: mathforge.Sandbox) -> float:
    """CPU of a plain loop in the sandbox over the same loop here."""
    with box.session() as session:
        inside = min(session.run(LOOP, timeout_s=60).cpu_s for _ in range(3))
    outside = []
    for _ in range(3):
        start = time.process_time()
        exec(compile(LOOP, "<loop>", "exec"), {})
        outside.append(time.process_time() - start)
    return inside / min(outside)


def rows() -> list[Row]:
    """Latencies (wall, median of 20) and one CPU ratio."""
    with mathforge.Sandbox() as box:
        fresh = wall_ms(lambda: first_result(box, "2 + 2"))
        fresh_factor = wall_ms(lambda: first_result(box, FACTOR))
        with box.session() as session:
            warm = wall_ms(lambda: session.run("print(1)"), repeats=200)
        ratio = loop_ratio(box)
    process = wall_ms(lambda: native("print(2 + 2)"))
    process_factor = wall_ms(lambda: native(FACTOR), repeats=5)
    return [
        Row(
            "new session, first result",
            f"{fresh:.1f} ms",
            f"python -c {process:.1f} ms",
            f"{process / fresh:.1f}x",
        ),
        Row(
            "new session, sympy factor",
            f"{fresh_factor:.1f} ms",
            f"python -c {process_factor:.0f} ms",
            f"{process_factor / fresh_factor:.0f}x",
        ),
        Row("warm print(1)", f"{warm:.2f} ms"),
        Row("plain loop, CPU against native", f"{ratio:.1f}x slower"),
    ]
