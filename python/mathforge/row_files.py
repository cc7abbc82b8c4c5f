"""Rows to generate for: a JSONL file read row by row, so that its size costs no memory."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import overload

from .errors import InputError
from .problems import Problem, reason_of

Row = dict[str, object]
_SHOWN_DEFECTS = 5

# What a sample's row is given; an input row's own fields of these names are not carried through.
RESULT_FIELDS = frozenset(
    {
        *("generation", "num_generated_tokens", "num_tool_output_tokens", "generation_start_time"),
        *("generation_end_time", "generation_time", "finish_reason", "reasoning_content", "rounds", "error"),
        *("code_rounds_executed", "code_execution_time", "num_code_timeouts", "stopped_on_repetition"),
        *("predicted_answer", "symbolic_correct", "grade_reason"),
        *("_full_generation", "_generation_finished_thinking"),
    }
)


class RowFile(Sequence[Problem]):
    """The rows of one file, or a stretch of them, as problems; only their places are kept in memory."""

    def __init__(
        self,
        handle: _Handle,
        places: array[int],
        read: Callable[[Row, int], Problem],
        first: int = 0,
    ) -> None:
        self._handle = handle
        self._places = places
        self._read = read
        self._first = first

    @classmethod
    def read(
        cls,
        path: Path,
        name: str,
        *,
        max_samples: int = -1,
        change: Callable[[Row], Row] = lambda row: row,
        made: str = "generation",
    ) -> RowFile:
        """Find the rows of a file.

        Args:
            path: JSONL; blank lines are passed over.
            name: of the rows, for the ids of those that have none.
            max_samples: only the first so many; -1 is all.
            change: made to every row as it is read.
            made: field that the generation will be written to.

        Raises:
            InputError: no file, no rows, or lines that are not JSON objects, named by file and line.
        """
        if not path.is_file():
            raise InputError(
                f"there is no input file `{path}`", hint="it holds one JSON object per line (--input-file)"
            )
        places = array("Q")
        defects: list[str] = []
        for line, place, data in _lines(path):
            if max_samples >= 0 and len(places) == 2 * max_samples:
                break
            if trouble := _trouble(data):
                defects.append(f"{path}:{line}: {trouble}")
            places.extend((place, len(data)))
        if defects:
            shown = "\n       ".join(defects[:_SHOWN_DEFECTS])
            more = (
                f"\n       and {len(defects) - _SHOWN_DEFECTS} more" if len(defects) > _SHOWN_DEFECTS else ""
            )
            raise InputError(shown + more, hint="each line of the input is one JSON object")
        if not places:
            raise InputError(f"no rows in {path}")

        def problem(row: Row, position: int) -> Problem:
            return problem_of(change(row), f"{name}-{position}", made)

        return cls(_Handle(path), places, problem)

    def fingerprint(self) -> str:
        """SHA-256 of the rows as they stand in the file."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            digest.update(self._bytes(index) + b"\n")
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self._places) // 2

    @overload
    def __getitem__(self, index: int) -> Problem: ...
    @overload
    def __getitem__(self, index: slice) -> RowFile: ...
    def __getitem__(self, index: int | slice) -> Problem | RowFile:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("rows are taken in stretches")
            return RowFile(self._handle, self._places[2 * start : 2 * stop], self._read, self._first + start)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._read(json.loads(self._bytes(index)), self._first + index)

    def _bytes(self, index: int) -> bytes:
        place, length = self._places[2 * index : 2 * index + 2]
        return self._handle.read(length, place)


def problem_of(row: Row, fallback_id: str, made: str) -> Problem:
    """An input row as a problem: every field may be missing."""
    text, expected = row.get("problem"), row.get("expected_answer")
    # What is written about a generation is written about this very one.
    written = RESULT_FIELDS - {"generation"} | {"problem", made}
    subset = row.get("subset_for_metrics")
    return Problem(
        id=str(row.get("id", fallback_id)),
        text=text if isinstance(text, str) else "",
        expected_answer=None if expected is None or isinstance(expected, bool) else str(expected),
        subset=subset if isinstance(subset, str) else None,
        row=row,
        checked=tuple(key for key in row if key not in written),
    )


class _Handle:
    """A file kept open for reading at any place, shared by all stretches of it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, length: int, place: int) -> bytes:
        return os.pread(self._descriptor, length, place)

    def __del__(self) -> None:
        os.close(self._descriptor)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, place and bytes of every line that is not blank; a byte order mark is passed over."""
    place = 0
    with path.open("rb") as file:
        for number, data in enumerate(file, 1):
            mark = 3 if number == 1 and data.startswith(b"\xef\xbb\xbf") else 0
            body = data[mark:].rstrip(b"\r\n")
            if body.strip():
                yield number, place + mark, body
            place += len(data)


def _trouble(data: bytes) -> str | None:
    try:
        row = json.loads(data.decode())
    except ValueError as error:
        return reason_of(error)
    return None if isinstance(row, dict) else f"a JSON object is wanted, not {type(row).__name__}"
