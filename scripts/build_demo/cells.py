"""Runs the cells of a transcript in the sandbox, through the same Python tool that the evaluation uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT_S = 2.0
"""Seconds a cell may take; the demo is evaluated with the same `code_execution_timeout`."""

RunCell = Callable[[str], "Shown"]


@dataclass(frozen=True)
class Shown:
    """A tool result: the text the model reads, and how the cell ended (`ok`, `error`, `timeout`, ...)."""

    text: str
    status: str


class Notebook:
    """Opens one Python session per sample in a sandbox that is kept for the whole build."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        from mathforge.config import CodeExecution
        from mathforge.sandbox import Sandbox

        self._limits = CodeExecution(code_execution_timeout=timeout_s)
        self._sandbox = Sandbox()

    @contextmanager
    def session(self) -> Iterator[RunCell]:
        """A function that runs cells one after the other in one fresh session."""
        from mathforge.tools import PythonTool

        tool = PythonTool(self._sandbox, self._limits)

        def run(code: str) -> Shown:
            result = asyncio.run(tool.run(code))
            return Shown(result.text, str(result.status))

        try:
            yield run
        finally:
            tool.close()

    def close(self) -> None:
        """Release the sandbox."""
        self._sandbox.close()
