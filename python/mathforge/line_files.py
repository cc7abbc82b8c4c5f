"""Files of lines that may be compressed: read as a stream, rewritten whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from ._native import zstd_compress, zstd_decompress
from .errors import InputError, StoreError


@contextlib.contextmanager
def open_lines(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a file with their newlines; `.gz` and `.zst` are decompressed, `.zst` in memory.

    Raises:
        InputError: the file cannot be read, or is cut off or damaged as an archive.
    """
    try:
        with _opened(path) as file:
            yield iter(file)
    except (EOFError, gzip.BadGzipFile, ValueError) as error:
        raise InputError(f"{path}: cannot be decompressed: {error}") from error
    except OSError as error:
        if error.filename not in {str(path), path}:
            raise
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return io.BytesIO(zstd_decompress(path.read_bytes()))
    return path.open("rb")


class Rewrite:
    """The new content of a file; a context manager.

    It is written to `NAME-tmp` beside the target, synced and renamed over it when the block ends well;
    otherwise the target stays. The file at `target` is held by one process at a time. Links are followed, and
    permissions kept.

    Args:
        source: the file that is rewritten.
        target: where to; the same compression as its name says.
        dry_run: take everything and write nothing.

    Raises:
        StoreError: another process is rewriting the target.
    """

    def __init__(self, source: Path, target: Path, *, dry_run: bool = False) -> None:
        self._source = source
        self._target = target.resolve()
        self._dry_run = dry_run
        self._lock: int | None = None
        self._file: IO[bytes] | None = None
        self._raw: IO[bytes] | None = None

    @property
    def _temporary(self) -> Path:
        return self._target.with_name(f"{self._target.name}-tmp")

    def __enter__(self) -> Self:
        if not self._dry_run:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._hold()
            self._raw = self._temporary.open("wb")
            self._file = self._raw
            if self._target.suffix == ".gz":
                # No name and no time in the header: the same rows give the same bytes.
                self._file = cast("IO[bytes]", gzip.GzipFile("", "wb", 6, self._raw, mtime=0))
            elif self._target.suffix == ".zst":
                self._file = io.BytesIO()
        return self

    def write(self, data: bytes) -> None:
        """Append to the new content."""
        if self._file is not None:
            self._file.write(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._raw is not None and self._file is not None:
                if error is None:
                    self._finish(self._raw, self._file)
                else:
                    self._raw.close()
                    self._temporary.unlink(missing_ok=True)
        finally:
            if self._lock is not None:
                os.close(self._lock)  # releases it, as the death of the process would

    def _finish(self, raw: IO[bytes], file: IO[bytes]) -> None:
        if isinstance(file, io.BytesIO):
            raw.write(zstd_compress(file.getvalue()))
        elif file is not raw:
            file.close()
        raw.flush()
        os.fsync(raw.fileno())
        raw.close()
        if self._target.exists():
            shutil.copymode(self._target, self._temporary)
        self._temporary.replace(self._target)

    def _hold(self) -> None:
        """Locks the file itself: there is nothing else that every process would agree on."""
        if not self._target.exists():
            return
        self._lock = os.open(self._target, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = os.fstat(self._lock).st_ino == self._target.stat().st_ino
        except OSError as error:
            held = error.errno not in {errno.EAGAIN, errno.EACCES}  # else a file system without locks
        if not held:
            os.close(self._lock)
            self._lock = None
            raise StoreError(
                f"another process is rewriting {self._target}", hint="wait for it, then run the command again"
            )
