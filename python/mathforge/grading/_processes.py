"""Python modules run as processes of their own: a line of JSON in, a line of JSON out, several at a time."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from typing import Any

_STARTUP_S = 120.0
"""Wall-clock allowance for starting: importing a large library on a busy machine."""


class LineProcess:
    """One process. It writes one empty line when ready, then one line for each that it reads.

    Args:
        module: what `python -m` runs.
        arguments: its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._unread = b""
        self._ready = False

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def ask(self, question: str, wall_s: float) -> Any:
        """The answer to a line of JSON; None if the process has died, never started or is silent so long."""
        try:
            if not self._ready:
                self._ready = self._line(_STARTUP_S) is not None
            if not self._ready or self._process.stdin is None:
                return None
            self._process.stdin.write(question.encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(wall_s)
            return None if line is None else json.loads(line)
        except (OSError, ValueError):
            return None

    def _line(self, wall_s: float) -> bytes | None:
        """The next line that the process writes, read without waiting longer than that."""
        stdout = self._process.stdout
        if stdout is None:
            return None
        until = time.monotonic() + wall_s
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(until - time.monotonic(), 0)):
                    return None
                chunk = os.read(stdout.fileno(), 1 << 16)
                if not chunk:
                    return None
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # a line was still on its way to the dead process
                    pipe.close()


class ProcessPool:
    """Processes of one kind, started when they are needed, each with one question at a time. Thread-safe.

    Args:
        module, arguments: as for `LineProcess`.
        workers: the most processes at a time.
    """

    def __init__(self, module: str, *arguments: str, workers: int) -> None:
        self._command = (module, *arguments)
        self._free = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[LineProcess] = []
        self._all: set[LineProcess] = set()

    @property
    def pids(self) -> list[int]:
        """Process ids of those that run."""
        return [process.pid for process in self._all]

    def ask(self, question: str, wall_s: float) -> Any:
        """As `LineProcess.ask`; a process that gave no answer is replaced."""
        with self._free:
            process = self._take()
            answer = process.ask(question, wall_s)
            with self._lock:
                if answer is not None and process in self._all:
                    self._idle.append(process)
                    return answer
                self._all.discard(process)
            process.kill()
            return answer

    def _take(self) -> LineProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            process = LineProcess(*self._command)
            self._all.add(process)
            return process

    def close(self) -> None:
        """End all processes. Questions that wait get None; the pool stays usable."""
        with self._lock:
            processes, self._all, self._idle = self._all, set(), []
        for process in processes:
            process.kill()
