"""`mathforge cancel EXPNAME|DIR`: end submitted jobs."""

from __future__ import annotations

import argparse
import json
import sys

from .status import add_naming_arguments, records_named

NAME = "cancel"
HELP = "end the jobs of a submission, running or waiting; what they finished is kept"
EXAMPLE = "mathforge cancel gpt-oss-eval-with-python"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_naming_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the ids as JSON")


def run(args: argparse.Namespace) -> int:
    """End everything that has not ended."""
    from ..clusters.states import cancel
    from ..errors import InputError

    if args.name is None:
        raise InputError("which submission?", hint="`mathforge status` lists them", code="usage")
    ended = [job_id for record in records_named(args) for job_id in cancel(record)]
    if args.json:
        print(json.dumps(ended))
    else:
        print("\n".join(ended), end="\n" if ended else "")
        if not ended:
            print("nothing to cancel: every job has ended", file=sys.stderr)
    return 0
