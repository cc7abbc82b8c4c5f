"""`mathforge grade FILES`: output files graded again; `--explain GOLD ANSWER`: how one pair is decided."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..grading import Options
    from ..regrade_report import RegradeReport

NAME = "grade"
HELP = "grade output files again, in place or into a folder, and show what changes and why"
EXAMPLE = "mathforge grade runs/eval-results/aime25 --dry-run --against math-verify"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="FILE",
        help="output files (.jsonl, .jsonl.gz, .jsonl.zst), globs, or folders of outputs",
    )
    add(
        "--explain",
        action="store_true",
        help="the two arguments are an expected and a given answer (after -- if one begins with a minus): "
        "show how they are compared",
    )
    add("--reextract", action="store_true", help="extract answers also where a row has a predicted_answer")
    add(
        "--extract",
        choices=("boxes", "all"),
        default="boxes",
        help="boxes: complete boxes only, as in an eval run (default); all: also phrases, letters, cut boxes",
    )
    add("--preset", default="default", help="conventions: default, math-verify, nemo-skills or strict")
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one convention of mathforge.grading.Options, for example rounded_from=4; may be repeated",
    )
    add("--sympy", action="store_true", help="let sympy try, in processes of its own, what stays undecided")
    add("--against", metavar="GRADER", help="also ask this grader about every pair; math-verify is known")
    add(
        "--workers", type=int, metavar="N", help="processes for --sympy and --against (default: one per core)"
    )
    add("--threads", type=int, default=0, metavar="N", help="threads for comparison (default: one per core)")
    add("--output", type=Path, metavar="DIR", help="write the graded files there and leave these alone")
    add("--dry-run", action="store_true", help="write nothing, only report")
    add("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Grade, or explain; 1 when a row could not be graded."""
    options = _options(args.preset, args.option)
    return _explain(args, options) if args.explain else _grade(args, options)


def _explain(args: argparse.Namespace, options: Options) -> int:
    from ..errors import InputError
    from ..grading import explain

    if len(args.files) != 2:
        raise InputError(
            f"--explain takes an expected and a given answer, got {len(args.files)} argument(s)",
            hint=r"for example: mathforge grade --explain '\frac{1}{2}' 0.5",
            code="usage",
        )
    gold, answer = args.files
    explanation = explain(gold, answer, options)
    print(json.dumps(explanation.to_json(), indent=4) if args.json else explanation)
    return 0


def _grade(args: argparse.Namespace, options: Options) -> int:
    from ..errors import InputError
    from ..grading import ExtractOptions, Grader, default_cache
    from ..grading.against import GRADERS, name_and_version
    from ..progress import Meter
    from ..regrading import Settings, find_outputs, grade_files

    if args.against is not None and args.against not in GRADERS:
        raise InputError(
            f"unknown grader `{args.against}`", hint=f"known: {', '.join(GRADERS)}", code="usage"
        )
    other = name_and_version(args.against) if args.against else None
    settings = Settings(
        extraction=ExtractOptions.boxes() if args.extract == "boxes" else ExtractOptions(),
        reextract=args.reextract,
        threads=args.threads,
        dry_run=args.dry_run,
    )
    targets = find_outputs(args.files, args.output)
    with (
        Grader(args.sympy, options=options, workers=args.workers, cache=default_cache()) as grader,
        Meter("rows") as meter,
    ):
        report = grade_files(targets, grader, settings, lambda path, rows: meter.add(rows, path.name))
    if other is not None:
        _ask_other(report, other, args.workers)
    for problem in (*report.damaged, *report.ungraded):
        print(f"error: {problem}", file=sys.stderr)
    print(json.dumps(report.to_json(), indent=4) if args.json else report)
    return 0 if report.is_complete else 1


def _ask_other(report: RegradeReport, name: str, workers: int | None) -> None:
    from ..grading.against import labels
    from ..progress import Meter
    from ..regrade_report import Opinion

    report.other = Opinion(name)
    with Meter("pairs", len(report.pairs)) as meter:
        theirs = labels(list(report.pairs), workers, lambda: meter.add(doing=f"asked of {name}"))
    for label, (row, rows) in zip(theirs, report.pairs.values(), strict=True):
        report.other.add(label, row, rows)


def _options(preset: str, assignments: list[str]) -> Options:
    from ..errors import InputError
    from ..grading import PRESETS, Options

    if preset not in PRESETS:
        raise InputError(f"unknown preset `{preset}`", hint=f"known: {', '.join(PRESETS)}", code="usage")
    names = {field.name for field in fields(Options)}
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, _, written = assignment.partition("=")
        name = name.replace("-", "_")
        if name not in names:
            raise InputError(
                f"there is no option `{name}`", hint=f"known: {', '.join(sorted(names))}", code="usage"
            )
        changes[name] = _value(name, written)
    return replace(PRESETS[preset], **changes)


def _value(name: str, written: str) -> bool | int | str | None:
    from ..errors import InputError

    words: dict[str, bool | None] = {"true": True, "on": True, "false": False, "off": False}
    if name == "log_base" and written in {"natural", "ten"}:
        return written
    if name == "rounded_from" and (written.isdecimal() or written == "never"):
        return int(written) if written.isdecimal() else None
    if name not in {"log_base", "rounded_from"} and written.lower() in words:
        return words[written.lower()]
    known = {"log_base": "natural or ten", "rounded_from": "a number or never"}.get(name, "true or false")
    raise InputError(f"`{name}` is {known}, not `{written}`", code="usage")
