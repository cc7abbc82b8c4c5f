"""How many sessions of a sandbox may be open at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SandboxError


class Places:
    """Counts open sessions. `most` None is no limit."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._open = 0
        # A session may be collected, and give its place back, while this thread holds the lock.
        self._lock = threading.RLock()

    @contextmanager
    def taking(self) -> Iterator[None]:
        """A place for a session that is opened inside; given back at once when that fails."""
        with self._lock:
            if self._most is not None and self._open >= self._most:
                raise SandboxError(
                    f"all {self._most} sessions of this sandbox are open",
                    hint="close sessions that are not needed any more, or raise max_sessions",
                    code="sessions",
                )
            self._open += 1
        try:
            yield
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """A session was closed."""
        with self._lock:
            self._open -= 1
