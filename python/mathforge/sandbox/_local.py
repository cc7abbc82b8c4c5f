"""Sessions in this process. The GIL is released while a cell runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import SandboxError
from ._outcome import Call, Outcome, lost
from ._saved import Held, StateFile
from ._turns import Line, Turns

if TYPE_CHECKING:
    from .._native import Sandbox as NativeSandbox
    from .._native import Session as NativeSession
    from .._native import Stop


@dataclass(frozen=True)
class Limits:
    """What a session may use, and where the image is."""

    image: Path
    memory_mib: int
    max_output_chars: int
    files_mib: int = 256
    deterministic: bool = False
    seed: int | None = None
    idle_s: float | None = None

    def to_json(self) -> str:
        """For the command line of a worker process."""
        return json.dumps({**asdict(self), "image": str(self.image)})

    @classmethod
    def from_json(cls, text: str) -> Limits:
        """What `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "image": Path(values["image"])})


def available_cores() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalSessions:
    """Sessions of one image; `turns` says which of their cells run, on threads that all sessions share."""

    def __init__(self, limits: Limits, turns: Turns, threads: int) -> None:
        self._native = open_image(limits)
        self.turns = turns
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="mathforge-cell")
        self.running: set[Stop] = set()
        self.closed = False

    def session(self, seed: int | None = None) -> LocalSession:
        """A new session."""
        if self.closed:
            raise SandboxError("the sandbox is closed", code="closed")
        return LocalSession(self._native.session(seed), self)

    def restore(self, state: Held | Path) -> LocalSession:
        """A session that goes on from a saved state."""
        if self.closed:
            raise SandboxError("the sandbox is closed", code="closed")
        with _speaking("the session cannot be restored", "restore"):
            if not isinstance(state, _native().SavedState):
                state = self._native.load(state if isinstance(state, Path) else copy_of(state).path)
            return LocalSession(self._native.restore(state), self)

    def close(self) -> None:
        """Forget cells that have not started, and end those that run."""
        self.closed = True
        for stop in list(self.running):
            stop.kill()
        self.threads.shutdown(wait=False, cancel_futures=True)


class LocalSession:
    """One session; its cells run one after the other."""

    def __init__(self, native: NativeSession, owner: LocalSessions) -> None:
        self._native: NativeSession | None = native
        self._owner = owner
        self._line = Line()
        self._running: Stop | None = None

    def submit(self, code: str, timeout_s: float) -> Call:
        """Queue a cell."""
        stop: Stop = _native().Stop()

        def start(answer: Future[Outcome]) -> None:
            try:
                self._owner.threads.submit(self._run, answer, code, timeout_s, stop)
            except RuntimeError:  # the threads were shut down meanwhile
                answer.set_result(lost("the sandbox was closed"))

        return Call(self._owner.turns.submit(self._line, start), stop.interrupt)

    def run_now(self, code: str, timeout_s: float) -> Outcome | None:
        """Run a cell in this thread; None when it has to wait for its turn."""
        stop: Stop = _native().Stop()
        started_at = self._owner.turns.enter(self._line)
        if started_at is None:
            return None
        try:
            return self._watched(code, timeout_s, stop)
        finally:
            self._owner.turns.leave(self._line, started_at)

    def fork(self, seed: int | None) -> LocalSession:
        """A live copy; waits for a running cell."""
        with _speaking("the session cannot be forked", "fork"):
            return LocalSession(self._open().fork(seed), self._owner)

    def snapshot(self) -> Held:
        """The state, in memory."""
        with _speaking("the session's state cannot be taken", "snapshot"):
            return self._open().snapshot()

    def _open(self) -> NativeSession:
        native = self._native
        if native is None:
            raise SandboxError("the session was closed", code="closed")
        return native

    def close(self) -> None:
        """End the session, and its running cell."""
        self._native = None
        if (running := self._running) is not None:
            running.kill()

    def _run(self, answer: Future[Outcome], code: str, timeout_s: float, stop: Stop) -> None:
        try:
            outcome = self._watched(code, timeout_s, stop)
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(outcome)

    def _watched(self, code: str, timeout_s: float, stop: Stop) -> Outcome:
        # First said that it runs, then looked whether it may: `close` does both the other way around.
        self._running = stop
        self._owner.running.add(stop)
        try:
            return self._outcome(code, timeout_s, stop)
        finally:
            self._owner.running.discard(stop)

    def _outcome(self, code: str, timeout_s: float, stop: Stop) -> Outcome:
        native = self._native
        if self._owner.closed:
            return lost("the sandbox was closed")
        if native is None:
            return lost("the session was closed")
        outcome = outcome_of(native, code, timeout_s, stop)
        if self._native is not None and not self._owner.closed:
            return outcome
        return lost("the sandbox was closed" if self._owner.closed else "the session was closed")


def open_image(limits: Limits) -> NativeSandbox:
    """Open the image; raises SandboxError when that fails."""
    from .. import _native

    try:
        return _native.Sandbox(
            limits.image,
            limits.memory_mib,
            limits.max_output_chars,
            files_mib=limits.files_mib,
            deterministic=limits.deterministic,
            seed=limits.seed,
            idle_s=limits.idle_s,
        )
    except (RuntimeError, ValueError, OverflowError) as error:
        raise SandboxError(f"the sandbox cannot be opened: {error}", code="open") from error


def outcome_of(native: NativeSession, code: str, timeout_s: float, stop: Stop) -> Outcome:
    """Run a cell and convert what the native module returns."""
    try:
        # A model may emit half of a surrogate pair, which no UTF-8 string can hold.
        result = native.run(code.encode("utf-8", "replace").decode("utf-8"), timeout_s, stop)
    except RuntimeError as error:
        raise SandboxError(f"the sandbox failed: {error}") from error
    return Outcome(
        status=result.status,
        stdout=result.stdout,
        stderr=result.stderr,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        truncated=result.truncated,
        rolled_back=result.rolled_back,
        state_lost=result.state_lost,
        dirty_pages=result.dirty_pages,
    )


def copy_of(state: Held) -> StateFile:
    """A state as a file."""
    file = StateFile()
    state.save(file.path)
    return file


@contextmanager
def _speaking(problem: str, code: str) -> Iterator[None]:
    """Errors of the native module, said in words for whoever called."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise SandboxError(f"{problem}: {error}", code=code) from error


def _native() -> ModuleType:
    # Imported late: a build without the sandbox has no such classes.
    from .. import _native

    return _native
