"""How far output files are: rows they have of rows they are to have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..folders import RUN_FILE

_OUTPUT = re.compile(r"(output(?:-rs\d+)?)(?:_chunk_\d+)?\.jsonl(-async)?")


@dataclass(frozen=True, slots=True)
class Rows:
    """One folder of output files.

    Attributes:
        folder: of a benchmark, or of a generation.
        files: output files that are there or expected, one per seed.
        done: rows that are there, finished files and files in progress together.
        wanted: rows when all is done; None where the folder does not say how many problems there are.
    """

    folder: Path
    files: int
    done: int
    wanted: int | None


def rows_under(output_dir: Path, expected: Iterable[str] = ()) -> list[Rows]:
    """The folders of outputs below a folder, itself included.

    Args:
        output_dir: of a run.
        expected: output files that jobs are to complete, whether or not they are there yet.
    """
    seeds: dict[Path, set[str]] = {}
    for path in map(Path, expected):
        if match := _OUTPUT.fullmatch(path.name):
            seeds.setdefault(path.parent, set()).add(match[1])
    done: dict[Path, int] = {}
    for path in sorted(output_dir.rglob("output*.jsonl*")):
        match = _OUTPUT.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        if match[2] and path.with_name(path.name.removesuffix("-async")).exists():
            continue  # just being finished: its rows are in the other file
        seeds.setdefault(path.parent, set()).add(match[1])
        done[path.parent] = done.get(path.parent, 0) + _count_lines(path)
    found = []
    for folder, names in sorted(seeds.items()):
        problems = _problems(folder)
        wanted = None if problems is None else problems * len(names)
        found.append(Rows(folder, len(names), done.get(folder, 0), wanted))
    return found


def _problems(folder: Path) -> int | None:
    try:
        count = json.loads((folder / RUN_FILE).read_bytes())["fingerprint"]["problems"]["count"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return count if isinstance(count, int) else None


def _count_lines(path: Path) -> int:
    """Line ends, so that a row being written is not counted."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:  # renamed at this moment
        return 0
