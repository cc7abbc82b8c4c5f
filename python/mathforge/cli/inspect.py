"""`mathforge inspect FILE`: what a file of completions holds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

NAME = "inspect"
HELP = "count rounds, tokens, repairs, cut samples and boxes in a file of completions"
EXAMPLE = "mathforge inspect runs/with-python/eval-results/aime25/output-rs0.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="JSONL or .jsonl.gz: outputs, recordings, or rows with Harmony text in `text` or `generation`",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Print the counts."""
    from ..corpus import inspect_file

    corpus = inspect_file(args.file)
    print(json.dumps(corpus.to_json(), indent=4) if args.json else corpus.table())
    return 0
