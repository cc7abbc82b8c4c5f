"""One server under watch: started, waited for, started again when it dies, stopped with all it started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from .commands import Command

State = Literal["starting", "running", "gone"]

GRACE_S = 20.0  # between asking a server to end and killing it
_STEADY_S = 600.0  # a server that ran so long has its restarts back
_LONGEST_PAUSE_S = 60.0
_SHOWN_LINES = 20
_GUARD = Path(__file__).with_name("guard.py")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Replica:
    """A server, watched by a thread of its own.

    Args:
        command: what to run.
        log_path: receives everything the server says.
        start_timeout_s: how long it may take to answer `/health`.
        max_restarts: how often it is started again after it had been healthy.
        tell: receives one line for each death and return.

    Attributes:
        state: `starting` also while it is started again; `gone` is for good.
        failure: why it is gone.
    """

    def __init__(
        self,
        command: Command,
        log_path: Path,
        start_timeout_s: float,
        max_restarts: int,
        tell: Callable[[str], None],
    ) -> None:
        self.command = command
        self.log_path = log_path
        self.state: State = "starting"
        self.failure: str | None = None
        self._start_timeout_s = start_timeout_s
        self._max_restarts = max_restarts
        self._tell = tell
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name=f"server {command.address}", daemon=True)

    def start(self) -> None:
        """Start the server; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the server and everything it started."""
        self.ask_to_stop()
        self._thread.join()

    def ask_to_stop(self) -> None:
        """Begin to end the server; returns at once."""
        self._stopping.set()
        process = self._process
        if process is not None:
            _release(process)

    def last_lines(self) -> str:
        """The end of the server's log."""
        with self.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(line.rstrip() for line in lines[-_SHOWN_LINES:])

    def _watch(self) -> None:
        restarts, was_healthy = 0, False
        while not self._stopping.is_set():
            started = time.monotonic()
            process = self._process = self._spawn()
            trouble = self._wait_until_healthy(process)
            if trouble is None:
                self.state = "running"
                if was_healthy:
                    self._tell(f"the server at {self.command.address} answers again")
                was_healthy = True
                trouble = f"it ended with status {process.wait()}"
            _end(process)
            if self._stopping.is_set():
                return
            if time.monotonic() - started > _STEADY_S:
                restarts = 0
            if not was_healthy or restarts >= self._max_restarts:
                self.failure, self.state = trouble, "gone"
                return
            self.state = "starting"
            pause_s = min(_LONGEST_PAUSE_S, 2.0**restarts)
            restarts += 1
            self._tell(
                f"the server at {self.command.address} died: {trouble}; "
                f"restart {restarts} of {self._max_restarts} in {pause_s:g} s; its log: {self.log_path}"
            )
            self._stopping.wait(pause_s)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            log.write(f"$ {self.command}\n".encode())
            log.flush()
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(GRACE_S), *self.command.argv],
                stdin=subprocess.PIPE,  # held open by this process alone: its end is the guard's signal
                stdout=log,
                stderr=log,
                env={**os.environ, **self.command.environment},
                start_new_session=True,
            )

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> str | None:
        """None once the server answers, else what went wrong."""
        deadline = time.monotonic() + self._start_timeout_s
        pause_s = 0.05
        while time.monotonic() < deadline:
            status = process.poll()
            if status is not None:
                return f"it ended with status {status} before it answered"
            if is_healthy(self.command.address):
                return None
            if self._stopping.wait(pause_s):
                return "it was stopped"
            pause_s = min(1.0, pause_s * 1.5)
        return f"it did not answer within {self._start_timeout_s:g} s"


def is_healthy(address: str, timeout_s: float = 5.0) -> bool:
    """Whether a server says that it is ready; `address` ends in /v1."""
    try:
        with _DIRECT.open(f"{address.removesuffix('/v1')}/health", timeout=timeout_s) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, urllib.error.HTTPError):
        return False


def _release(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe that keeps the guard waiting."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until the guard has ended its session; a guard that was itself killed leaves that to us."""
    _release(process)
    try:
        process.wait(GRACE_S + 5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, 9)  # the session's group still has this number while any of it lives
    except (ProcessLookupError, PermissionError):
        return
