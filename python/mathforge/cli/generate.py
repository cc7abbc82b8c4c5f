"""`mathforge generate`: a file of rows in, the same rows with what a model made of them out."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ._job_arguments import add_job_arguments, submit_run
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
    from ..synthesizing import Request

NAME = "generate"
HELP = "Answer every row of a file, as often as asked, into output-rsSEED.jsonl files."
EXAMPLE = (
    "mathforge generate --input-file problems.jsonl --output-dir runs/sdg --num-random-seeds 8 \\\n"
    "  --server-address http://localhost:8000/v1 ++prompt_config=gpt-oss/math"
)
TAKES_OVERRIDES = True

# Wrapper flags that NeMo-Skills commands also give as main arguments.
_AS_OVERRIDES = ("input_file", "input_dir", "output_dir")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add(
        "--output-dir",
        metavar="DIR",
        help="receives output.jsonl or output-rsSEED.jsonl; what is finished is kept",
    )
    add("--input-file", metavar="FILE", help="one JSON object per line; its fields fill the prompt")
    add(
        "--input-dir",
        metavar="DIR",
        help="instead: output-rsSEED.jsonl in it becomes output-rsSEED.jsonl, row by row",
    )
    add(
        "--generation-type",
        default="generate",
        metavar="KIND",
        help="generate (default), or math_judge: judge the answers of finished samples",
    )
    add("--num-random-seeds", type=int, metavar="K", help="samples of each row; without it one greedy sample")
    add("--random-seeds", metavar="LIST", help="the seeds themselves, for example 0..7 or 1,4")
    add(
        "--preprocess-cmd",
        metavar="'...'",
        help="shell command run before; {random_seed} stands for each seed",
    )
    add("--postprocess-cmd", metavar="'...'", help="shell command run once for every finished file")
    add("--inline-args", default="", metavar="'++...'", help="++key=value arguments in one string")
    add_run_arguments(parser)
    add_job_arguments(parser)
    add("--json", action="store_true", help="print the finished files as JSON")
    parser.usage = (
        "mathforge generate --input-file FILE --output-dir DIR [--flag value ...] [++key=value ...]"
    )


def run(args: argparse.Namespace) -> int:
    """Generate; 1 when any sample failed."""
    from ..overrides import split_arguments
    from ..synthesizing import outline, prepare
    from ..synthesizing import run as run_request
    from ..work import tell

    tell(notes_of(args))
    args.overrides = _take_flags(args, [*split_arguments(args.inline_args), *args.overrides])
    args.overwrite = starts_again(args)
    request = _request(args)
    if args.cluster is not None:
        files, config = outline(_on_host(args, request))
        return submit_run(args, files=files, config=config.to_json(), logs="generation-logs")
    if args.dry_run:
        parts = prepare(request)
        print(json.dumps({parts[0].benchmark.name: parts[0].config.to_json()}, indent=2))
        return 0
    with going_on_later():
        result = run_request(request)
    if args.json:
        print(json.dumps({"files": [str(file) for file in result.files]}, indent=2))
    else:
        print("".join(f"{file}\n" for file in result.files), end="")
    raise_failures(result.failures)
    return 0


def _on_host(args: argparse.Namespace, request: Request) -> Request:
    """The request with its input folder where this machine has it."""
    from ..clusters import load_cluster

    if request.input_dir is None:
        return request
    cluster, _ = load_cluster(args.cluster, args.config_dir)
    return replace(request, input_dir=cluster.on_host(str(request.input_dir)))


def _take_flags(args: argparse.Namespace, overrides: list[str]) -> list[str]:
    """`++input_dir=...` is `--input-dir`; the rest stays."""
    kept = []
    for override in overrides:
        key, equals, value = override.removeprefix("++").partition("=")
        if equals and key in _AS_OVERRIDES:
            setattr(args, key, value.strip("'\""))
        else:
            kept.append(override)
    return kept


def _request(args: argparse.Namespace) -> Request:
    """What the flags ask for."""
    from ..errors import InputError
    from ..synthesizing import Request

    if args.output_dir is None:
        raise InputError("--output-dir is missing", code="usage")
    return Request(
        output_dir=args.output_dir,
        input_file=args.input_file,
        input_dir=args.input_dir,
        generation_type=args.generation_type,
        server=model_of(args),
        num_random_seeds=args.num_random_seeds,
        random_seeds=args.random_seeds,
        starting_seed=args.starting_seed,
        num_chunks=args.num_chunks,
        chunk_ids=args.chunk_ids,
        share=args.share,
        preprocess_cmd=args.preprocess_cmd,
        postprocess_cmd=args.postprocess_cmd,
        with_sandbox=args.with_sandbox,
        overwrite=args.overwrite,
        overrides=overrides_of(args),
    )
