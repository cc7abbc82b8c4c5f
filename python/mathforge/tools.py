"""The Python tool: one cell sent to the sandbox, and its outcome as the text the model reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .checkpoints import Journal, RestartError
from .config import CodeExecution
from .samples import ToolStatus

if TYPE_CHECKING:
    from .sandbox import Outcome, Sandbox, SandboxError, Session
    from .sandbox.remote import RemoteSandbox, RemoteSession

NO_OUTPUT = "[WARN] No output available. Use print() to output anything to stdout to receive the output"
_MAX_LOSSES = 3  # of the session in one call


@dataclass(frozen=True, slots=True)
class Result:
    """What one call came to.

    Attributes:
        text: what the model reads.
        status: how the cell ended; `lost` means the session is gone and the sample has to start again.
        wall_s: seconds the cell took.
    """

    text: str
    status: ToolStatus
    wall_s: float


class PythonTool:
    """The Python of one sample: its session is opened by the first call and keeps its variables until
    `close`.

    A session that is lost, with this process or with a worker of the sandbox, is restored from its last saved
    state. Calls since that state are run again, and their outputs compared with what the model has read.

    Args:
        sandbox: where cells run.
        limits: of a cell.
        journal: gives the results of calls that an earlier process has run, and takes those of new ones.
        seed: of the session's random numbers; a sample made again draws the same.
    """

    def __init__(
        self,
        sandbox: Sandbox | RemoteSandbox,
        limits: CodeExecution,
        journal: Journal | None = None,
        seed: int | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._journal = Journal() if journal is None else journal
        self._seed = seed
        self._session: Session | RemoteSession | None = None
        self._calls: list[tuple[str, Result]] = []
        self._noted = 0

    async def run(self, code: str) -> Result:
        """Run one cell, or give the result it had.

        Raises:
            RestartError: the variables that earlier cells made cannot be had again.
        """
        result = self._journal.next_result(code)
        if result is not None:
            self._calls.append((code, result))
            self._noted = len(self._calls)
            return result
        await self._journal.settle()  # the state that is being saved must not be that after this cell
        died: SandboxError | None = None
        for _ in range(_MAX_LOSSES):
            try:
                result = await self._try(code)
                self._calls.append((code, result))
                return result
            except _LostError as lost:
                died = lost.of_worker
                self.close()
                self._journal.service_session = None
        raise died or RestartError(f"the sandbox lost the session {_MAX_LOSSES} times in one call")

    def note(self) -> None:
        """Note the calls since the last time, and the session's state, in the background."""
        new, self._noted = self._calls[self._noted :], len(self._calls)
        if new:
            session = self._session
            snapshot = getattr(session, "snapshot", None)
            self._journal.add_results(new, len(self._calls), snapshot, getattr(session, "name", None))

    def close(self) -> None:
        """Give the session back; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    async def _try(self, code: str) -> Result:
        from .sandbox import SandboxError

        try:
            if self._session is None:
                self._session = await self._open()
            return await self._run(self._session, code)
        except SandboxError as error:
            if error.code == "worker":  # it died before it was ready: killed, or unable to start
                raise _LostError(error) from error
            raise

    async def _run(self, session: Session | RemoteSession, code: str) -> Result:
        outcome = await session.run_async(code, timeout_s=self._limits.code_execution_timeout)
        if outcome.status == "lost":
            raise _LostError
        return Result(shown_output(outcome, self._limits), outcome.status, outcome.wall_s)

    async def _open(self) -> Session | RemoteSession:
        """A session in which all calls so far have been run."""
        session, done = await self._restored()
        try:
            for code, result in self._calls[done:]:
                again = await self._run(session, code)
                if (again.text, again.status) != (result.text, result.status):
                    raise RestartError("a call that was run again had another output")
        except BaseException:
            session.close()
            raise
        return session

    async def _restored(self) -> tuple[Session | RemoteSession, int]:
        """A session, and how many calls it has behind it."""
        from .sandbox import Sandbox, SandboxError

        if not isinstance(self._sandbox, Sandbox):
            if self._calls and self._journal.service_session is not None:
                return self._sandbox.resume(self._journal.service_session), len(self._calls)
            return self._sandbox.session(), 0
        saved = self._journal.saved_cells
        if self._calls and saved:
            try:
                return await asyncio.to_thread(self._sandbox.restore, self._journal.state_path), saved
            except SandboxError as error:
                if error.code == "worker":
                    raise
                if error.code == "lost":  # with its worker; the state is as good as before
                    raise _LostError from error
                # damaged, or of another image
        return self._sandbox.session(self._seed), 0


class _LostError(Exception):
    """The session is gone, or could not be opened because its worker had ended."""

    def __init__(self, of_worker: SandboxError | None = None) -> None:
        super().__init__()
        self.of_worker = of_worker


def shown_output(outcome: Outcome, limits: CodeExecution) -> str:
    """The text of a tool message: stdout, then stderr, the middle of a long one cut; never empty."""
    stdout, stderr = outcome.stdout, outcome.stderr
    # A model that is not told goes on to use names that are gone, or that this cell did not get to make.
    lost = " The variables of this session are lost." if outcome.state_lost else ""
    if outcome.rolled_back:
        lost = " The session is as it was before this call."
    if outcome.status == "timeout":
        stderr = f"[ERROR] Execution timed out after {limits.code_execution_timeout:g} seconds.{lost}"
    elif outcome.status == "memory":
        stderr = f"[ERROR] Out of memory.{lost}"
    if stdout and stderr and not stdout.endswith("\n"):
        stdout += "\n"
    text = cut_middle(stdout + stderr, limits.max_code_output_characters)
    return text if text.strip() else NO_OUTPUT


def cut_middle(text: str, max_characters: int) -> str:
    """Keep head and tail of a text longer than `max_characters`, so that a traceback after long prints is
    still seen."""
    if len(text) <= max_characters:
        return text
    tail = max_characters // 2
    head = max_characters - tail
    return f"{text[:head]}\n[... {len(text) - max_characters} characters cut ...]\n{text[len(text) - tail :]}"
