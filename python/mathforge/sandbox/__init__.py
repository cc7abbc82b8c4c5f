"""Stateful Python sessions for models: CPython in WebAssembly, without host files, network or processes.

with Sandbox() as box:
    session = box.session()
    session.run("from sympy import *; x = symbols('x')")
    print(session.run("factor(x**4 - 1)").stdout)
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from pathlib import Path
from types import TracebackType
from typing import Protocol

from ..errors import InputError, SandboxError
from ._local import Limits, LocalSessions, available_cores
from ._outcome import Call, Outcome, Status, lost
from ._places import Places
from ._prepare import prepare
from ._saved import Held, SavedState
from ._turns import Turns
from ._workers import WorkerSessions

__all__ = ["Outcome", "Sandbox", "SandboxError", "SavedState", "Session", "Status", "prepare"]

# A cell's output goes back to the model: more than this is of no use to it.
MAX_OUTPUT_CHARS = 32_768


class _Cells(Protocol):
    """A session behind its process border."""

    def submit(self, code: str, timeout_s: float) -> Call: ...

    def run_now(self, code: str, timeout_s: float) -> Outcome | None: ...

    def fork(self, seed: int | None) -> _Cells: ...

    def snapshot(self) -> Held: ...

    def close(self) -> None: ...


class _Sessions(Protocol):
    def session(self, seed: int | None = None) -> _Cells: ...

    def restore(self, state: Held | Path) -> _Cells: ...

    def close(self) -> None: ...


class Sandbox:
    """One prepared image and the sessions that start from it; a context manager.

    The first use on a machine builds the image (about a minute, shown on stderr); later ones open it in
    milliseconds.

    Args:
        packages: packages beside sympy, mpmath and python-flint, see `prepare`.
        workers: 0 runs sessions in this process; N > 0 in N worker processes, so that a crash loses only the
            sessions of one of them.
        threads: cells that run at a time; default the number of processors. Time limits count wall time, so
            more than that makes cells time out that would not alone.
        memory_mib: cap of each session's memory in MiB, the interpreter included.
        max_output_chars: cap of a cell's stdout and of its stderr in characters; head and tail are kept.
        files_mib: cap of the files that a session has written, in MiB.
        max_sessions: sessions that may be open at a time; default no limit.
        idle_s: a session that is not used for so many seconds moves to a file in the system's temporary
            folder, and back with its next cell, a few milliseconds later; default never.
        deterministic: the same cells come to the same, bit for bit. The clocks stand still but for the
            cell's own work and sleeping, which takes no time; time limits count work, at about what a second
            of it takes on a machine of 2025; random numbers are seeded. A cell that spends more than 10 s +
            20 times its limit where work cannot be counted (in C code that never looks for signals) is
            undone without its output.
        seed: of the random numbers of all sessions that are not given their own; default a different one
            for each, or 0 where deterministic.
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
        files_mib: int = 256,
        max_sessions: int | None = None,
        idle_s: float | None = None,
        deterministic: bool = False,
        seed: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if workers < 0:
            raise InputError(f"the number of sandbox workers must be 0 or more, got {workers}")
        if threads is not None and threads < 1:
            raise InputError(f"the number of sandbox threads must be 1 or more, got {threads}")
        if max_sessions is not None and max_sessions < 1:
            raise InputError(f"the number of sandbox sessions must be 1 or more, got {max_sessions}")
        if idle_s is not None and not idle_s > 0:
            raise InputError(f"the time after which a session is idle must be more than 0 s, got {idle_s}")
        if deterministic and seed is None:
            seed = 0
        image = prepare(packages, cache_dir=cache_dir)
        limits = Limits(image, memory_mib, max_output_chars, files_mib, deterministic, seed, idle_s)
        self._places = Places(max_sessions)
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

    def session(self, seed: int | None = None) -> Session:
        """Start a session, with sympy already imported and no variables.

        Args:
            seed: makes its random numbers reproducible, `os.urandom` included; default the sandbox's, else a
                different one each time.
        """
        return self._open(lambda: self._sessions.session(seed))

    def restore(self, state: SavedState | str | os.PathLike[str]) -> Session:
        """Start a session that goes on from a saved state, random numbers and clocks included.

        Args:
            state: what `Session.snapshot` gave, or a file that `Session.save` wrote in this process or
                another.

        Raises:
            SandboxError: the file cannot be read, is damaged, or is of another image (other packages or
                another version of mathforge).
        """
        held = state._held if isinstance(state, SavedState) else Path(state)
        return self._open(lambda: self._sessions.restore(held))

    def _open(self, make: Callable[[], _Cells]) -> Session:
        with self._places.taking():
            return Session(make(), self._turns, self._places)

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

    def __init__(self, cells: _Cells, turns: Turns, places: Places) -> None:
        self._cells = cells
        self._turns = turns
        self._places = places
        self._give_back = weakref.finalize(self, places.give_back)

    def run(self, code: str, timeout_s: float = 10.0) -> Outcome:
        """Run one cell and wait for it. A cell that fails is an outcome, not an exception.

        Args:
            code: Python source; the value of a last expression is echoed as in a notebook.
            timeout_s: seconds until KeyboardInterrupt is raised in the cell (the variables survive); a cell
                that goes on regardless is killed a second later.
        """
        _check(timeout_s)
        if (outcome := self._cells.run_now(code, timeout_s)) is not None:
            return outcome
        try:
            self._turns.reserve().result()
            call = self._cells.submit(code, timeout_s)
        except CancelledError:
            return lost("the sandbox was closed")
        try:
            return call.answer.result()
        except CancelledError:
            return lost("the sandbox was closed")
        except KeyboardInterrupt:
            _give_up(call)
            raise

    async def run_async(self, code: str, timeout_s: float = 10.0) -> Outcome:
        """Like `run`, for an event loop; thousands may wait at once.

        Cancelling its task takes a waiting cell out of the queue, and ends a running one as its time limit
        would, so that others have its place a moment later.
        """
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
        call = self._cells.submit(code, timeout_s)
        try:
            return await asyncio.shield(asyncio.wrap_future(call.answer))
        except asyncio.CancelledError:
            if call.answer.cancelled():
                return lost("the sandbox was closed")
            _give_up(call)
            raise

    def fork(self, *, seed: int | None = None) -> Session:
        """A live copy of the session; from here on each goes its own way.

        Variables, files, open files, clocks and random numbers are those of this moment. It takes time in
        proportion to the memory the session has written, a millisecond for every few MiB. A cell that runs is
        waited for; cells that still wait are not part of the copy.

        Args:
            seed: seeds the copy's random numbers; without it both sides go on to draw the same ones.

        Raises:
            SandboxError: when the session was closed, its worker process has ended, or too many are open.
        """
        with self._places.taking():
            return Session(self._cells.fork(seed), self._turns, self._places)

    async def fork_async(self, *, seed: int | None = None) -> Session:
        """Like `fork`, for an event loop."""
        return await asyncio.to_thread(lambda: self.fork(seed=seed))

    def snapshot(self) -> SavedState:
        """The session's state at this moment, to go on from with `Sandbox.restore`.

        A cell that runs is waited for.
        """
        return SavedState(self._cells.snapshot())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the session's state to a file, whole or not at all: its memory as far as it differs from the
        image (a few MiB), its files, clocks and random numbers.

        Raises:
            SandboxError: the file cannot be written, or the session is closed.
        """
        self.snapshot().save(path)

    async def save_async(self, path: str | os.PathLike[str]) -> None:
        """Like `save`, for an event loop."""
        await asyncio.to_thread(self.save, path)

    def close(self) -> None:
        """End the session and free its memory. A cell that runs is killed and answered "lost"."""
        self._cells.close()
        self._give_back()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _give_up(call: Call) -> None:
    """Nobody waits for the cell any more."""
    if not call.answer.cancel():
        call.interrupt()


def _check(timeout_s: float) -> None:
    if not timeout_s > 0:
        raise InputError(f"a cell's time limit must be more than 0 s, got {timeout_s}")
