"""Reads the hand-written parts: problems, openers, routes to an answer, checks and final messages.

A parts file holds several problems. `=== id | subset | answer` opens one, followed by its statement;
`--- kind [note]` opens a section (`forms`, `open`, `tool`, `pure`, `check`, `final`). The note of a route
says how it ends: nothing for the right answer, `wrong ANSWER`, or `endless` for a model that never stops
calling. In routes, ```` ```py ```` fences are Python cells and everything else is reasoning;
`{{out}}` stands for the last tool output, `{{last}}` for its last line, `{{ans}}` for the answer in the form
the sample gives it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PARTS_DIR = Path(__file__).parent / "parts"
_FENCE = re.compile(r"^```py[^\n]*\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """One Python cell of a route."""

    code: str


@dataclass(frozen=True)
class Route:
    """Reasoning and cells in order; `answer` is None when the route reaches the expected answer."""

    blocks: tuple[str | Cell, ...]
    answer: str | None = None
    endless: bool = False


@dataclass
class Parts:
    """Everything written for one problem."""

    id: str
    subset: str
    expected_answer: str
    statement: str
    forms: list[str] = field(default_factory=list)
    openers: list[str] = field(default_factory=list)
    tool: list[Route] = field(default_factory=list)
    pure: list[Route] = field(default_factory=list)
    checks: list[Route] = field(default_factory=list)
    finals: list[str] = field(default_factory=list)


def _blocks(text: str) -> tuple[str | Cell, ...]:
    blocks: list[str | Cell] = []
    for index, piece in enumerate(_FENCE.split(text)):
        if index % 2:
            blocks.append(Cell(piece))
        elif piece.strip():
            blocks.append(piece.strip())
    return tuple(blocks)


def _route(note: str, body: str) -> Route:
    if note.startswith("wrong "):
        return Route(_blocks(body), answer=note.removeprefix("wrong "))
    if note not in ("", "endless"):
        raise ValueError(f"unknown note on a route: {note!r}")
    return Route(_blocks(body), endless=note == "endless")


def _add_section(parts: Parts, kind: str, note: str, body: str) -> None:
    match kind:
        case "forms":
            parts.forms += [form.strip() for form in body.split(";;")]
        case "open":
            parts.openers.append(body)
        case "tool":
            parts.tool.append(_route(note, body))
        case "pure":
            parts.pure.append(_route(note, body))
        case "check":
            parts.checks.append(_route(note, body))
        case "final":
            parts.finals.append(body)
        case _:
            raise ValueError(f"{parts.id}: unknown section {kind!r}")


def _problem(text: str) -> Parts:
    heading, *sections = re.split(r"^--- ", text, flags=re.MULTILINE)
    title, _, statement = heading.partition("\n")
    name, subset, answer = (piece.strip() for piece in title.split("|"))
    parts = Parts(name, subset, answer, statement.strip())
    for section in sections:
        head, _, body = section.partition("\n")
        kind, _, note = head.strip().partition(" ")
        _add_section(parts, kind, note, body.strip())
    return parts


def parse_parts(text: str) -> list[Parts]:
    """The problems of one parts file, in its order."""
    return [_problem(piece) for piece in re.split(r"^=== ", text, flags=re.MULTILINE) if piece.strip()]


def read_parts(directory: Path = PARTS_DIR) -> list[Parts]:
    """All problems of a folder of parts files, ordered by id."""
    files = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.txt"))]
    return sorted((parts for text in files for parts in parse_parts(text)), key=lambda parts: parts.id)
