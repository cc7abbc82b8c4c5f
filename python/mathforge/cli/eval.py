"""`mathforge eval`: benchmarks in, graded samples and tables out."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from ._job_arguments import add_job_arguments, submit_run
from ._judge_arguments import add_judge_arguments, judge_of
from ._run_arguments import (
    add_run_arguments,
    going_on_later,
    model_of,
    notes_of,
    overrides_of,
    raise_failures,
    starts_again,
)

if TYPE_CHECKING:
    from ..evaluating import Request

NAME = "eval"
HELP = "Evaluate benchmarks against a model server, with or without the Python tool."
EXAMPLE = "mathforge eval --benchmarks demo:8 --server-type replay --replay demo --output-dir runs/demo"
TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add(
        "--benchmarks",
        required=True,
        metavar="NAME[:K],...",
        help="K samples per problem; without K one greedy sample",
    )
    add(
        "--output-dir",
        required=True,
        metavar="DIR",
        help="samples go to DIR/eval-results/NAME; what is finished is kept",
    )
    add(
        "--data-dir", metavar="DIR", help="holds NAME.jsonl or NAME/test.jsonl (default: $MATHFORGE_DATA_DIR)"
    )
    add("--split", help="NAME/SPLIT.jsonl instead of NAME/test.jsonl")
    add("--generation-type", help=argparse.SUPPRESS)
    add_run_arguments(parser)
    add_judge_arguments(parser)
    add_job_arguments(parser)
    add("--json", action="store_true", help="print the metrics as JSON instead of tables")
    parser.usage = (
        "mathforge eval --benchmarks NAME[:K],... --output-dir DIR [--flag value ...] [++key=value ...]"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; 1 when any sample failed."""
    from ..evaluating import outline, prepare
    from ..evaluating import run as run_request
    from ..work import tell

    tell(notes_of(args))
    args.overwrite = starts_again(args)
    request = _request(args)
    if args.cluster is not None:
        files, config = outline(request)
        return submit_run(args, files=files, config=config.to_json(), logs="eval-logs", judge=request.judge)
    if args.dry_run:
        shown = {part.benchmark.name: part.config.to_json() for part in prepare(request)}
        print(
            json.dumps(
                shown | ({"judge": request.judge.config().to_json()} if request.judge else {}), indent=2
            )
        )
        return 0
    with going_on_later():
        result = run_request(request)
    print(
        json.dumps(result.to_json(), indent=2) if args.json else result.table(), end="\n" if args.json else ""
    )
    for name, folder in result.folders.items():
        print(f"{name}: samples and metrics.json in {folder}", file=sys.stderr)
    raise_failures(result.failures)
    return 0


def _request(args: argparse.Namespace) -> Request:
    """What the flags ask for."""
    from ..evaluating import Request

    return Request(
        benchmarks=args.benchmarks,
        output_dir=args.output_dir,
        server=model_of(args),
        data_dir=args.data_dir,
        split=args.split,
        starting_seed=args.starting_seed,
        num_chunks=args.num_chunks,
        chunk_ids=args.chunk_ids,
        share=args.share,
        with_sandbox=args.with_sandbox,
        overwrite=args.overwrite,
        overrides=overrides_of(args),
        judge=judge_of(args),
        stage=args.stage,
    )
