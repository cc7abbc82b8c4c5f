"""`mathforge eval`: benchmarks in, graded samples and tables out."""

from __future__ import annotations

import argparse
import json
import sys

from ._job_arguments import add_job_arguments, submit_run
from ._run_arguments import add_run_arguments, model_of, notes_of, overrides_of, raise_failures

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
    add_job_arguments(parser)
    add("--json", action="store_true", help="print the metrics as JSON instead of tables")
    parser.usage = (
        "mathforge eval --benchmarks NAME[:K],... --output-dir DIR [--flag value ...] [++key=value ...]"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; 1 when any sample failed."""
    from ..evaluating import Request, outline, prepare
    from ..evaluating import run as run_request
    from ..units import benchmark_names
    from ..work import tell

    tell(notes_of(args))
    request = Request(
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
    )
    if args.cluster is not None:
        files, config = outline(request)
        names = [name for name, _ in benchmark_names(request.benchmarks)]
        folders = [f"{args.output_dir}/eval-results/{name}" for name in names]
        return submit_run(args, files=files, config=config.to_json(), logs="eval-logs", folders=folders)
    if args.dry_run:
        parts = prepare(request)
        print(json.dumps({part.benchmark.name: part.config.to_json() for part in parts}, indent=2))
        return 0
    try:
        result = run_request(request)
    except KeyboardInterrupt:
        print("finished samples are kept; the same command goes on with the rest", file=sys.stderr)
        raise
    print(
        json.dumps(result.to_json(), indent=2) if args.json else result.table(), end="\n" if args.json else ""
    )
    for name, folder in result.folders.items():
        print(f"{name}: samples and metrics.json in {folder}", file=sys.stderr)
    raise_failures(result.failures)
    return 0
