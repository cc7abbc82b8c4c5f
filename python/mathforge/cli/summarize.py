"""`mathforge summarize DIR`: the tables of a finished run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

NAME = "summarize"
ALIASES = ("summarize_results",)
HELP = "print the metrics of a finished run and write metrics.json"
EXAMPLE = "mathforge summarize runs/with-python --benchmarks aime24,aime25"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="output folder of an eval run, or one benchmark's folder in it",
    )
    parser.add_argument("--benchmarks", help="only these, separated by commas; default: all that are there")
    parser.add_argument("--json", action="store_true", help="print metrics.json instead of tables")
    parser.add_argument(
        "--metrics-path",
        "--save-metrics-path",
        type=Path,
        dest="metrics_path",
        help="where to write the metrics; default: metrics.json in DIR/eval-results or DIR",
    )


def run(args: argparse.Namespace) -> int:
    """Print every table that can be made; 1 if any file was broken, unfinished or left out."""
    from ..errors import InputError
    from ..grading import Grader
    from ..report import Report
    from ..results import find_benchmarks, summarize_folder

    found = find_benchmarks(args.folder)
    wanted = (
        [name.partition(":")[0] for name in args.benchmarks.split(",")] if args.benchmarks else list(found)
    )
    if unknown := [name for name in wanted if name not in found]:
        raise InputError(
            f"no results of {', '.join(unknown)} in {args.folder}", hint=f"there are: {', '.join(found)}"
        )
    problems: list[str] = []
    reports = []
    with Grader() as grader:
        for name in wanted:
            try:
                summary = summarize_folder(found[name], name, grader)
            except InputError as error:
                problems.append(str(error) if error.hint is None else f"{error} ({error.hint})")
                continue
            reports.append(summary.report)
            problems += summary.problems
    report = Report.merged(reports)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not reports:
        return 1
    results = args.folder / "eval-results"
    path = args.metrics_path or (results if results.is_dir() else args.folder) / "metrics.json"
    report.write_json(path)
    print(json.dumps(report.to_json(), indent=4) if args.json else report.table().rstrip("\n") + "\n\n")
    print(f"metrics written to {path}", file=sys.stderr)
    return 1 if problems else 0
