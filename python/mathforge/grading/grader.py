"""Grade one answer against the expected one; the hard cases go to a process that can be killed."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from .._native import Verdict, answer_tree, compare_answers

UNDECIDED_REASONS = frozenset(
    {
        "name_differs",
        "not_native",
        "unseparated",
        "no_common_domain",
        "kind_differs",
        "unreadable",
        "undefined_value",
        "limit",
        "sympy_undecided",
        "sympy_limit",
        "sympy_unavailable",
    }
)
"""The `grade_reason` codes of samples that were neither proved equal nor proved different."""

_STARTUP_S = 60.0
"""Wall-clock allowance for starting the worker: importing sympy on a busy machine."""
_WALL_FACTOR = 20.0
"""The limit is on CPU time. Wall-clock time only ends a worker that waits for nothing, this many times
later."""


class Grader:
    """Compares answers; what native comparison leaves undecided goes to sympy.

    sympy runs in one process, started when first needed, under `resource` limits. It is given trees that our
    parser built, never text. The limit counts the CPU time of the worker, so a verdict does not depend on
    the load of the machine. Verdicts are remembered per (gold, answer). Safe to use from several threads.

    Args:
        sympy: False leaves undecided pairs undecided.
        timeout_s: CPU seconds for one pair in sympy.
        memory_mib: address space of the sympy process.
    """

    def __init__(self, sympy: bool = True, timeout_s: float = 5.0, memory_mib: int = 2048) -> None:
        self._sympy = sympy
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._seen: dict[tuple[str, str], Verdict] = {}
        self._worker: _Worker | None = None
        self._lock = threading.Lock()

    def grade(self, gold: str, answer: str | None) -> Verdict:
        """Whether `answer` says the same as `gold`; None is no answer, hence different."""
        if answer is None:
            return Verdict("different", "no_answer")
        verdict = compare_answers(gold, answer)
        if verdict.verdict != "undecided" or not self._sympy:
            return verdict
        with self._lock:
            seen = self._seen.get((gold, answer))
            if seen is None:
                seen = self._seen[gold, answer] = self._ask_sympy(gold, answer, verdict)
        return seen

    def _ask_sympy(self, gold: str, answer: str, native: Verdict) -> Verdict:
        # Words, unreadable text and division by zero are nothing that sympy could add to.
        if native.reason not in {
            "not_native",
            "unseparated",
            "no_common_domain",
            "limit",
            "kind_differs",
            "name_differs",
        }:
            return native
        trees = answer_tree(gold), answer_tree(answer)
        if trees[0] is None or trees[1] is None:
            return native
        if self._worker is None:
            self._worker = _Worker(self._timeout_s, self._memory_mib)
        reply = self._worker.ask(trees[0], trees[1])
        if reply is None:
            self._worker.kill()
            self._worker = None
            return Verdict("undecided", "sympy_limit")
        return Verdict(reply[0], reply[1])

    def close(self) -> None:
        """End the sympy process, if there is one. The grader stays usable."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()
                self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        worker = getattr(self, "_worker", None)
        if worker is not None:
            worker.kill()


class _Worker:
    """One sympy process: a line of JSON in, a line of JSON out."""

    def __init__(self, timeout_s: float, memory_mib: int) -> None:
        self._wall_s = timeout_s * _WALL_FACTOR
        module = f"{__package__}._sympy_worker"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(timeout_s), str(memory_mib)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._ready = False

    def ask(self, gold: str, answer: str) -> tuple[str, str] | None:
        """The verdict and its reason, or None if the process died or hangs."""
        try:
            if not self._ready:
                self._ready = self._line(_STARTUP_S) is not None
                if not self._ready:
                    return "undecided", "sympy_unavailable"
            stdin = self._process.stdin
            if stdin is None:
                return None
            stdin.write(f"[{gold},{answer}]\n".encode())
            stdin.flush()
            line = self._line(self._wall_s)
            if line is None:
                return None
            verdict, reason = json.loads(line)
        except (OSError, ValueError):
            return None
        return verdict, reason

    def _line(self, wall_s: float) -> bytes | None:
        stdout = self._process.stdout
        if stdout is None:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(wall_s):
                return None
        # The worker writes a whole line in one go.
        return stdout.readline() or None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # a line was still on its way to the dead process
                    continue
