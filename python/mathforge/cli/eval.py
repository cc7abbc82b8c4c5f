"""`mathforge eval`: benchmarks in, graded samples and tables out."""

from __future__ import annotations

import argparse
import json
import sys

from ..errors import MathforgeError
from ._server_arguments import add_server_arguments

NAME = "eval"
HELP = "Evaluate benchmarks against a model server, with or without the Python tool."
EXAMPLE = "mathforge eval --benchmarks demo:8 --server-type replay --replay demo --output-dir runs/demo"
TAKES_OVERRIDES = True

# Flags of NeMo-Skills for clusters, containers and hosting; what they arrange is not this program's business.
WITHOUT_EFFECT = (
    *(
        "cluster",
        "config-dir",
        "expname",
        "run-after",
        "reuse-code",
        "reuse-code-exp",
        "log-dir",
        "dependent-jobs",
    ),
    *("num-jobs", "num-chunks", "chunk-ids", "partition", "qos", "time-min", "exclusive", "sbatch-kwargs"),
    *(
        "mount-paths",
        "check-mounted-paths",
        "keep-mounts-for-sandbox",
        "skip-hf-home-check",
        "installation-command",
    ),
    *("server-container", "single-node-mode"),
    *(
        "generation-type",
        "generation-module",
        "extra-datasets",
        "extra-datasets-type",
        "auto-summarize-results",
    ),
    *("metrics-kwargs", "log-samples", "wandb-name", "wandb-group", "wandb-project", "skip-greedy"),
)


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
    add("--model", help="name the server knows (default: the only one it serves)")
    add("--server-type", help="vllm (default), sglang, openai, trtllm, generic or replay")
    add(
        "--server-address",
        action="append",
        metavar="URL[,URL]",
        help="for example http://localhost:8000/v1; several may be given",
    )
    add_server_arguments(parser)
    add(
        "--replay",
        action="append",
        default=[],
        metavar="FILE",
        help="play this recording as the model; `demo` is built in",
    )
    add(
        "--with-sandbox",
        action="store_true",
        help="as in NeMo-Skills; ++code_execution=true is what starts the sandbox",
    )
    add("--sandbox", metavar="URL", help="run the cells on this `mathforge sandbox serve`; ++sandbox.url")
    add("--starting-seed", type=int, default=0, metavar="S", help="seeds are S, S+1, ... (default: 0)")
    add(
        "--overwrite",
        "--rerun-done",
        action="store_true",
        help="delete earlier results of these benchmarks first",
    )
    add("--dry-run", action="store_true", help="print the resolved configuration as JSON and stop")
    add("--json", action="store_true", help="print the metrics as JSON instead of tables")
    for flag in WITHOUT_EFFECT:
        add(f"--{flag}", nargs="?", const=True, help=argparse.SUPPRESS)
    parser.usage = (
        "mathforge eval --benchmarks NAME[:K],... --output-dir DIR [--flag value ...] [++key=value ...]"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; 1 when any sample failed."""
    from ..evaluating import Request, prepare
    from ..evaluating import run as run_request

    for flag in WITHOUT_EFFECT:
        if getattr(args, flag.replace("-", "_")) is not None:
            print(f"note: --{flag} has no effect: jobs and servers are started by you", file=sys.stderr)
    overrides = [*args.overrides, f"++sandbox.url={args.sandbox}"] if args.sandbox else args.overrides
    request = Request(
        benchmarks=args.benchmarks,
        output_dir=args.output_dir,
        model=args.model,
        server_type=args.server_type,
        server_address=",".join(args.server_address) if args.server_address else None,
        server_gpus=args.server_gpus,
        server_nodes=args.server_nodes,
        server_args=args.server_args,
        server_entrypoint=args.server_entrypoint,
        replicas=args.replicas,
        replay=args.replay,
        data_dir=args.data_dir,
        split=args.split,
        starting_seed=args.starting_seed,
        with_sandbox=args.with_sandbox,
        overwrite=args.overwrite,
        overrides=overrides,
    )
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
    if result.failures:
        shown = "\n  ".join(result.failures[:5])
        raise MathforgeError(
            f"{len(result.failures)} sample(s) failed:\n  {shown}",
            hint="the same command makes only what is missing",
        )
    return 0
