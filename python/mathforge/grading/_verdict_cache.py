"""Verdicts of the fallback kept on disk, for several processes at a time."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path

from .._native import Verdict

_WAIT_S = 30.0
"""How long a write waits for another process."""


class VerdictCache:
    """A small database of verdicts by what they depend on. Thread-safe.

    A database that cannot be opened, read or written costs time, never a run: it then holds nothing.

    Args:
        path: the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, check_same_thread=False)
            # Readers and one writer at a time, across processes.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            with self._connection:
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS verdicts"
                    " (key BLOB PRIMARY KEY, verdict TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID"
                )

    def get(self, key: bytes) -> Verdict | None:
        """What is known under a key."""
        with self._lock, contextlib.suppress(sqlite3.Error, ValueError):
            if self._connection is not None:
                query = "SELECT verdict, reason FROM verdicts WHERE key = ?"
                row = self._connection.execute(query, (key,)).fetchone()
                return None if row is None else Verdict(*row)
        return None

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Remember a verdict; the first one for a key stays."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                with self._connection:
                    values = (key, verdict.verdict, verdict.reason)
                    self._connection.execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?)", values)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def key_of(question: str, budget: tuple[float, int]) -> bytes:
    """What a verdict of the fallback depends on, as a short key: the two trees and the conventions in the
    question, the limits, the code that decides and the version of sympy."""
    parts = f"{question}\n{budget}\n{version('sympy')}\n".encode()
    return hashlib.sha256(parts + _deciding_code()).digest()[:20]


@cache
def _deciding_code() -> bytes:
    files = ("_sympy_trees.py", "_sympy_verdicts.py")
    return hashlib.sha256(b"".join(Path(__file__).with_name(name).read_bytes() for name in files)).digest()
