"""`++dotted.key=value`: the override syntax of Hydra, as far as evaluation commands use it.

Values: `true`/`false`, `null`, integers, floats, `'quoted'` or `"quoted"` strings with backslash escapes,
    lists `[a,b]`, mappings
`{a:1,b:2}`, and bare words (everything else). When a key is given twice the last one wins.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import InputError

_KEY = re.compile(r"\+{0,2}([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)=(.*)", re.DOTALL)
SKIP_FILLED = "skip_filled"
_WORDS = {"true": True, "false": False, "null": None}
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Override:
    """One assignment.

    Attributes:
        key: dotted path, without the leading `++`.
        value: parsed value.
        source: the argument as the user wrote it, for messages.
    """

    key: str
    value: object
    source: str


def parse_overrides(arguments: Iterable[str]) -> list[Override]:
    """Parse `++key=value` arguments in order.

    Raises:
        InputError: an argument that is not of this form, naming it.
    """
    return [parse_override(argument) for argument in arguments]


def split_arguments(text: str) -> list[str]:
    """Split one string of arguments as a shell would (the string form that `wrap_arguments` takes)."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"unbalanced quotes in the arguments ({error}): `{text.strip()}`") from error


def starts_again(overrides: Iterable[Override]) -> bool:
    """Whether `++skip_filled=false` asks to make finished samples again, which deletes them first."""
    given = [override.value for override in overrides if override.key == SKIP_FILLED]
    return bool(given) and given[-1] is False


def parse_override(argument: str) -> Override:
    """Parse one `++key=value` argument."""
    match = _KEY.fullmatch(argument)
    if match is None:
        raise InputError(
            f"not an override: `{argument}`", hint="write ++dotted.key=value, without spaces around `=`"
        )
    try:
        return Override(match[1], parse_value(match[2]), argument)
    except ValueError as error:
        raise InputError(
            f"{error} in the override `{argument}`", hint="put the whole argument in quotes"
        ) from error


def parse_value(text: str) -> object:
    """Parse the right-hand side of an override.

    Raises:
        ValueError: brackets or quotes that do not match.
    """
    text = text.strip()
    if text[:1] in _CLOSING:
        return _parse_container(text)
    if text[:1] in {"'", '"'}:
        if len(text) < 2 or text[-1] != text[0]:
            raise ValueError("a quote is not closed")
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _parse_container(text: str) -> object:
    if text[-1] != _CLOSING[text[0]]:
        raise ValueError(f"`{text[0]}` is not closed")
    items = _split(text[1:-1])
    if text[0] == "[":
        return [parse_value(item) for item in items]
    mapping: dict[str, object] = {}
    for item in items:
        key, colon, value = item.partition(":")
        if not colon:
            raise ValueError(f"`{item}` is not of the form key:value")
        mapping[str(parse_value(key))] = parse_value(value)
    return mapping


def _split(text: str) -> list[str]:
    """Split at the commas that are outside brackets and quotes."""
    items, start, open_brackets, quote, position = [], 0, "", "", 0
    while position < len(text):
        letter = text[position]
        if quote:
            position += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _CLOSING:
            open_brackets += _CLOSING[letter]
        elif open_brackets and letter == open_brackets[-1]:
            open_brackets = open_brackets[:-1]
        elif letter == "," and not open_brackets:
            items.append(text[start:position])
            start = position + 1
        position += 1
    if open_brackets or quote:
        raise ValueError("a bracket or quote is not closed")
    return [item for item in [*items, text[start:]] if item.strip()]
