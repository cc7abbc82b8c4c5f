"""Recorded cells of real runs in the sandbox and in native Jupyter kernels: time of both, agreement of both.

Needs the recorded runs (`$MATHFORGE_SHARED/data/gpt_oss_traces.jsonl.gz`). `CELLS_EVERY=1` runs all sessions,
which takes hours; by default every twentieth runs. `CELLS_SAVE=FILE` keeps the sandbox's outputs, which
`python -m support.recorded_cells TRACES --saved FILE` shows by kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mathforge.sandbox.comparing import classify

from .measure import Row
from .rivals import environments

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.recorded_cells import THREADS, Cell, each_again, recorded_sessions, save, saved

TRACES = Path("data", "gpt_oss_traces.jsonl.gz")
WORKER = Path(__file__).with_name("jupyter_worker.py")


def traces() -> Path | None:
    """The recorded runs, where they are present."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folders = [Path(os.environ.get("MATHFORGE_SHARED", beside)), beside.parent.parent / "shared"]
    return next((folder / TRACES for folder in folders if (folder / TRACES).is_file()), None)


def native(python: Path, sessions: list[list[Cell]]) -> tuple[list[str], float, float]:
    """Outputs of all cells in kernels; wall and CPU seconds of the whole."""
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder, "given.json"), Path(folder, "taken.jsonl")
        given.write_text(json.dumps([[(cell.code, cell.timeout_s) for cell in cells] for cells in sessions]))
        start = time.perf_counter()
        subprocess.run([python, WORKER, given, taken, str(THREADS)], check=True, stderr=subprocess.DEVNULL)
        wall_s = time.perf_counter() - start
        done = [json.loads(line) for line in taken.read_text().splitlines()]
    outputs = [output for session, _ in done for output in session]
    return outputs, wall_s, sum(cpu_s for _, cpu_s in done)


def rows() -> list[Row]:
    """Totals over the chosen sessions."""
    path = traces()
    if path is None:
        return [Row("recorded cells", "skipped: the recorded runs are absent (MATHFORGE_SHARED)")]
    sessions = dict(list(recorded_sessions(path).items())[:: int(os.environ.get("CELLS_EVERY", "20"))])
    python = environments.interpreter("jupyter")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outputs_of_ours = Path(os.environ.get("CELLS_SAVE", Path(folder, "ours.jsonl")))
        save(each_again(sessions), outputs_of_ours)
        ours = saved(outputs_of_ours)
    wall_s, cpu_s = time.perf_counter() - start, sum(one.cpu_s for one in ours)
    outputs, native_wall_s, native_cpu_s = native(python, list(sessions.values()))
    flat = [cell for cells in sessions.values() for cell in cells]
    kinds = [classify(cell.recorded, text) for cell, text in zip(flat, outputs, strict=True)]
    cells = f"{len(flat)} cells, {len(sessions)} sessions"
    return [
        Row(
            f"{cells}: wall",
            f"{wall_s:.0f} s",
            f"Jupyter {native_wall_s:.0f} s",
            f"{native_wall_s / wall_s:.2f}x",
        ),
        Row("  CPU", f"{cpu_s:.0f} s", f"Jupyter {native_cpu_s:.0f} s", f"{native_cpu_s / cpu_s:.2f}x"),
        Row(
            "  outputs equal to the recording",
            f"{sum(one.kind == 'equal' for one in ours) / len(flat):.2%}",
            f"Jupyter {kinds.count('equal') / len(flat):.2%}",
        ),
    ]
