"""`eval` and `wrap_arguments` with the signatures NeMo-Skills scripts use."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from difflib import get_close_matches

from ..cli.eval import WITHOUT_EFFECT
from ..errors import InputError
from ..evaluating import Request, Result, run
from ..overrides import split_arguments

__all__ = ["Arguments", "eval", "wrap_arguments"]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The `++` arguments of one call, in order."""

    args: tuple[str, ...]


def wrap_arguments(arguments: str) -> Arguments:
    """Split one string of `++key=value` arguments."""
    return Arguments(tuple(split_arguments(arguments)))


def eval(ctx: Arguments | None = None, **options: object) -> Result:  # noqa: A001 - the name scripts import
    """Evaluate benchmarks and print their tables.

    Args:
        ctx: overrides, from `wrap_arguments`.
        options: the flags of `mathforge eval` in snake_case.

    Raises:
        InputError: an unknown option, or whatever `mathforge.evaluate` raises.
    """
    known = {field.name for field in fields(Request)} - {"overrides"}
    ignored = {flag.replace("-", "_") for flag in WITHOUT_EFFECT}
    for name in options.keys() - known:
        if name not in ignored:
            near = get_close_matches(name, known | ignored, n=1)
            raise InputError(
                f"unknown option of eval: `{name}`", hint=f"did you mean `{near[0]}`?" if near else None
            )
        print(f"note: {name} has no effect: jobs and servers are started by you", file=sys.stderr)
    kept = {name: value for name, value in options.items() if name in known}
    if isinstance(replay := kept.get("replay"), str):
        kept["replay"] = [replay]
    result = run(Request(overrides=ctx.args if ctx else (), **kept))  # type: ignore[arg-type]
    print(result.table(), end="")
    if result.failures:
        raise InputError(
            f"{len(result.failures)} sample(s) failed", hint="call again: only what is missing is made"
        )
    return result
