"""How every figure is taken: CPU time, median of several runs, beside what a user would pick instead."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: the job measured.
        ours: our figure, with its unit.
        rival: what a user would use instead, with its figure; empty where there is none.
        ratio: rival cost over our cost (above 1 we are cheaper), or the share of a stated limit.
    """

    what: str
    ours: str
    rival: str = ""
    ratio: str = ""


def cpu_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU seconds (all threads of this process) of one call of `work`."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def child_cpu_seconds(*command: str, repeats: int = 7) -> float:
    """Median user + system seconds of a child process and its children."""
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken)


def print_table(title: str, rows: list[Row]) -> None:
    """Print rows aligned, with the machine they were measured on above."""
    header = Row("what", "mathforge", "instead", "ratio")
    table = [header, *rows]
    widths = [max(len(getattr(row, name)) for row in table) for name in ("what", "ours", "rival", "ratio")]
    print(f"\n{title}  ({os.cpu_count()} cores, Python {sys.version.split()[0]}; medians)")
    for row in table:
        cells = (row.what, row.ours, row.rival, row.ratio)
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
