"""The Python tool: one cell sent to the sandbox, and its outcome as the text the model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .config import CodeExecution
from .samples import ToolStatus

if TYPE_CHECKING:
    from .sandbox import Outcome, Sandbox, Session
    from .sandbox.remote import RemoteSandbox, RemoteSession

NO_OUTPUT = "[WARN] No output available. Use print() to output anything to stdout to receive the output"


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
    `close`."""

    def __init__(self, sandbox: Sandbox | RemoteSandbox, limits: CodeExecution) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._session: Session | RemoteSession | None = None

    async def run(self, code: str) -> Result:
        """Run one cell."""
        if self._session is None:
            self._session = self._sandbox.session()
        outcome = await self._session.run_async(code, timeout_s=self._limits.code_execution_timeout)
        return Result(shown_output(outcome, self._limits), outcome.status, outcome.wall_s)

    def close(self) -> None:
        """Give the session back; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


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
