"""`python -m build_demo`, run in `scripts/`: writes problems and recording of the demo into the package."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from . import schedule
from .assemble import plan_sample, write_sample
from .cells import Notebook
from .parts import Parts, read_parts

PACKAGE_DIR = Path(__file__).resolve().parents[2] / "python/mathforge/benchmarks/demo"


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _cells(rows: list[dict[str, Any]], problem: str = "") -> int:
    return sum(row["calls"] for row in rows if problem in ("", row["id"]))


def problem_rows(problems: list[Parts]) -> list[dict[str, Any]]:
    """The benchmark's rows."""
    return [
        {
            "id": parts.id,
            "problem": parts.statement,
            "expected_answer": parts.expected_answer,
            "subset_for_metrics": parts.subset,
        }
        for parts in problems
    ]


def sample_rows(problems: list[Parts], notebook: Notebook) -> list[dict[str, Any]]:
    """The recording's rows: for every problem eight samples with the tool, then eight without."""
    rows = []
    for parts in problems:
        for tool in (True, False):
            for seed in range(schedule.SAMPLES):
                with notebook.session() as run:
                    rows.append(write_sample(plan_sample(parts, seed, tool=tool), run))
        print(f"{parts.id}: {_cells(rows, parts.id)} cells run", flush=True)
    return rows


def write_benchmark(directory: Path, notebook: Notebook) -> list[dict[str, Any]]:
    """Write both files and return the recording's rows; equal parts give equal bytes."""
    problems = read_parts()
    rows = sample_rows(problems, notebook)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "problems.jsonl").write_text(_lines(problem_rows(problems)), encoding="utf-8")
    # No time stamp in the gzip header, or every build would differ.
    packed = gzip.compress(_lines(rows).encode(), compresslevel=9, mtime=0)
    (directory / "recording.jsonl.gz").write_bytes(packed)
    return rows


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PACKAGE_DIR, help="folder to write to")
    directory: Path = parser.parse_args().out
    notebook = Notebook()
    try:
        rows = write_benchmark(directory, notebook)
    finally:
        notebook.close()
    size = (directory / "recording.jsonl.gz").stat().st_size
    print(f"{len(rows)} samples, {_cells(rows)} cells, {size / 1024:.0f} KiB: {directory}")


if __name__ == "__main__":
    main()
