"""Which cell runs next: at most so many at a time, one for each session, and fair between sessions.

Fair means by time: of the sessions that wait, the one whose cells have had the least of it goes first
(start-time fair queueing). A session of ten-second cells gets its share and no more, and one that was idle
neither pays nor saves up for it.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ._outcome import Outcome

Start = Callable[[Future[Outcome]], None]

WAITING_CELLS = 4096


@dataclass(eq=False, slots=True)
class _Cell:
    answer: Future[Outcome]
    start: Start
    started_at: float | None = None


@dataclass(eq=False, slots=True)
class Line:
    """The cells of one session, in order.

    Attributes:
        waiting: those that have not started.
        running: whether one of them runs.
        queued: whether the line stands in the order of lines.
        had_s: its place in that order.
    """

    waiting: deque[_Cell] = field(default_factory=deque)
    running: bool = False
    queued: bool = False
    had_s: float = 0.0


class Turns:
    """Places for running cells, and the sessions that wait for one.

    Args:
        places: cells that may run at a time.
        room: cells that may wait; for more, `reserve` is what waits.
    """

    def __init__(self, places: int, room: int = WAITING_CELLS) -> None:
        self._free = places
        self._capacity = self._room = room
        self._outside: deque[Future[None]] = deque()
        self._order: list[tuple[float, int, Line]] = []
        self._arrivals = itertools.count()
        self._now_s = 0.0  # the `had_s` of the line that started last
        self._lines: set[Line] = set()  # with cells that wait
        self._lock = threading.Lock()
        self._starting = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Cells that wait, outside of the queue included."""
        with self._lock:
            return self._capacity - self._room + len(self._outside)

    def reserve(self) -> Future[None]:
        """Room for one cell: done at once, or when a waiting one has started. `submit` uses it up."""
        room: Future[None] = Future()
        with self._lock:
            self._outside.append(room)
        self._admit()
        return room

    def release(self) -> None:
        """Give back a reservation that no `submit` follows."""
        with self._lock:
            self._room += 1
        self._admit()

    def submit(self, line: Line, start: Start) -> Future[Outcome]:
        """Call `start` with the returned future as soon as it is the line's turn.

        It is called at once or in the thread that gives a place back, must not raise, and leads to a result
        of the future, at once or later. Until it is called the future can be cancelled.
        """
        cell = _Cell(Future(), start)
        with self._lock:
            closed = self._closed
            if not closed:
                line.waiting.append(cell)
                self._lines.add(line)
                self._queue(line)
        if closed:
            cell.answer.cancel()
            self.release()
        else:
            cell.answer.add_done_callback(lambda _: self._ended(line, cell))
            self._start_waiting()
        return cell.answer

    def enter(self, line: Line) -> float | None:
        """Take a place for a cell that its own thread runs, if none has to wait for it: no thread is woken.

        Returns:
            What `leave` wants to know when the cell has ended; None where the cell has to be submitted.
        """
        with self._lock:
            if self._closed or not self._free or self._order or line.running or line.waiting:
                return None
            line.had_s = self._now_s = max(line.had_s, self._now_s)
            line.running = True
            self._free -= 1
        return time.monotonic()

    def leave(self, line: Line, started_at: float) -> None:
        """Give back what `enter` took."""
        with self._lock:
            self._give_back(line, started_at)
        self._start_waiting()
        self._admit()

    def close(self) -> None:
        """Cancel all cells that wait, and those still to come."""
        with self._lock:
            self._closed = True
            cells = [cell for line in self._lines for cell in line.waiting]
            outside = list(self._outside)
        for cell in cells:
            cell.answer.cancel()
        for room in outside:
            room.cancel()

    def _queue(self, line: Line) -> None:
        if line.waiting and not line.running and not line.queued:
            line.queued = True
            # Time that passed while it had nothing to do is not owed to it.
            line.had_s = max(line.had_s, self._now_s)
            heapq.heappush(self._order, (line.had_s, next(self._arrivals), line))

    def _ended(self, line: Line, cell: _Cell) -> None:
        """The cell has its answer, or was cancelled before its turn."""
        with self._lock:
            if cell.started_at is None:
                line.waiting.remove(cell)
                self._room += 1
                if not line.waiting:
                    self._lines.discard(line)
            else:
                self._give_back(line, cell.started_at)
        self._start_waiting()
        self._admit()

    def _give_back(self, line: Line, started_at: float) -> None:
        line.running = False
        line.had_s += time.monotonic() - started_at
        self._free += 1
        self._queue(line)

    def _start_waiting(self) -> None:
        with self._lock:
            # A cell may end while it is started; the loop below sees that, so nothing recurses.
            if self._starting:
                return
            self._starting = True
        while cell := self._next():
            if cell.answer.set_running_or_notify_cancel():
                cell.start(cell.answer)
            self._admit()

    def _next(self) -> _Cell | None:
        """The next cell, marked as started; None ends the starting."""
        with self._lock:
            while self._free and self._order:
                _, _, line = heapq.heappop(self._order)
                line.queued = False
                if not line.waiting:
                    continue  # they were cancelled
                cell = line.waiting.popleft()
                if not line.waiting:
                    self._lines.discard(line)
                line.running = True
                self._now_s = max(self._now_s, line.had_s)
                self._free -= 1
                self._room += 1
                cell.started_at = time.monotonic()
                return cell
            self._starting = False
            return None

    def _admit(self) -> None:
        while True:
            with self._lock:
                if not (self._room and self._outside):
                    return
                room = self._outside.popleft()
                self._room -= 1
            if room.set_running_or_notify_cancel():
                room.set_result(None)
            else:
                self.release()
