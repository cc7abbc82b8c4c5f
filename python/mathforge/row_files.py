"""Problems of a JSONL file, read where they stand, so that its size costs no memory."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from .errors import InputError

if TYPE_CHECKING:
    from .problems import Problem

Row = dict[str, object]
_SHOWN_DEFECTS = 5


class RowFile(Sequence["Problem"]):
    """The rows of one file, or a stretch of them, as problems; only their places are kept in memory."""

    def __init__(
        self,
        handle: _Handle,
        places: array[int],
        read: Callable[[Row, int], Problem],
        first: int = 0,
        digest: str | None = None,
    ) -> None:
        self._handle = handle
        self._places = places
        self._read = read
        self._first = first
        self._digest = digest

    @classmethod
    def read(
        cls,
        path: Path,
        problem: Callable[[Row, int], Problem],
        *,
        max_samples: int = -1,
        check: Callable[[Problem, int], bytes] | None = None,
    ) -> RowFile:
        """Find the rows of a file.

        Args:
            path: JSONL; blank lines are passed over.
            problem: makes a row with its position a problem.
            max_samples: only the first so many; -1 is all.
            check: told every problem and its line; gives what of it counts for the fingerprint (without it,
                the row as it stands). A ValueError, also of `problem`, says what is wrong with the row.

        Raises:
            InputError: no rows, or lines that cannot be used, named by file and line.
        """
        places = array("Q")
        digest = hashlib.sha256()
        defects: list[str] = []
        for line, place, data in _lines(path):
            if max_samples >= 0 and len(places) == 2 * max_samples:
                break
            try:
                row = _row(data)
                digest.update(data + b"\n" if check is None else check(problem(row, len(places) // 2), line))
            except ValueError as error:
                defects.append(f"{path}:{line}: {reason_of(error)}")
                continue
            places.extend((place, len(data)))
        refuse(defects)
        if not places:
            raise InputError(f"no problems in {path}")
        return cls(_Handle(path), places, problem, digest=digest.hexdigest())

    def fingerprint(self) -> str:
        """SHA-256 of the rows, or of what counts of them; known of whole files."""
        if self._digest is None:
            raise ValueError("a stretch of a file has no fingerprint")
        return self._digest

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


def _row(data: bytes) -> Row:
    row = json.loads(data.decode())
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object is wanted, not {type(row).__name__}")
    return row


def refuse(defects: Sequence[str]) -> None:
    """Raise if there are any, showing the first."""
    if defects:
        shown = "\n       ".join(defects[:_SHOWN_DEFECTS])
        more = f"\n       and {len(defects) - _SHOWN_DEFECTS} more" if len(defects) > _SHOWN_DEFECTS else ""
        raise InputError(shown + more, hint="each line is one JSON object with the fields of a problem")


def reason_of(error: ValueError) -> str:
    """What is wrong with a line, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON ({error.msg} at character {error.pos + 1})"
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8 (byte {error.start + 1})"
    return str(error)
