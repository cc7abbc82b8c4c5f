"""A circuit breaker: whether a server is sent requests, decided from how they end.

closed --failures of different requests, or a refused connection--> open
open --a health question is answered--> half open: one request goes through as a trial
half open --the trial succeeds, or runs on without failing--> closed
half open --the trial fails--> open, for longer
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]

_THRESHOLD = 3  # one request that kills its server's answer must not shut out the others
_TRIAL_S = 5.0  # a trial without failure for so long lets the others in: answers may take minutes
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


class Breaker:
    """The state of one server.

    Args:
        clock: seconds, monotonic.

    Attributes:
        state: see above.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.state: BreakerState = "closed"
        self._clock = clock
        self._failing: set[str] = set()
        self._trial_since: float | None = None
        self._openings = 0

    def admits(self) -> bool:
        """Whether a request may be sent now."""
        if self.state == "half_open":
            since = self._trial_since
            return since is None or self._clock() - since >= _TRIAL_S
        return self.state == "closed"

    def begin(self) -> None:
        """A request is sent; while half open it is the trial."""
        if self.state != "half_open":
            return
        if self._trial_since is None:
            self._trial_since = self._clock()
        else:  # admitted because the trial goes well
            self.state = "closed"

    def succeed(self) -> None:
        """A request was answered, be it with a refusal."""
        if self.state != "open":  # a late answer of a server that has been cut off proves nothing
            self._failing.clear()
            self.state, self._trial_since, self._openings = "closed", None, 0

    def release(self) -> None:
        """A request was withdrawn before it was answered."""
        self._trial_since = None

    def fail(self, request: str, *, is_certain: bool = False) -> bool:
        """A request went wrong; returns whether that opens the circuit.

        Args:
            request: names it; the same one failing again and again says little about the server.
            is_certain: the server is known to be down, for example because it refuses connections.
        """
        if self.state == "open":
            return False
        self._failing.add(request)
        if self.state == "closed" and not is_certain and len(self._failing) < _THRESHOLD:
            return False
        self.open()
        return True

    def open(self) -> None:
        """Send nothing until a health question is answered."""
        self.state, self._trial_since = "open", None
        self._failing.clear()
        self._openings += 1

    def half_open(self) -> None:
        """A health question was answered."""
        if self.state == "open":
            self.state = "half_open"

    def pause_s(self, questions: int = 0) -> float:
        """Seconds until the next health question, `questions` having been asked: exponential, with full
        jitter."""
        steps = min(self._openings - 1 + questions, 10)
        return random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**steps))
