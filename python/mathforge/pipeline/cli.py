"""The functions of `nemo_skills.pipeline.cli`, so that scripts run with the import replaced.

Each is the command of the same name: `eval(ctx=wrap_arguments("++a=1"), server_gpus=8)` is `mathforge eval
--server-gpus 8 ++a=1`, with its tables on stdout and its notes on stderr.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..cli.main import find_command, parser_of, run_command
from ..errors import InputError, MathforgeError
from ..overrides import split_arguments

__all__ = [
    "Arguments",
    "convert",
    "eval",
    "generate",
    "prepare_data",
    "run_cmd",
    "summarize_results",
    "wrap_arguments",
]


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of one call that are not options of the function: `++key=value`, or a shell command.

    Attributes:
        args: split as a shell splits them.
        text: as they were given.
    """

    args: tuple[str, ...]
    text: str


def wrap_arguments(arguments: str) -> Arguments:
    """One string of `++key=value` arguments, or for `run_cmd` a command, as the `ctx` of the functions."""
    return Arguments(tuple(split_arguments(arguments)), arguments)


def eval(ctx: Arguments | None = None, **options: object) -> None:  # noqa: A001 - the name scripts import
    """`mathforge eval`: evaluate benchmarks and print their tables.

    Args:
        ctx: overrides, from `wrap_arguments`.
        options: the flags in snake_case; lists are joined by commas, mappings become JSON.

    Raises:
        InputError: an unknown option, or whatever the command raises.
    """
    _call("eval", ctx, options)


def generate(ctx: Arguments | None = None, **options: object) -> None:
    """`mathforge generate`: answer every row of a file; parameters and errors as of `eval`."""
    _call("generate", ctx, options)


def run_cmd(ctx: Arguments | None = None, **options: object) -> None:
    """`mathforge run-cmd`: run a shell command.

    Args:
        ctx: the command, from `wrap_arguments`; or give `command=`.
        options: the flags in snake_case.

    Raises:
        InputError: an unknown option.
        MathforgeError: the command failed, or whatever `mathforge run-cmd` raises.
    """
    _call("run-cmd", None, options if ctx is None else {**options, "command": ctx.text})


def prepare_data(ctx: Arguments | None = None, **options: object) -> None:
    """`mathforge prepare`: fetch benchmarks, named in `ctx`; parameters and errors as of `eval`."""
    _call("prepare", ctx, options)


def summarize_results(
    results_dir: str | Path | None = None, ctx: Arguments | None = None, **options: object
) -> None:
    """`mathforge summarize`: print the tables of a folder; options and errors as of `eval`."""
    _call("summarize", ctx, options, [] if results_dir is None else [str(results_dir)])


def convert(ctx: Arguments | None = None, **options: object) -> None:
    """`mathforge convert` of a model; parameters and errors as of `eval`."""
    _call("convert", ctx, options)


def _call(name: str, ctx: Arguments | None, options: Mapping[str, object], words: Sequence[str] = ()) -> None:
    command = find_command(name)
    known = {flag.removeprefix("--").replace("-", "_") for flag in parser_of(command)._option_string_actions}
    flags: list[str] = []
    for option, value in options.items():
        if option not in known:
            near = get_close_matches(option, known, n=1)
            raise InputError(
                f"unknown option of {name}: `{option}`", hint=f"did you mean `{near[0]}`?" if near else None
            )
        flags += _flag(option, value)
    try:
        status = run_command([name, *words, *flags, *(ctx.args if ctx else ())])
    except SystemExit as leave:  # argparse has already said why
        raise InputError(f"wrong arguments of {name}", code="usage") from leave
    if status != 0:
        raise MathforgeError(f"`mathforge {name}` did not finish everything", code="incomplete")


def _flag(option: str, value: object) -> Iterable[str]:
    flag = f"--{option.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, Mapping):
        return [f"{flag}={json.dumps(value)}"]
    if isinstance(value, str | int | float | Path):
        return [f"{flag}={value}"]
    if isinstance(value, Iterable):
        return [f"{flag}={','.join(map(str, value))}"]
    raise InputError(f"`{option}` cannot be given as {type(value).__name__}")
