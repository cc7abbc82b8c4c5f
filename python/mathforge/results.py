"""Finished runs on disk: which benchmarks a folder holds, and the samples of each, problem by problem.

Layout and names are those of NeMo-Skills: `<dir>/eval-results/<benchmark>/output-rs{SEED}.jsonl` or
`output.jsonl`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import InputError, MathforgeError
from .grading import Grader
from .metrics import Label, label, summarize
from .report import Report

_SEEDED = re.compile(r"output-rs(\d+)\.jsonl")


@dataclass
class Summary:
    """A report and what is wrong with the files behind it.

    Attributes:
        report: metrics of everything that could be read.
        problems: one message per broken line, unfinished or missing file, each naming it.
    """

    report: Report
    problems: list[str] = field(default_factory=list)


def find_benchmarks(folder: Path) -> dict[str, Path]:
    """Benchmark names and folders under `folder`: itself, the folders of its `eval-results`, or its folders.

    Raises:
        InputError: there is no such folder, or no outputs in it.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}", hint="give the --output-dir of an eval run")
    if _outputs(folder):
        return {folder.resolve().name: folder}
    root = folder / "eval-results" if (folder / "eval-results").is_dir() else folder
    found = {str(path.relative_to(root)): path for path in _folders(root)}
    if not found:
        raise InputError(
            f"no output*.jsonl in {folder}, in its eval-results or in its subfolders",
            hint="give the --output-dir of an eval run, or one benchmark's folder in it",
        )
    return found


def _folders(root: Path, depth: int = 2) -> Iterator[Path]:
    """Folders with outputs, and those of benchmark groups one level deeper; logs are not results."""
    for path in sorted(root.iterdir()):
        if path.is_dir() and "-logs" not in path.name:
            if _outputs(path) or list(path.glob("output*.jsonl-async")):
                yield path
            elif depth > 1:
                yield from _folders(path, depth - 1)


def _outputs(folder: Path) -> list[Path]:
    return [path for path in folder.glob("output*.jsonl") if "_chunk_" not in path.name]


def summarize_folder(folder: Path, benchmark: str, grader: Grader | None = None) -> Summary:
    """The metrics of one benchmark's folder.

    Problems that lack a sample because of a broken line or an unequal file are left out, and said so.

    Raises:
        InputError: nothing in the folder can be summarised.
    """
    problems: list[str] = [
        f"{path} is unfinished: its run has not ended; run the same eval command again to finish it"
        for path in sorted(folder.glob("output*.jsonl-async"))
    ]
    files = _sorted_outputs(folder)
    with nullcontext(grader) if grader else Grader() as own:
        runs = [_labels(path, own, problems) for path in files]
    length = max((len(run) for run in runs), default=0)
    for path, run in zip(files, runs, strict=True):
        if len(run) < length:
            problems.append(f"{path} has {len(run)} samples, other seeds have {length}")
    columns = [[run[at] if at < len(run) else None for run in runs] for at in range(length)]
    complete = [[sample for sample in column if sample is not None] for column in columns]
    complete = [samples for samples in complete if len(samples) == len(runs)]
    if not complete:
        raise InputError(f"no complete samples of {benchmark} in {folder}", hint="; ".join(problems) or None)
    if len(complete) < length:
        problems.append(
            f"{length - len(complete)} of {length} problems of {benchmark} lack a sample and are left out"
        )
    return Summary(summarize(complete, benchmark=benchmark), problems)


def _sorted_outputs(folder: Path) -> list[Path]:
    seeded = {int(match[1]): path for path in _outputs(folder) if (match := _SEEDED.fullmatch(path.name))}
    greedy = folder / "output.jsonl"
    if seeded and greedy.exists():
        raise InputError(
            f"both output.jsonl and output-rs*.jsonl in {folder}",
            hint="keep one kind; they are different runs",
        )
    return [seeded[seed] for seed in sorted(seeded)] or ([greedy] if greedy.exists() else [])


def _labels(path: Path, grader: Grader, problems: list[str]) -> list[Label | None]:
    """One entry per line, None where the line is broken; only what metrics need is kept."""
    labels: list[Label | None] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                labels.append(label(_row(line), grader))
            except (ValueError, MathforgeError) as error:
                problems.append(f"{path}:{number}: not a sample: {error}")
                labels.append(None)
            except KeyError as error:
                problems.append(f"{path}:{number}: the sample has no {error.args[0]!r}, which grading needs")
                labels.append(None)
    return labels


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, got {type(row).__name__}")
    return row
