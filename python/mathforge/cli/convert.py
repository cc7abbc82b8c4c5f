"""`mathforge convert FILE --to FORM`: conversations in another form."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from ._convert_model import add_model_arguments, place_model

NAME = "convert"
HELP = "write conversations in another form: openai, sharegpt, nemo or harmony"
EXAMPLE = "mathforge convert runs/output-rs0.jsonl --to openai > chat.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    from ..conversions.rows import FORMS

    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="JSONL or .jsonl.gz: rows with `messages` (openai), `conversations` (sharegpt), `generation` "
        "(nemo), or `text` or `token_ids` (harmony)",
    )
    parser.add_argument("--to", choices=FORMS, help="the form to write, on standard output")
    parser.add_argument("--from", dest="source", choices=FORMS, help="the form to read; found out by default")
    parser.add_argument("--losses", action="store_true", help="add `losses` to each row: what it lacks")
    add_model_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the summary, on standard error, as JSON")


def run(args: argparse.Namespace) -> int:
    """Convert row by row; a row that cannot be read is named, left out, and fails the command in the end."""
    from .. import jsonl
    from ..conversions import convert_row
    from ..errors import InputError

    if args.input_model is not None or args.convert_to is not None:
        return place_model(args)
    if args.file is None or args.to is None:
        raise InputError("FILE and --to are wanted", hint=EXAMPLE, code="usage")
    rows, bad, lost = 0, 0, Counter[str]()
    for origin, row in jsonl.values(args.file, "each line is one conversation as a JSON object"):
        try:
            converted = convert_row(row, args.to, source=args.source)
        except InputError as error:
            bad += 1
            print(f"{origin}: {error}", file=sys.stderr)
            continue
        rows += 1
        lost.update({loss.code for loss in converted.losses})
        value = converted.value
        if args.losses:
            shown = [
                {"code": loss.code, "message": loss.message, "detail": loss.detail}
                for loss in converted.losses
            ]
            value = {**value, "losses": shown}
        print(json.dumps(value))
    print(_summary(rows, bad, lost, as_json=args.json), file=sys.stderr)
    return 1 if bad else 0


def _summary(rows: int, bad: int, lost: Counter[str], *, as_json: bool) -> str:
    from ..conversions import MEANINGS

    if as_json:
        return json.dumps({"converted": rows, "bad": bad, "losses": dict(lost.most_common())})
    lines = [f"{rows} rows converted, {bad} could not be read"]
    lines += [f"  lost in {count} rows: {MEANINGS[code]} ({code})" for code, count in lost.most_common()]
    return "\n".join(lines)
