"""A folder for what does not fit the memory budget, gone when its process is, whatever ended it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "mathforge-spill-"
_LOCK = "lock"


@contextmanager
def spill_folder() -> Iterator[Path]:
    """A new folder in the folder for temporary files; removes those that killed processes left there.

    Its owner holds a lock on a file in it, which the kernel gives up when the process ends.
    """
    _sweep()
    folder, lock = _claimed()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _claimed() -> tuple[Path, int]:
    """A new folder and the lock on it, sure not to have been swept up before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR)
        except FileNotFoundError:
            continue
        # A file system without locks is one where nobody sweeps.
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if (folder / _LOCK).stat().st_ino == os.fstat(lock).st_ino:
                return folder, lock
        os.close(lock)


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Somebody else's, or gone meanwhile, or in use.
        with contextlib.suppress(OSError):
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
