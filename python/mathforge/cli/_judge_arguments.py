"""Flags of `mathforge eval` that say which model judges the answers; NeMo-Skills' names."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ._job_arguments import read_json

if TYPE_CHECKING:
    from ..judging import Judge

# Keys of --judge-pipeline-kwargs -> the flag they stand for.
_AS_FLAGS = {
    **{key: f"judge_{key}" for key in ("model", "generation_type", "replay")},
    **{
        f"server_{key}": f"judge_server_{key}"
        for key in ("type", "address", "gpus", "nodes", "args", "entrypoint", "container")
    },
}
_WHO = ("judge_model", "judge_server_address", "judge_server_gpus", "judge_replay")


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    group = parser.add_argument_group("a model that judges the answers")
    add = group.add_argument
    add("--judge-model", metavar="NAME", help="as --model; without an address it is asked where --model is")
    add("--judge-server-type", metavar="TYPE", help="as --server-type")
    add("--judge-server-address", metavar="URL[,URL]", help="as --server-address")
    add("--judge-server-gpus", type=int, metavar="N", help="start the judge's server once samples are there")
    add("--judge-server-nodes", type=int, default=1, help=argparse.SUPPRESS)
    add("--judge-server-args", default="", metavar="'...'", help="as --server-args")
    add("--judge-server-entrypoint", help=argparse.SUPPRESS)
    add("--judge-server-container", help=argparse.SUPPRESS)
    add(
        "--judge-replay", action="append", default=[], metavar="FILE", help="play this recording as the judge"
    )
    add(
        "--extra-judge-args",
        default="",
        metavar="'++...'",
        help="the judge's own ++key=value arguments, e.g. '++prompt_config=judge/hle'",
    )
    add("--judge-pipeline-kwargs", metavar="JSON", help=argparse.SUPPRESS)
    add("--judge-generation-type", default="math_judge", help=argparse.SUPPRESS)
    add("--judge-type", default="llm", help=argparse.SUPPRESS)
    add(
        "--stage",
        choices=("all", "samples", "judge"),
        default="all",
        help="only make the samples, or only judge them (default: both)",
    )


def judge_of(args: argparse.Namespace) -> Judge | None:
    """Who judges; None where nobody is asked to.

    Raises:
        InputError: flags that contradict each other, or lack what they need.
    """
    from ..errors import InputError

    _take_pipeline_kwargs(args)
    if args.judge_type != "llm":
        raise InputError(
            f"the only judges are models, `llm`; got `--judge-type {args.judge_type}`",
            hint="leave out --judge-type",
        )
    if not any(getattr(args, name) not in {None, ""} for name in _WHO[:3]) and not args.judge_replay:
        if args.extra_judge_args:
            raise InputError("--extra-judge-args without a judge", hint="add --judge-model")
        return None
    return _judge(args)


def _judge(args: argparse.Namespace) -> Judge:
    from ..errors import InputError
    from ..judging import Judge
    from ..overrides import split_arguments
    from ..work import Model

    address, server_type = args.judge_server_address, args.judge_server_type
    overrides = split_arguments(args.extra_judge_args)
    is_placed = any(
        word.startswith(("++server.base_url", "++server.host", "++server.port")) for word in overrides
    )
    if address is None and args.judge_server_gpus is None and not args.judge_replay and not is_placed:
        if not args.server_address:
            raise InputError(
                "where is the judge? Neither its server nor that of the run has an address",
                hint="add --judge-server-address URL, or --judge-server-gpus N to start its server",
            )
        address = ",".join(args.server_address)
        server_type = server_type or args.server_type
    model = Model(
        name=args.judge_model,
        server_type=server_type,
        address=address,
        gpus=args.judge_server_gpus,
        nodes=args.judge_server_nodes,
        args=args.judge_server_args,
        entrypoint=args.judge_server_entrypoint,
        replay=tuple(args.judge_replay),
    )
    return Judge(model, tuple(overrides), args.judge_generation_type)


def _take_pipeline_kwargs(args: argparse.Namespace) -> None:
    """`--judge-pipeline-kwargs` is a mapping of flags without their `judge_`; given flags come first."""
    from ..errors import InputError

    given: dict[str, Any] = read_json(args.judge_pipeline_kwargs, "--judge-pipeline-kwargs")
    for key, value in given.items():
        flag = _AS_FLAGS.get(key)
        if flag is None:
            raise InputError(
                f"--judge-pipeline-kwargs: unknown key `{key}`", hint=f"known: {', '.join(_AS_FLAGS)}"
            )
        if getattr(args, flag) in {None, ""}:
            setattr(args, flag, value if isinstance(value, str | int) else json.dumps(value))
