"""Output files of a run: what is finished stays finished, whenever the process is killed.

`output-rsN.jsonl-async` receives one line per finished sample, in one write, in any order, with its position.
When all are there the lines are ordered into `output-rsN.jsonl` (a temporary file, synced, renamed), then
`.done` is touched, then the `-async` file is removed. Every step can be repeated. `run.json` beside them says
with which configuration and problems they were made.

A run in chunks writes `output-rsN_chunk_C.jsonl` in the same way, each for a stretch of the problems, and
`merge_chunks` joins them. Names and order are those of NeMo-Skills. Any number of processes may work in one
folder, each on files of its own: whoever has a file in progress holds a lock on it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .checkpoints import Journal, RoundsFile, StateRoom
from .errors import InputError, StoreError
from .folders import OTHER_FOLDER, RUN_FILE, Folder, lock, temporary_beside, write_atomically
from .positions import LinePlaces, Positions
from .problems import Problem

__all__ = [
    "POSITION",
    "RUN_FILE",
    "Folder",
    "OutputFile",
    "chunk_positions",
    "merge_chunks",
    "output_name",
    "write_atomically",
]

POSITION = "_async_position"


def output_name(seed: int | None, chunk: int | None = None) -> str:
    """`output.jsonl` for a greedy run, `output-rsSEED.jsonl` for a seed; `..._chunk_C.jsonl` for a chunk."""
    stem = "output" if seed is None else f"output-rs{seed}"
    return f"{stem}.jsonl" if chunk is None else f"{stem}_chunk_{chunk}.jsonl"


def chunk_positions(count: int, num_chunks: int, chunk: int) -> range:
    """The problems of one chunk: contiguous, the first `count % num_chunks` chunks one longer.

    Args:
        count: problems in all.
        num_chunks: chunks in all.
        chunk: which, from 0.

    Raises:
        InputError: there is no such chunk.
    """
    if not 0 <= chunk < num_chunks:
        raise InputError(
            f"there is no chunk {chunk} of {num_chunks}", hint=f"chunks are 0 to {num_chunks - 1}"
        )
    length, longer = divmod(count, num_chunks)
    start = chunk * length + min(chunk, longer)
    return range(start, start + length + (chunk < longer))


def merge_chunks(folder: Path, seed: int | None, num_chunks: int, count: int) -> bool:
    """Join the chunk files of one seed into its output file, once all are done; may run in several processes
    at a time, and again after a kill.

    Args:
        folder: where they lie.
        seed: None for greedy.
        num_chunks: chunks in all.
        count: problems in all.

    Returns:
        Whether the output file is complete. The chunk files are then gone, their `.done` markers stay.

    Raises:
        StoreError: a chunk file has not the rows of its chunk.
    """
    merged = folder / output_name(seed)
    chunks = [folder / output_name(seed, chunk) for chunk in range(num_chunks)]
    if not merged.exists():
        if not all(chunk.exists() and _done(chunk).exists() for chunk in chunks):
            # Another process may have merged, and removed them, since the line above.
            return merged.exists()
        temporary = temporary_beside(merged)
        try:
            with temporary.open("wb") as file:
                for number, chunk in enumerate(chunks):
                    _copy_rows(chunk, file.fileno(), len(chunk_positions(count, num_chunks, number)))
                os.fsync(file.fileno())
            temporary.replace(merged)
        except FileNotFoundError:
            if not merged.exists():
                raise
        finally:
            temporary.unlink(missing_ok=True)
    _done(merged).touch()
    for left in (*chunks, *folder.glob(f"{merged.name}-tmp*")):
        left.unlink(missing_ok=True)
    return True


def _copy_rows(source: Path, target: int, rows: int) -> None:
    with source.open("rb") as file:
        found = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        if found != rows:
            raise StoreError(f"{source} holds {found} rows, its chunk has {rows} problems", hint=OTHER_FOLDER)
        file.seek(0)
        with os.fdopen(os.dup(target), "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)


def _done(path: Path) -> Path:
    return path.with_name(f"{path.name}.done")


@dataclass
class OutputFile:
    """One output file: one row per problem, row i for problem i.

    Attributes:
        path: the finished file.
        problems: all its problems, in order: those of the benchmark, or of the chunk.
        merged_path: of a chunk: the file all chunks are merged into; once that is there nothing is missing.
        finished: positions that have a row.
        damaged_lines: lines of the in-progress file that could not be read; their samples are made again.
        rounds: its samples in the making, see `keep_rounds`.
    """

    path: Path
    problems: Sequence[Problem]
    merged_path: Path | None = None
    finished: Positions = field(init=False)
    damaged_lines: int = 0
    rounds: RoundsFile | None = None
    _descriptor: int | None = None
    _held: IO[bytes] | None = None  # closes it when this object is forgotten
    _is_torn: bool = False
    _places: LinePlaces | None = None

    def __post_init__(self) -> None:
        self.finished = Positions(len(self.problems))

    @property
    def in_progress_path(self) -> Path:
        """The file finished samples are appended to."""
        return self.path.with_name(f"{self.path.name}-async")

    @property
    def done_path(self) -> Path:
        """The marker of a complete file."""
        return _done(self.path)

    @property
    def is_complete(self) -> bool:
        """Whether every problem has its row."""
        return len(self.finished) == len(self.problems)

    def open(self) -> None:
        """Read what is there and make ready for `append`; the file is held until `close` or `finish`.

        Raises:
            StoreError: rows that belong to other problems, or another process is writing this file.
        """
        if self._is_finished():
            return
        self._hold()
        if self._is_finished():  # by the process that held it before us
            return
        self.done_path.unlink(missing_ok=True)
        self._find_rows()
        if self.is_complete:
            self.finish()

    def keep_rounds(self, room: StateRoom | None) -> None:
        """Keep checkpoints of samples in the making from now on, and find those of earlier runs.

        Args:
            room: for session states; None keeps none.
        """
        if self._descriptor is not None:
            self.rounds = RoundsFile(self.path, room)
            self.rounds.open(self.finished)

    def journal(self, position: int) -> Journal:
        """What is kept of a sample in the making."""
        return Journal() if self.rounds is None else self.rounds.journal(position)

    def append(self, position: int, row: Mapping[str, object]) -> None:
        """Write one finished row; a complete line reaches the operating system before this returns."""
        if self._descriptor is None:
            self._hold()
        assert self._descriptor is not None
        line = json.dumps({**row, POSITION: position}).encode() + b"\n"
        rest = b"\n" + line if self._is_torn else line  # sets a torn last line apart
        self._is_torn = True
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._is_torn = False
        self._note(position, os.fstat(self._descriptor).st_size - len(line), len(line))

    def _note(self, position: int, offset: int, length: int) -> None:
        """Where the row of a position is, now that it has one."""
        if self._places is None:  # files that are finished need none
            self._places = LinePlaces(len(self.problems))
        self._places[position] = offset, length
        self.finished.add(position)

    def rows(self) -> Iterator[tuple[int, dict[str, object]]]:
        """Position and content of every row that is there."""
        if self._descriptor is not None:
            for position in self.finished:
                yield position, json.loads(self._line(position))
        elif self.path.exists():
            for position, (_, _, line) in enumerate(_lines(self.path)):
                yield position, json.loads(line)

    def _line(self, position: int) -> bytes:
        """The line of a position that is finished, in the file in progress."""
        assert self._descriptor is not None
        assert self._places is not None
        offset, length = self._places[position]
        return os.pread(self._descriptor, length, offset)

    def finish(self) -> None:
        """Turn the complete in-progress file into the finished one."""
        temporary = self.path.with_name(f"{self.path.name}-tmp")
        with temporary.open("wb") as file:
            for position in range(len(self.problems)):
                file.write(_without_position(self._line(position)))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        self.done_path.touch()
        self._remove_in_progress()
        self.close()
        self._places = None

    def close(self) -> None:
        """Let go of the in-progress file."""
        if self.rounds is not None:
            self.rounds.close()
        held, self._held, self._descriptor = self._held, None, None
        if held is not None:
            if os.fstat(held.fileno()).st_size == 0:
                self.in_progress_path.unlink(missing_ok=True)
            held.close()

    def _is_finished(self) -> bool:
        if self.merged_path is not None and self.merged_path.exists():
            self.finished = Positions(len(self.problems), full=True)
            return True
        if not self.path.exists():
            return False
        self._check_finished()
        self.finished = Positions(len(self.problems), full=True)
        self.done_path.touch()
        self._remove_in_progress()
        self.close()
        return True

    def _remove_in_progress(self) -> None:
        (self.rounds or RoundsFile(self.path, None)).remove()
        self.in_progress_path.unlink(missing_ok=True)

    def _hold(self) -> None:
        """Open the in-progress file, and lock it as long as it is open."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.in_progress_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                lock(descriptor, fcntl.LOCK_EX, self.in_progress_path)
                if os.fstat(descriptor).st_ino == self.in_progress_path.stat().st_ino:
                    break
            except FileNotFoundError:
                pass  # whoever held it has just finished it
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        self._descriptor, self._held = descriptor, os.fdopen(descriptor, "rb", buffering=0)
        size = os.fstat(descriptor).st_size
        self._is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"

    def _find_rows(self) -> None:
        """Where the row of each position is; the first of two counts, unreadable lines are counted and left
        out."""
        self.finished, self._places, self.damaged_lines = Positions(len(self.problems)), None, 0
        for number, offset, line in _lines(self.in_progress_path):
            row = _parsed(line)
            position = None if row is None else row.get(POSITION)
            if row is None or not isinstance(position, int) or not 0 <= position < len(self.problems):
                self.damaged_lines += 1
                continue
            self._check_row(row, position, self.in_progress_path, number)
            if position not in self.finished:
                self._note(position, offset, len(line))

    def _check_finished(self) -> None:
        count = 0
        for number, _, line in _lines(self.path):
            row = _parsed(line)
            if row is None:
                raise StoreError(
                    f"{self.path}:{number}: not a JSON object",
                    hint="remove the file to make its samples again",
                )
            if count < len(self.problems):
                self._check_row(row, count, self.path, number)
            count += 1
        if count != len(self.problems):
            raise StoreError(
                f"{self.path} holds {count} rows, the benchmark has {len(self.problems)} problems",
                hint=OTHER_FOLDER,
            )

    def _check_row(self, row: Mapping[str, object], position: int, path: Path, line: int) -> None:
        problem = self.problems[position]
        if not problem.is_in(row):
            raise StoreError(
                f"{path}:{line}: the row belongs to another problem or sample than `{problem.id}`",
                hint=OTHER_FOLDER,
            )


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of every line that is not blank."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, offset, line
            offset += len(line)


def _parsed(line: bytes) -> dict[str, object] | None:
    """The object of a line; None for what is not a JSON object."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _without_position(line: bytes) -> bytes:
    """An in-progress line as a line of the finished file."""
    row = json.loads(line)
    del row[POSITION]
    return json.dumps(row).encode() + b"\n"
