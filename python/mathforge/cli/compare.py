"""`mathforge compare RUN_A RUN_B`: whether two runs differ, and where."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from .aggregate import add_reading_arguments, settings_of

NAME = "compare"
HELP = "compare two runs on the same problems: difference, interval, p value, what changed"
EXAMPLE = "mathforge compare runs/with-python runs/no-python"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("first", metavar="RUN_A", help="files or folder of a run, as `aggregate` takes them")
    parser.add_argument("second", metavar="RUN_B", help="the run to compare with")
    parser.add_argument("--metric", help="symbolic_correct, judge_correct, ...; default: the first both have")
    parser.add_argument("--changes", type=int, default=10, help="problems to name; default: %(default)s")
    parser.add_argument(
        "--json", action="store_true", help="print all of it as JSON, every changed problem too"
    )
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print one block per benchmark."""
    from ..comparing import compare_runs
    from ..grading import Grader

    with Grader(args.sympy) as grader:
        found = compare_runs(
            args.first, args.second, method=args.metric, settings=settings_of(args), grader=grader
        )
    if args.json:
        print(json.dumps([asdict(one) for one in found], indent=4))
    else:
        print("\n".join(one.text(changes=args.changes) for one in found), end="")
    return 0
