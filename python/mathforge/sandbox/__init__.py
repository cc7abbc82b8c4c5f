"""Stateful Python sessions for models: CPython in WebAssembly, without host files, network or processes.

with Sandbox() as box:
    session = box.session()
    session.run("from sympy import *; x = symbols('x')")
    print(session.run("factor(x**4 - 1)").stdout)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Protocol

from ..errors import InputError, SandboxError
from ._local import Limits, LocalSessions, available_cores
from ._outcome import Outcome, Status, lost
from ._prepare import prepare
from ._turns import Turns
from ._workers import WorkerSessions

__all__ = ["Outcome", "Sandbox", "SandboxError", "Session", "Status", "prepare"]

# A cell's output goes back to the model: more than this is of no use to it.
MAX_OUTPUT_CHARS = 32_768


class _Cells(Protocol):
    """A session behind its process border."""

    def submit(self, code: str, timeout_s: float) -> Future[Outcome]: ...

    def close(self) -> None: ...


class _Sessions(Protocol):
    def session(self) -> _Cells: ...

    def close(self) -> None: ...


class Sandbox:
    """One prepared image and the sessions that start from it; a context manager.

    The first use on a machine builds the image (about a minute, shown on stderr); later ones open it in
    milliseconds.

    Args:
        packages: pinned packages beside sympy and mpmath.
        workers: 0 runs sessions in this process; N > 0 in N worker processes, so that a crash loses only the
            sessions of one of them.
        threads: cells that run at a time; default the number of processors. Time limits count wall time, so
            more than that makes cells time out that would not alone.
        memory_mib: cap of each session's memory in MiB, the interpreter included.
        max_output_chars: cap of a cell's stdout and of its stderr in characters; head and tail are kept.
        cache_dir: where images are kept; default $MATHFORGE_CACHE, else the user's cache folder.

    Raises:
        SandboxError: when the image cannot be prepared or opened.
    """

    def __init__(
        self,
        packages: Iterable[str] = (),
        *,
        workers: int = 0,
        threads: int | None = None,
        memory_mib: int = 1024,
        max_output_chars: int = MAX_OUTPUT_CHARS,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if workers < 0:
            raise InputError(f"the number of sandbox workers must be 0 or more, got {workers}")
        if threads is not None and threads < 1:
            raise InputError(f"the number of sandbox threads must be 1 or more, got {threads}")
        image = prepare(packages, cache_dir=cache_dir)
        limits = Limits(image, memory_mib, max_output_chars)
        threads = threads or available_cores()
        self._turns = Turns(threads)
        self._sessions: _Sessions = (
            WorkerSessions(limits, self._turns, workers, threads)
            if workers
            else LocalSessions(limits, self._turns, threads)
        )

    @property
    def waiting(self) -> int:
        """Cells that wait for a free processor."""
        return self._turns.waiting

    def session(self) -> Session:
        """Start a session, with sympy already imported and no variables."""
        return Session(self._sessions.session(), self._turns)

    def close(self) -> None:
        """End all sessions. Cells that still run or wait are answered "lost"."""
        self._turns.close()
        self._sessions.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Session:
    """A Python interpreter whose variables live from cell to cell; a context manager.

    Cells of one session run one after the other. Over all sessions of a sandbox, as many cells run at a time
    as there are processors; the rest wait, without their time limit running. A processor that is free goes to
    the session that has had the least of them, so sessions with long cells do not starve the others.
    """

    def __init__(self, cells: _Cells, turns: Turns) -> None:
        self._cells = cells
        self._turns = turns

    def run(self, code: str, timeout_s: float = 10.0) -> Outcome:
        """Run one cell and wait for it. A cell that fails is an outcome, not an exception.

        Args:
            code: Python source; the value of a last expression is echoed as in a notebook.
            timeout_s: seconds until KeyboardInterrupt is raised in the cell (the variables survive); a cell
                that goes on regardless is killed a second later.
        """
        _check(timeout_s)
        try:
            self._turns.reserve().result()
            return self._cells.submit(code, timeout_s).result()
        except CancelledError:
            return lost("the sandbox was closed")

    async def run_async(self, code: str, timeout_s: float = 10.0) -> Outcome:
        """Like `run`, for an event loop; thousands may wait at once."""
        _check(timeout_s)
        room = self._turns.reserve()
        try:
            await asyncio.shield(asyncio.wrap_future(room))
        except asyncio.CancelledError:
            # Cancelled by `close` when it is the room that was cancelled, else our own task: that goes on up.
            if room.cancelled():
                return lost("the sandbox was closed")
            if not room.cancel():
                self._turns.release()
            raise
        future = self._cells.submit(code, timeout_s)
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if future.cancelled():
                return lost("the sandbox was closed")
            future.cancel()
            raise

    def close(self) -> None:
        """End the session and free its memory."""
        self._cells.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check(timeout_s: float) -> None:
    if not timeout_s > 0:
        raise InputError(f"a cell's time limit must be more than 0 s, got {timeout_s}")
