"""`mathforge VERB ...`: find the verb's module, read its flags, run it, and turn errors into two clear lines.

A verb is a file in this folder. Its module has `NAME`, `HELP`, `add_arguments(parser)` and `run(args) ->
int`, and may have `ALIASES` (other spellings of the verb), `EXAMPLE` (one command line) and `TAKES_OVERRIDES
= True` when `++dotted.key=value` arguments make sense for it; they arrive as the list `args.overrides`.
Modules import what is heavy inside `run`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from ..errors import InputError, MathforgeError

_SNAKE_FLAG = re.compile(r"--[a-z0-9]+(?:[_-][a-z0-9]+)*")


class Command(Protocol):
    """What the module of a verb offers."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags of the verb."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work; returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when everything went well, 1 after an error, 2 for wrong usage, 130 when interrupted.
    """
    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as leave:  # argparse has already said why
        return leave.code if isinstance(leave.code, int) else 2
    except MathforgeError as error:
        return _report(str(error), error.hint, 2 if error.code == "usage" else 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `mathforge summarize runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f" `{error.filename}`" if error.filename else ""
        return _report(f"{error.strerror or error}{where}", None, 1)


def _report(message: str, hint: str | None, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return status


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        from .._native import __version__

        print(f"mathforge {__version__}")
        return 0
    return run_command(argv)


def run_command(argv: Sequence[str]) -> int:
    """Run the command whose name and arguments are given.

    Returns:
        Its exit status.

    Raises:
        MathforgeError: whatever it raises.
        SystemExit: wrong usage, which argparse has told.
    """
    command = find_command(argv[0])
    parser = parser_of(command)
    overrides, flags = split_overrides(argv[1:], parser)
    args = parser.parse_args([_switched_on(parser, _kebab(flag)) for flag in flags])
    if overrides and not getattr(command, "TAKES_OVERRIDES", False):
        raise InputError(
            f"`mathforge {command.NAME}` takes no ++ arguments, got `{overrides[0]}`", code="usage"
        )
    args.overrides = overrides
    args.verb = argv[0]
    args.argv = [command.NAME, *(_kebab(word) for word in argv[1:])]
    return command.run(args)


def parser_of(command: Command) -> argparse.ArgumentParser:
    """The flags of a command."""
    example = getattr(command, "EXAMPLE", None)
    parser = argparse.ArgumentParser(
        prog=f"mathforge {command.NAME}",
        description=command.HELP,
        epilog=f"example:\n  {example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def split_overrides(
    argv: Sequence[str], parser: argparse.ArgumentParser | None = None
) -> tuple[list[str], list[str]]:
    """Separate `++key=value` arguments from the rest, each in its order; what stands behind a flag that takes
    a value is that value."""
    overrides: list[str] = []
    flags: list[str] = []
    for before, token in zip(("", *argv), argv, strict=False):
        action = None if parser is None else parser._option_string_actions.get(_kebab(before))
        is_value = action is not None and action.nargs is None
        (overrides if token.startswith("++") and not is_value else flags).append(token)
    return overrides, flags


def _switched_on(parser: argparse.ArgumentParser, token: str) -> str:
    """A switch without a value as one with it, so that it does not take the word behind it for its value."""
    action = parser._option_string_actions.get(token)
    is_switch = (
        action is not None and action.nargs == "?" and action.const is True and action.type is not None
    )
    return f"{token}=true" if is_switch else token


def _kebab(token: str) -> str:
    """`--output_dir=a_b` -> `--output-dir=a_b`: both spellings of a flag are the same flag."""
    name, equals, value = token.partition("=")
    return name.replace("_", "-") + equals + value if _SNAKE_FLAG.fullmatch(name) else token


def _load(verb: str) -> Command:
    return cast("Command", import_module(f"{__package__}.{verb}"))


def _verbs() -> list[str]:
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if file.stem != "main" and not file.stem.startswith("_"))


def find_command(word: str) -> Command:
    """The command of a name, in any of its spellings."""
    verbs = _verbs()
    if word in verbs:
        return _load(word)
    spellings = {word, word.replace("_", "-")}
    names: list[str] = []
    for command in map(_load, verbs):
        known = {command.NAME, *getattr(command, "ALIASES", ())}
        if spellings & known:
            return command
        names += known
    from difflib import get_close_matches

    near = get_close_matches(word, names, n=1)
    raise InputError(
        f"there is no command `{word}`",
        hint=f"did you mean `mathforge {near[0]}`?" if near else f"commands: {', '.join(sorted(verbs))}",
        code="usage",
    )


def _overview() -> str:
    commands = [_load(verb) for verb in _verbs()]
    width = max((len(command.NAME) for command in commands), default=0)
    lines = ["usage: mathforge COMMAND [--flag value ...] [++key=value ...]", ""]
    lines += ["Evaluate math models with or without a Python tool; problems in, tables out.", "", "commands:"]
    for command in commands:
        lines.append(f"  {command.NAME:<{width}}  {command.HELP.splitlines()[0]}")
        if example := getattr(command, "EXAMPLE", None):
            lines.append(f"  {'':<{width}}    {example.replace(chr(10), chr(10) + ' ' * (width + 6))}")
    lines += [
        "",
        "`mathforge COMMAND --help` shows the flags of a command; `mathforge --version` the version.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
