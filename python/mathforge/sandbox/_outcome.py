"""What comes back from a cell."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "error", "timeout", "memory", "lost"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell that was run.

    Attributes:
        status: "ok"; "error" (an exception, or a cell that brought its interpreter down); "timeout"; "memory"
            (a MemoryError); "lost" (no fault of the cell: its worker ended, or the sandbox was closed).
        stdout: what the cell printed, and the repr of its last expression.
        stderr: traceback and warnings; for a lost session, why.
        wall_s: wall time in seconds, without waiting for a free processor.
        cpu_s: processor time in seconds.
        truncated: whether output was cut.
        rolled_back: whether the cell broke the interpreter and the session is back in its state from before
            it.
        state_lost: whether the variables are gone; the session's next cell starts afresh.
        dirty_pages: pages of 4 KiB that the session does not share with its image, as last counted: after its
            first cell and after every cell of 2 ms or more. 0 where the system cannot tell.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    truncated: bool = False
    rolled_back: bool = False
    state_lost: bool = False
    dirty_pages: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A cell on its way.

    Attributes:
        answer: its outcome to come; can be cancelled until the cell starts.
        interrupt: brings its time limit forward to now; does nothing once it has ended.
    """

    answer: Future[Outcome]
    interrupt: Callable[[], None]


def lost(reason: str) -> Outcome:
    """The outcome of a cell whose interpreter was taken from it."""
    return Outcome("lost", stderr=reason, state_lost=True)
