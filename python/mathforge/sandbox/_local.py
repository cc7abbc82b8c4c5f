"""Sessions in this process. The GIL is released while a cell runs."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SandboxError
from ._outcome import Outcome, lost

if TYPE_CHECKING:
    from .._native import Sandbox as NativeSandbox
    from .._native import Session as NativeSession


@dataclass(frozen=True)
class Limits:
    """What a session may use, and where the image is."""

    image: Path
    memory_mib: int
    max_output_chars: int


def available_cores() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalSessions:
    """Sessions of one image, with at most `threads` cells running at a time; further ones wait in a queue."""

    def __init__(self, limits: Limits, threads: int | None = None) -> None:
        self._native = open_image(limits)
        self._cells = ThreadPoolExecutor(threads or available_cores(), thread_name_prefix="mathforge-cell")

    def session(self) -> LocalSession:
        """A new session."""
        return LocalSession(self._native.session(), self._cells)

    def close(self) -> None:
        """Forget cells that have not started; running ones end at their time limit."""
        self._cells.shutdown(wait=False, cancel_futures=True)


class LocalSession:
    """One session; its cells run one after the other."""

    def __init__(self, native: NativeSession, cells: ThreadPoolExecutor) -> None:
        self._native: NativeSession | None = native
        self._cells = cells

    def submit(self, code: str, timeout_s: float) -> Future[Outcome]:
        """Queue a cell."""
        return self._cells.submit(self._run, code, timeout_s)

    def close(self) -> None:
        """End the session."""
        self._native = None

    def _run(self, code: str, timeout_s: float) -> Outcome:
        native = self._native
        if native is None:
            return lost("the session was closed")
        return outcome_of(native, code, timeout_s)


def open_image(limits: Limits) -> NativeSandbox:
    """Open the image; raises SandboxError when that fails."""
    from .. import _native

    try:
        return _native.Sandbox(
            str(limits.image), memory_mib=limits.memory_mib, max_output_chars=limits.max_output_chars
        )
    except (RuntimeError, ValueError, OverflowError) as error:
        raise SandboxError(f"the sandbox cannot be opened: {error}", code="open") from error


def outcome_of(native: NativeSession, code: str, timeout_s: float) -> Outcome:
    """Run a cell and convert what the native module returns."""
    try:
        # A model may emit half of a surrogate pair, which no UTF-8 string can hold.
        result = native.run(code.encode("utf-8", "replace").decode("utf-8"), timeout_s)
    except RuntimeError as error:
        raise SandboxError(f"the sandbox failed: {error}") from error
    return Outcome(
        status=result.status,
        stdout=result.stdout,
        stderr=result.stderr,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        truncated=result.truncated,
        state_lost=result.state_lost,
    )
