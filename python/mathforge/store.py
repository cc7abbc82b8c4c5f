"""Output files of a run: what is finished stays finished, whenever the process is killed.

`output-rsN.jsonl-async` receives one line per finished sample, in one write, in any order, with its position.
When all are there the lines are ordered into `output-rsN.jsonl` (a temporary file, synced, renamed), then
`.done` is touched, then the `-async` file is removed. Every step can be repeated. `run.json` beside them says
with which configuration and problems they were made.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from .errors import StoreError
from .problems import Problem

POSITION = "_async_position"
RUN_FILE = "run.json"


def output_name(seed: int | None) -> str:
    """`output.jsonl` for a greedy run, `output-rsSEED.jsonl` for a seed."""
    return "output.jsonl" if seed is None else f"output-rs{seed}.jsonl"


@dataclass
class OutputFile:
    """One output file: one row per problem, row i for problem i.

    Attributes:
        path: the finished file.
        problems: all problems of the benchmark, in order.
        finished: positions that have a row.
        damaged_lines: lines of the in-progress file that could not be read; their samples are made again.
    """

    path: Path
    problems: Sequence[Problem]
    finished: set[int] = field(default_factory=set)
    damaged_lines: int = 0
    _descriptor: int | None = None

    @property
    def in_progress_path(self) -> Path:
        """The file finished samples are appended to."""
        return self.path.with_name(f"{self.path.name}-async")

    @property
    def done_path(self) -> Path:
        """The marker of a complete file."""
        return self.path.with_name(f"{self.path.name}.done")

    @property
    def is_complete(self) -> bool:
        """Whether every problem has its row."""
        return len(self.finished) == len(self.problems)

    def open(self) -> None:
        """Read what is there and make ready for `append`.

        Raises:
            StoreError: rows that belong to other problems.
        """
        if self.path.exists():
            self._check_finished()
            self.finished = set(range(len(self.problems)))
            self.done_path.touch()
            self.in_progress_path.unlink(missing_ok=True)
            return
        self.done_path.unlink(missing_ok=True)
        self.finished = set(self._rows_in_progress())
        if self.is_complete:
            self.finish()

    def append(self, position: int, row: Mapping[str, object]) -> None:
        """Write one finished row; a complete line reaches the operating system before this returns."""
        line = json.dumps({**row, POSITION: position}).encode() + b"\n"
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.in_progress_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            size = os.fstat(self._descriptor).st_size
            if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # sets a torn last line apart
        while line:
            line = line[os.write(self._descriptor, line) :]
        self.finished.add(position)

    def finish(self) -> None:
        """Turn the complete in-progress file into the finished one."""
        self.close()
        rows = self._rows_in_progress()
        temporary = self.path.with_name(f"{self.path.name}-tmp")
        with temporary.open("w", encoding="utf-8") as file:
            for position in range(len(self.problems)):
                row = {key: value for key, value in rows[position].items() if key != POSITION}
                file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        self.done_path.touch()
        self.in_progress_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the in-progress file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _rows_in_progress(self) -> dict[int, dict[str, object]]:
        """Position -> row; the first of two rows for a position counts, unreadable lines are counted and left
        out."""
        rows: dict[int, dict[str, object]] = {}
        self.damaged_lines = 0
        if not self.in_progress_path.exists():
            return rows
        for line, row in _json_lines(self.in_progress_path):
            position = row.pop(POSITION, None) if row is not None else None
            if row is None or not isinstance(position, int) or not 0 <= position < len(self.problems):
                self.damaged_lines += 1
                continue
            self._check_row(row, position, self.in_progress_path, line)
            rows.setdefault(position, row)
        return rows

    def _check_finished(self) -> None:
        count = 0
        for line, row in _json_lines(self.path):
            if row is None:
                raise StoreError(
                    f"{self.path}:{line}: not a JSON object", hint="remove the file to make its samples again"
                )
            if count < len(self.problems):
                self._check_row(row, count, self.path, line)
            count += 1
        if count != len(self.problems):
            raise StoreError(
                f"{self.path} holds {count} rows, the benchmark has {len(self.problems)} problems",
                hint=_OTHER_FOLDER,
            )

    def _check_row(self, row: Mapping[str, object], position: int, path: Path, line: int) -> None:
        if row.get("problem") != self.problems[position].text:
            raise StoreError(
                f"{path}:{line}: the row belongs to another problem than `{self.problems[position].id}`",
                hint=_OTHER_FOLDER,
            )


_OTHER_FOLDER = "use another --output-dir, or --overwrite to delete these results and start again"


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, object] | None]]:
    """Line number and object of every line that is not blank; None for what is not a JSON object."""
    with path.open("rb") as file:
        for number, data in enumerate(file, 1):
            if not data.strip():
                continue
            try:
                row = json.loads(data)
            except ValueError:
                row = None
            yield number, row if isinstance(row, dict) else None


class Folder:
    """The folder of one benchmark, held by one process at a time; a context manager.

    Attributes:
        path: `<output_dir>/eval-results/<benchmark>`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Folder:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise StoreError(
                f"another mathforge process is writing to `{self.path}`",
                hint="wait for it, or use another --output-dir",
            ) from error
        except OSError:
            pass  # a file system without locks, as some network ones are: nothing can be checked
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)  # releases the lock, as the death of the process would
            self._lock = None

    def clear(self) -> None:
        """Delete the results of earlier runs."""
        for pattern in ("output*.jsonl*", "metrics.json", RUN_FILE):
            for path in self.path.glob(pattern):
                path.unlink()

    def recorded_model(self) -> str | None:
        """The model of the run that began this folder; None for a new folder."""
        try:
            model = json.loads((self.path / RUN_FILE).read_bytes())["fingerprint"]["model"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return model if isinstance(model, str) else None

    def check_fingerprint(self, fingerprint: Mapping[str, object], config: Mapping[str, object]) -> None:
        """Write `run.json`, or compare with the fingerprint in the one that is there.

        Args:
            fingerprint: what must be the same when a run is continued.
            config: the whole resolved configuration, for the reader.

        Raises:
            StoreError: the folder was begun with something else; names the first keys that differ.
        """
        path = self.path / RUN_FILE
        now = dict(_flatten(json.loads(json.dumps(fingerprint))))
        if not path.exists():
            record = {"fingerprint": fingerprint, "config": config}
            write_atomically(path, json.dumps(record, indent=2) + "\n")
            return
        try:
            before = dict(_flatten(json.loads(path.read_bytes())["fingerprint"]))
        except (ValueError, LookupError, TypeError) as error:
            raise StoreError(f"cannot read `{path}`", hint=_OTHER_FOLDER) from error
        differing = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if differing:
            shown = ", ".join(f"{key}: {before.get(key)!r} -> {now.get(key)!r}" for key in differing[:3])
            more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
            raise StoreError(
                f"`{self.path}` was begun with another configuration ({shown}{more})",
                hint=_OTHER_FOLDER,
                code="other_run",
            )


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    temporary = path.with_name(f"{path.name}-tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _flatten(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flatten(below, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
