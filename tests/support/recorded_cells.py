"""The Python cells of recorded gpt-oss-120b runs with their outputs, run again in the sandbox and compared.

`python -m support.recorded_cells TRACES [EVERY]`, from the folder `tests`, prints how many outputs are equal
and the kinds of the others, for every EVERY-th run (all by default); `--show KIND` prints cells of a kind.
All take an hour of processor time: `--save FILE` keeps every output as it comes (and goes on where an earlier
call was stopped), and `--saved FILE` judges those again without running anything.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from mathforge.sandbox import Sandbox
from mathforge.sandbox.comparing import KINDS, Kind
from mathforge.sandbox.lineage import Judge

from .real_transcripts import read_runs, rounds_of

CALL = re.compile(r"to=python code<\|message\|>((?:(?!<\|message\|>).)*)<\|call\|>$", re.DOTALL)

RECORDED_TIMEOUT_S = 120.0
"""What the recorded kernel allowed."""

PATIENT_TIMEOUT_S = 30 * RECORDED_TIMEOUT_S
"""For cells that ended there: the question is what they print, on whatever busy machine this is."""

STOPPED_TIMEOUT_S = 5.0
"""For cells that the recorded kernel stopped: they would run on until any limit."""


THREADS = 2
"""Sessions at a time."""


Done = TypeVar("Done")


@dataclass(frozen=True)
class Cell:
    """One recorded call: its code, the output the model read, and the seconds it may take."""

    code: str
    recorded: str
    timeout_s: float


@dataclass(frozen=True)
class Compared:
    """A cell that was run again."""

    run: str
    cell: Cell
    ours: str
    kind: Kind
    wall_s: float
    cpu_s: float


def recorded_sessions(traces: Path) -> dict[str, list[Cell]]:
    """The cells of each run that calls Python, in order."""
    sessions = {}
    for run in read_runs(traces):
        rounds, outputs = rounds_of(run["text"])
        cells = []
        for round_, output in zip(rounds, outputs, strict=False):
            call = CALL.search(round_["text"])
            assert call is not None, run["id"]
            stopped = "[TIMEOUT]" in output
            cells.append(Cell(call[1], output, STOPPED_TIMEOUT_S if stopped else PATIENT_TIMEOUT_S))
        if cells:
            sessions[run["id"]] = cells
    return sessions


def run_again(box: Sandbox, run: str, cells: Sequence[Cell], limit_s: float = math.inf) -> list[Compared]:
    """One session's cells in a fresh session of the sandbox, up to the first that takes longer than the
    limit."""
    compared, judge = [], Judge()
    with box.session() as session:
        for cell in cells:
            outcome = session.run(cell.code, timeout_s=min(cell.timeout_s, limit_s))
            if outcome.status == "timeout" and limit_s < cell.timeout_s:
                break
            stdout = outcome.stdout
            if outcome.stderr and stdout and not stdout.endswith("\n"):
                stdout += "\n"
            ours = stdout + outcome.stderr
            kind = judge(cell.code, cell.recorded, ours) or "equal"
            compared.append(Compared(run, cell, ours, kind, outcome.wall_s, outcome.cpu_s))
    return compared


def each_of(
    sessions: dict[str, list[Cell]], work: Callable[[Sandbox, str, list[Cell]], Done]
) -> Iterator[Done]:
    """The work on all sessions, as many at a time as there are threads; each as soon as it is done."""
    with Sandbox(max_output_chars=200_000) as box, ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(work, box, run, cells) for run, cells in sessions.items()]
        yield from (session.result() for session in as_completed(running))


def each_again(sessions: dict[str, list[Cell]], limit_s: float = math.inf) -> Iterator[list[Compared]]:
    """All sessions run again."""
    return each_of(sessions, partial(run_again, limit_s=limit_s))


def compare_all(sessions: dict[str, list[Cell]], limit_s: float = math.inf) -> list[Compared]:
    """All cells of all sessions, of each up to the first that takes longer than the limit."""
    return [compared for session in each_again(sessions, limit_s) for compared in session]


def save(sessions: Iterable[list[Compared]], path: Path) -> None:
    """One JSON line for each cell, as soon as its session is done."""
    with path.open("a") as out:
        for session in sessions:
            out.writelines(json.dumps(asdict(compared)) + "\n" for compared in session)
            out.flush()


def saved(path: Path) -> list[Compared]:
    """What `save` wrote, judged afresh."""
    compared: list[Compared] = []
    judges: dict[str, Judge] = collections.defaultdict(Judge)
    for line in path.read_text().splitlines():
        values = json.loads(line)
        cell = Cell(**values.pop("cell"))
        values["kind"] = judges[values["run"]](cell.code, cell.recorded, values["ours"])
        compared.append(Compared(cell=cell, **values))
    return compared


def table(compared: Sequence[Compared]) -> str:
    """How many cells of each kind."""
    counts = collections.Counter(one.kind for one in compared)
    lines = [f"{kind:10} {counts[kind]:6}" for kind in KINDS if counts[kind]]
    lines.append(f"{len(compared)} cells, {counts['equal'] / len(compared):.2%} equal")
    cpu_s = [one.cpu_s for one in compared]
    late = sum(one > RECORDED_TIMEOUT_S for one in cpu_s)
    lines.append(f"{sum(cpu_s):.0f} s CPU; {late} cells over the recorded limit of {RECORDED_TIMEOUT_S:g} s")
    return "\n".join(lines)


def main() -> None:
    """Compare the cells of a file and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("traces", type=Path)
    parser.add_argument("every", type=int, nargs="?", default=1)
    parser.add_argument("--show", choices=KINDS, action="append", default=[])
    parser.add_argument("--save", type=Path, metavar="FILE")
    parser.add_argument("--saved", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.saved:
        compared = saved(options.saved)
    else:
        sessions = dict(list(recorded_sessions(options.traces).items())[:: options.every])
        if options.save:
            done = {one.run for one in saved(options.save)} if options.save.exists() else set()
            sessions = {run: cells for run, cells in sessions.items() if run not in done}
            save(each_again(sessions), options.save)
            compared = saved(options.save)
        else:
            compared = compare_all(sessions)
    for one in compared:
        if one.kind in options.show:
            print(f"=== {one.kind} {one.run}\n{one.cell.code}")
            print(f"--- recorded\n{one.cell.recorded}\n--- ours\n{one.ours}")
    print(table(compared))


if __name__ == "__main__":
    main()
