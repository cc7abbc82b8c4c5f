"""The sessions of every client: opened by their first cell, closed by request, when idle, or at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .. import Outcome, Sandbox, Session
from .wire import STATEFUL, RefusedError


@dataclass(eq=False, slots=True)
class Held:
    """One session.

    Attributes:
        session: the interpreter.
        created: seconds since 1970.
        last_used: seconds since 1970 of the start or end of its latest cell.
        cells: how many run or wait.
        is_new: whether its next answer has to say that nothing of earlier cells is there.
    """

    session: Session
    created: float = field(default_factory=time.time)
    last_used: float = field(default_factory=time.time)
    cells: int = 0
    is_new: bool = True


class Sessions:
    """Sessions by client and name. A client never learns of another's: what is not its own does not exist.

    Args:
        box: where they run.
        limit: sessions of one client.
        idle_s: seconds without a cell after which a session is closed.
    """

    def __init__(self, box: Sandbox, limit: int, idle_s: float) -> None:
        self._box = box
        self._limit = limit
        self._idle_s = idle_s
        self._held: dict[str, dict[str, Held]] = {}

    async def run(self, client: str, name: str, code: str, timeout_s: float) -> tuple[Outcome, bool]:
        """Run one cell in a client's session, which is opened when it does not exist.

        Returns:
            The outcome, and whether the cell found nothing of earlier cells.

        Raises:
            RefusedError: the client has as many sessions as it may.
        """
        held = self._open(client, name)
        held.cells += 1
        held.last_used = time.time()
        try:
            is_new, held.is_new = held.is_new, False
            outcome = await held.session.run_async(code, timeout_s)
            if outcome.status == "lost" and self._is_open(client, name, held):
                # Its worker process ended, which is not the cell's fault: the same cell, on an empty session.
                is_new = True
                outcome = await held.session.run_async(code, timeout_s)
            held.is_new |= outcome.state_lost
            return outcome, is_new
        finally:
            held.cells -= 1
            held.last_used = time.time()

    def close(self, client: str, name: str) -> bool:
        """Close a session; False when the client has none of this name."""
        held = self._held.get(client, {}).pop(name, None)
        if held is None:
            return False
        held.session.close()
        return True

    def describe(self, client: str) -> dict[str, Any]:
        """The client's sessions as `/sessions` lists them."""
        return {
            name: {
                "backend": STATEFUL,
                "created": held.created,
                "last_used": held.last_used,
                "alive": True,
            }
            for name, held in self._held.get(client, {}).items()
        }

    def expire(self) -> int:
        """Close what has been idle for too long; returns how many."""
        before = time.time() - self._idle_s
        idle = [
            (client, name)
            for client, sessions in self._held.items()
            for name, held in sessions.items()
            if not held.cells and held.last_used < before
        ]
        for client, name in idle:
            self.close(client, name)
        return len(idle)

    def close_all(self) -> None:
        """Close every session."""
        for client, sessions in list(self._held.items()):
            for name in list(sessions):
                self.close(client, name)

    def _open(self, client: str, name: str) -> Held:
        mine = self._held.setdefault(client, {})
        held = mine.get(name)
        if held is None:
            if len(mine) >= self._limit:
                self.expire()
            if len(mine) >= self._limit:
                message = f"{len(mine)} sessions are open, which is the limit: delete some, or wait"
                raise RefusedError(503, message, retry_after_s=5)
            held = mine[name] = Held(self._box.session())
        return held

    def _is_open(self, client: str, name: str, held: Held) -> bool:
        return self._held.get(client, {}).get(name) is held
