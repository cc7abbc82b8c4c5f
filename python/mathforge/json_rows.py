"""A JSON object edited as text: what is not changed keeps its bytes, its place and its spelling."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
# Value and end at a place, by the C scanner; `raw_decode` is the same behind two calls of Python.
_scan: Callable[[str, int], tuple[Any, int]] = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[attr-defined]


class JsonRow:
    """The members of one JSON object and where their values stand.

    Of members with the same name the last one counts, as for `json.loads`.

    Raises:
        ValueError: the text is not one JSON object.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.values: dict[str, Any] = {}
        self._spans: dict[str, tuple[int, int]] = {}
        self._end = 0
        for name, value, start, end in self._members():
            self.values[name] = value
            self._spans[name] = start, end

    def written(self, name: str) -> str | None:
        """A string value, or the text of a number as it is written there; None for null and a missing member.

        Raises:
            ValueError: another kind of value.
        """
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            start, end = self._spans[name]
            return self.text[start:end]
        raise ValueError(f"`{name}` is {type(value).__name__}, not text or a number")

    def edited(self, changes: Mapping[str, object], *, after: str) -> str:
        """The text with these members set: values replaced where they stand, new members behind `after` or
        last.

        Args:
            changes: names and values; those that are there already with an equal value stay as written.
            after: the member that new ones follow.
        """
        edits: list[tuple[int, int, str]] = []
        new = ""
        for name, value in changes.items():
            if name not in self._spans:
                new += f", {json.dumps(name)}: {json.dumps(value)}"
            elif self.values[name] != value or type(self.values[name]) is not type(value):
                edits.append((*self._spans[name], json.dumps(value)))
        if new:
            at = self._spans[after][1] if after in self._spans else self._end
            edits.append((at, at, new if self._spans else new.removeprefix(", ")))
        text = self.text
        for start, end, replacement in sorted(edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _members(self) -> Iterator[tuple[str, Any, int, int]]:
        text = self.text
        at = self._expect("{", 0)
        if text[at : at + 1] == "}":
            self._finish(at)
            return
        while True:
            if text[at : at + 1] != '"':
                raise ValueError(f"a name in quotes is missing at character {at}")
            name, at = self._value(at)
            start = self._expect(":", at)
            value, end = self._value(start)
            yield name, value, start, end
            at = _space(text, end)
            if text[at : at + 1] == "}":
                self._end = end
                self._finish(at)
                return
            at = self._expect(",", at)

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _scan(self.text, at)
        except StopIteration:
            raise ValueError(f"a value is missing at character {at}") from None
        except RecursionError:
            raise ValueError(f"nested too deeply at character {at}") from None

    def _expect(self, mark: str, at: int) -> int:
        at = _space(self.text, at)
        if self.text[at : at + 1] != mark:
            raise ValueError(f"`{mark}` is missing at character {at}")
        return _space(self.text, at + 1)

    def _finish(self, closing: int) -> None:
        self._end = self._end or closing
        if _space(self.text, closing + 1) != len(self.text):
            raise ValueError(f"there is more behind the object, at character {closing + 1}")


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
