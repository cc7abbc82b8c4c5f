"""At most so many cells at a time; the rest wait in order, without threads of their own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Turns:
    """Free places and a queue. A `start` must not raise; each leads to one `give_back`, at once or later."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._starting = False

    def take(self, start: Callable[[], None]) -> None:
        """Call `start` as soon as a place is free: at once, or later in the thread that gives one back."""
        with self._lock:
            self._waiting.append(start)
        self._start_waiting()

    def give_back(self) -> None:
        """A place is free again."""
        with self._lock:
            self._free += 1
        self._start_waiting()

    def _start_waiting(self) -> None:
        with self._lock:
            # A start may give its place back at once; the loop below sees that, so nothing recurses.
            if self._starting:
                return
            self._starting = True
        while True:
            with self._lock:
                if not (self._free and self._waiting):
                    self._starting = False
                    return
                self._free -= 1
                start = self._waiting.popleft()
            start()
