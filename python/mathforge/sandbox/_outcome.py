"""What comes back from a cell."""

from __future__ import annotations

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
        state_lost: whether the variables are gone; the session's next cell starts afresh.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    truncated: bool = False
    state_lost: bool = False


def lost(reason: str) -> Outcome:
    """The outcome of a cell whose interpreter was taken from it."""
    return Outcome("lost", stderr=reason, state_lost=True)
