"""Flags that `mathforge eval` and `mathforge generate` share: who answers, and which part of the work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._server_arguments import add_server_arguments

if TYPE_CHECKING:
    from ..work import Model

# Flags of NeMo-Skills that arrange what has no counterpart here.
WITHOUT_EFFECT = {
    "reuse-code": "jobs run the installed package",
    "reuse-code-exp": "jobs run the installed package",
    "check-mounted-paths": "a path that is missing is told by the job",
    "keep-mounts-for-sandbox": "the sandbox sees no host files",
    "skip-hf-home-check": "HF_HOME is not needed",
    "installation-command": "jobs run the installed package",
    "single-node-mode": "all samples of a job run in one process, side by side",
    "generation-module": "rows are answered by this package",
    "extra-datasets": "--data-dir names other benchmarks",
    "extra-datasets-type": "--data-dir names other benchmarks",
    "auto-summarize-results": "tables are printed when a benchmark is complete",
    "metrics-kwargs": "`mathforge aggregate` has the options",
    "log-samples": "samples are in the output folder",
    "wandb-name": "samples are in the output folder",
    "wandb-group": "samples are in the output folder",
    "wandb-project": "samples are in the output folder",
    "skip-greedy": "no greedy pass is run beside seeds",
    "skip-filled": "finished samples are kept",
}


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add = parser.add_argument
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
    add_switch(
        parser,
        "--with-sandbox",
        help="as in NeMo-Skills; ++code_execution=true is what starts the sandbox",
    )
    add("--sandbox", metavar="URL", help="run the cells on this `mathforge sandbox serve`; ++sandbox.url")
    add("--starting-seed", type=int, default=0, metavar="S", help="seeds are S, S+1, ... (default: 0)")
    add(
        "--num-chunks",
        type=int,
        metavar="N",
        help="make every file in N chunks, merged when all are there; on a cluster each is a unit of work",
    )
    add("--chunk-ids", metavar="LIST", help="only these chunks, for example 0,3 or 0..5")
    add(
        "--share",
        type=share,
        metavar="I/N",
        help="only share I (from 0) of N even shares of the output files; for work in several places",
    )
    add_switch(parser, "--overwrite", "--rerun-done", help="delete earlier results first")
    for flag in WITHOUT_EFFECT:
        add(f"--{flag}", nargs="?", const=True, help=argparse.SUPPRESS)


def add_switch(parser: argparse._ActionsContainer, *flags: str, **options: str) -> None:
    """A flag that may also be written `--flag=true`, `--flag=false` and `--no-flag`."""
    name = flags[0].removeprefix("--").replace("-", "_")
    parser.add_argument(*flags, nargs="?", const=True, default=False, type=_truth, metavar="=BOOL", **options)  # type: ignore[arg-type]
    for flag in flags:
        parser.add_argument(
            flag.replace("--", "--no-", 1), dest=name, action="store_false", help=argparse.SUPPRESS
        )


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"true or false is wanted, not {text!r}")
    return words[text.lower()]


def share(text: str) -> tuple[int, int]:
    """`I/N`."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and int(number) < int(count)):
        raise argparse.ArgumentTypeError(f"I/N with 0 <= I < N is wanted, not {text!r}")
    return int(number), int(count)


def model_of(args: argparse.Namespace) -> Model:
    """Who answers."""
    from ..work import Model

    return Model(
        name=args.model,
        server_type=args.server_type,
        address=",".join(args.server_address) if args.server_address else None,
        gpus=args.server_gpus,
        nodes=args.server_nodes,
        args=args.server_args,
        entrypoint=args.server_entrypoint,
        replicas=args.replicas,
        replay=tuple(args.replay),
    )


def overrides_of(args: argparse.Namespace) -> list[str]:
    """The `++` arguments."""
    return [*args.overrides, f"++sandbox.url={args.sandbox}"] if args.sandbox else list(args.overrides)


def starts_again(args: argparse.Namespace) -> bool:
    """Whether earlier results are deleted first: `--overwrite`, or `skip_filled=false` in any spelling."""
    from ..overrides import parse_overrides
    from ..overrides import starts_again as asked

    return bool(args.overwrite) or _is_false(args.skip_filled) or asked(parse_overrides(args.overrides))


def _is_false(value: object) -> bool:
    return str(value).lower() in {"false", "0", "no"}


@contextmanager
def going_on_later() -> Iterator[None]:
    """Say what becomes of an interrupted run."""
    try:
        yield
    except KeyboardInterrupt:
        print("finished samples are kept; the same command goes on with the rest", file=sys.stderr)
        raise


def notes_of(args: argparse.Namespace) -> list[str]:
    """One line for each flag that changes nothing."""
    return [
        f"--{flag} has no effect: {reason}"
        for flag, reason in WITHOUT_EFFECT.items()
        if (value := getattr(args, flag.replace("-", "_"))) is not None
        and not (flag == "skip-filled" and _is_false(value))
    ]


def raise_failures(failures: list[str]) -> None:
    """Fail the command when any sample could not be made."""
    from ..errors import MathforgeError

    if failures:
        shown = "\n  ".join(failures[:5])
        raise MathforgeError(
            f"{len(failures)} sample(s) failed:\n  {shown}",
            hint="the same command makes only what is missing",
        )
