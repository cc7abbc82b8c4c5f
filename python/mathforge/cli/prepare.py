"""`mathforge prepare NAME...`: benchmarks, fetched and checked."""

from __future__ import annotations

import argparse
import json
import sys

from ._run_arguments import add_switch

NAME = "prepare"
ALIASES = ("prepare_data", "prepare-data")
HELP = "Fetch benchmarks from the Hugging Face hub, or take them from files, for `mathforge eval`."
EXAMPLE = "mathforge prepare aime24 aime25\nmathforge prepare mine --from problems.jsonl --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="benchmarks; without any, the known ones are listed")
    add("--dataset-groups", nargs="+", default=[], metavar="GROUP", help="all of a group: math")
    add("--split", help="only this one, for example math of hle (default: all)")
    add("--from", dest="source", metavar="PATH", help="JSONL or Parquet file, or a folder with such files")
    add("--data-dir", metavar="DIR", help="receives NAME/SPLIT.jsonl (default: where `mathforge eval` looks)")
    add_switch(parser, "--overwrite", help="fetch and write again")
    add("--json", action="store_true", help="print what is ready as JSON")
    for flag in ("parallelism", "retries", "add-lean4-header", "cluster", "config-dir", "expname"):
        add(f"--{flag}", nargs="?", const=True, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Prepare each; 1 when any could not be."""
    from ..errors import InputError, MathforgeError
    from ..preparing import CATALOG, GROUPS, prepare
    from ..problems import data_home

    names = list(args.names)
    for group in args.dataset_groups:
        if group not in GROUPS:
            raise InputError(f"unknown group `{group}`", hint=f"known: {', '.join(GROUPS)}")
        names += GROUPS[group]
    if not names:
        print(
            "\n".join(f"{name}  {dataset.repository or '(from a file)'}" for name, dataset in CATALOG.items())
        )
        return 0
    if args.source is not None and len(names) > 1 and not args.source.endswith("/"):
        from pathlib import Path

        if Path(args.source).is_file():
            raise InputError("one file cannot be several benchmarks", hint="give one NAME with --from FILE")
    ready, failures = [], []
    for name in dict.fromkeys(names):
        try:
            ready += prepare(
                name,
                args.data_dir or data_home(),
                split=args.split,
                source=args.source,
                overwrite=args.overwrite,
                note=lambda text: print(f"note: {text}", file=sys.stderr),
            )
        except MathforgeError as error:
            failures.append(error)
            print(f"error: {name}: {error}\nhint: {error.hint}", file=sys.stderr)
    if args.json:
        shown = [{"benchmark": one.benchmark, "split": one.split, "path": str(one.path)} for one in ready]
        facts = [{"problems": one.problems, "sha256": one.sha256, "source": one.source} for one in ready]
        print(json.dumps([a | b for a, b in zip(shown, facts, strict=True)], indent=2))
    else:
        for one in ready:
            state = "written" if one.is_new else "there already"
            print(f"{one.path}  {one.problems} problems, {state}, sha256 {one.sha256[:12]}")
    return 1 if failures else 0
