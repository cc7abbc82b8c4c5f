"""Recorded cells of real runs in the sandbox and in native Jupyter kernels: time of both, agreement of both.

Needs the recorded runs (`$MATHFORGE_SHARED/data/gpt_oss_traces.jsonl.gz`). By default every twentieth session
runs; `CELLS_EVERY=1` runs all, which takes hours. Each session runs in the sandbox and at once in a kernel,
so that both meet the same machine. `CELLS_SAVE=FILE` keeps the outputs of both session by session and goes on
where an earlier call was stopped; `python -m support.recorded_cells TRACES --saved FILE` shows the sandbox's
by kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from mathforge.sandbox import Sandbox
from mathforge.sandbox.comparing import classify

from .measure import Row
from .rivals import environments

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.recorded_cells import Cell, Compared, each_of, recorded_sessions, run_again, save, saved

TRACES = Path("data", "gpt_oss_traces.jsonl.gz")
WORKER = Path(__file__).with_name("jupyter_worker.py")


@dataclass(frozen=True)
class Native:
    """A session in a Jupyter kernel: the outputs of its cells, and its seconds with the kernel's start."""

    run: str
    outputs: list[str]
    wall_s: float
    cpu_s: float


def traces() -> Path | None:
    """The recorded runs, where they are present."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folders = [Path(os.environ.get("MATHFORGE_SHARED", beside)), beside.parent.parent / "shared"]
    return next((folder / TRACES for folder in folders if (folder / TRACES).is_file()), None)


def native(python: Path, run: str, cells: list[Cell]) -> Native:
    """One session in a kernel of its own."""
    given = json.dumps([(cell.code, cell.timeout_s) for cell in cells])
    with tempfile.TemporaryDirectory() as sockets:
        command, quiet = [python, WORKER], subprocess.DEVNULL
        done = subprocess.run(
            command, cwd=sockets, input=given, text=True, check=True, stdout=subprocess.PIPE, stderr=quiet
        )
    return Native(run, **json.loads(done.stdout))


def natives(file: Path) -> dict[str, Native]:
    """The kernels' sessions that a file holds."""
    lines = file.read_text().splitlines() if file.exists() else []
    return {one.run: one for one in (Native(**json.loads(line)) for line in lines)}


def run_all(python: Path, sessions: dict[str, list[Cell]], file: Path) -> tuple[list[Compared], list[Native]]:
    """The sessions that the files do not have yet are run; of all, what the files hold, in order."""
    file_of_natives = file.with_name(f"{file.name}.native")

    def both(box: Sandbox, run: str, cells: list[Cell]) -> tuple[list[Compared], Native]:
        return run_again(box, run, cells), native(python, run, cells)

    done = natives(file_of_natives)
    for ours, theirs in each_of({run: cells for run, cells in sessions.items() if run not in done}, both):
        save([ours], file)
        with file_of_natives.open("a") as out:
            out.write(json.dumps(asdict(theirs)) + "\n")
        done[theirs.run] = theirs
    return [one for one in saved(file) if one.run in sessions], [done[run] for run in sessions]


def rows() -> list[Row]:
    """Totals over the chosen sessions."""
    path = traces()
    if path is None:
        return [Row("recorded cells", "skipped: the recorded runs are absent (MATHFORGE_SHARED)")]
    sessions = dict(list(recorded_sessions(path).items())[:: int(os.environ.get("CELLS_EVERY", "20"))])
    python = environments.interpreter("jupyter")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(os.environ.get("CELLS_SAVE", Path(folder, "cells.jsonl")))
        ours, theirs = run_all(python, sessions, file)
    recorded = [cell.recorded for cells in sessions.values() for cell in cells]
    outputs = [output for session in theirs for output in session.outputs]
    kinds = [classify(said, text) for said, text in zip(recorded, outputs, strict=True)]
    wall_s, cpu_s = sum(one.wall_s for one in ours), sum(one.cpu_s for one in ours)
    native_wall_s, native_cpu_s = sum(one.wall_s for one in theirs), sum(one.cpu_s for one in theirs)
    return [
        Row(
            f"{len(recorded)} cells, {len(sessions)} sessions: wall",
            f"{wall_s:.0f} s",
            f"Jupyter {native_wall_s:.0f} s",
            f"{native_wall_s / wall_s:.2f}x",
        ),
        Row("  CPU", f"{cpu_s:.0f} s", f"Jupyter {native_cpu_s:.0f} s", f"{native_cpu_s / cpu_s:.2f}x"),
        Row(
            "  outputs equal to the recording",
            f"{sum(one.kind == 'equal' for one in ours) / len(ours):.2%}",
            f"Jupyter {kinds.count('equal') / len(kinds):.2%}",
        ),
    ]
