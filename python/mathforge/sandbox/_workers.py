"""Sessions in worker processes: a crash loses the sessions of one worker, and a new one takes its place."""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from typing import IO, Any

from ..errors import SandboxError
from ._local import Limits, available_cores
from ._outcome import Outcome, lost

# A worker kills a cell a second after its time limit. One that has not answered this much later hangs.
HANG_S = 30.0
STOP_S = 2.0


class WorkerSessions:
    """Spreads sessions evenly over `count` worker processes, each started when first needed."""

    def __init__(self, limits: Limits, count: int) -> None:
        self._limits = limits
        self._threads = -(-available_cores() // count)
        self._workers: list[_Worker | None] = [None] * count
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._closed = False

    def session(self) -> WorkerSession:
        """A new session on the worker that has the fewest."""
        return WorkerSession(self)

    def assign(self) -> tuple[_Worker, int]:
        """The worker for a new session, and the session's number."""
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed", code="closed")
            places = range(len(self._workers))
            place = min(places, key=lambda place: _load(self._workers[place]))
            worker = self._workers[place]
            if worker is None or not worker.alive:
                worker = self._workers[place] = _Worker(self._limits, self._threads)
            number = next(self._numbers)
            worker.open(number)
            return worker, number

    def close(self) -> None:
        """End every worker; cells that still run are lost."""
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, []
        for worker in workers:
            if worker is not None:
                worker.stop()


class WorkerSession:
    """One session. After its worker died one cell is answered "lost"; the next starts afresh in another."""

    def __init__(self, owner: WorkerSessions) -> None:
        self._owner = owner
        self._place: tuple[_Worker, int] | None = owner.assign()
        self._lock = threading.Lock()

    def submit(self, code: str, timeout_s: float) -> Future[Outcome]:
        """Send a cell."""
        with self._lock:
            if self._place is None:
                self._place = self._owner.assign()
            worker, number = self._place
            future = worker.run(number, code, timeout_s)
            if not worker.alive:
                self._place = None
            return future

    def close(self) -> None:
        """End the session."""
        with self._lock:
            place, self._place = self._place, None
        if place is not None:
            place[0].close_session(place[1])


class _Worker:
    """One process, and the thread that reads its answers."""

    def __init__(self, limits: Limits, threads: int) -> None:
        command = [sys.executable, "-P", "-m", "mathforge.sandbox.worker", str(limits.image)]
        command += [f"--memory-mib={limits.memory_mib}", f"--max-output-chars={limits.max_output_chars}"]
        command += [f"--threads={threads}"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[int, tuple[Future[Outcome], float]] = {}
        self._deadlines: dict[int, float] = {}
        self._numbers = itertools.count()
        self._ready = False
        self.alive = True
        self.sessions = 0
        threading.Thread(target=self._read, name="mathforge-worker-answers", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, session: int) -> None:
        self.sessions += 1
        self._send({"open": session})

    def close_session(self, session: int) -> None:
        self.sessions -= 1
        self._send({"close": session})

    def run(self, session: int, code: str, timeout_s: float) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        # From here on it is answered, never cancelled.
        future.set_running_or_notify_cancel()
        with self._lock:
            if not self.alive:
                self._fail(future)
                return future
            number = next(self._numbers)
            self._pending[number] = (future, timeout_s)
        self._send({"run": number, "session": session, "code": code, "timeout_s": timeout_s})
        return future

    def stop(self) -> None:
        """End the process; it leaves by itself when its stdin ends, unless it hangs."""
        with self._writing:
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _send(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode("ascii") + b"\n")
        with self._writing:
            try:
                while data:
                    data = data[_pipe(self._process.stdin).write(data) :]
            except (BrokenPipeError, ValueError):
                return  # it has died or was stopped: the reading thread answers what is pending

    def _read(self) -> None:
        answers = _pipe(self._process.stdout).fileno()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        buffer = b""
        while True:
            if not poll.poll(self._time_to_deadline_ms()):
                self._process.kill()
            chunk = os.read(answers, 1 << 16)
            if not chunk:
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._answer(json.loads(line))
        self._end()

    def _time_to_deadline_ms(self) -> float | None:
        if not self._deadlines:
            return None
        return max(0.0, min(self._deadlines.values()) - time.monotonic()) * 1000

    def _answer(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready = True
        elif "started" in message:
            number = message["started"]
            with self._lock:
                _, timeout_s = self._pending[number]
            self._deadlines[number] = time.monotonic() + timeout_s + HANG_S
        else:
            number = message["done"]
            self._deadlines.pop(number, None)
            with self._lock:
                future, _ = self._pending.pop(number)
            if "error" in message:
                future.set_exception(SandboxError(message["error"]))
            else:
                future.set_result(Outcome(**message["outcome"]))

    def _end(self) -> None:
        self._process.wait()
        with self._lock:
            self.alive = False
            pending, self._pending = self._pending, {}
        for future, _ in pending.values():
            self._fail(future)
        _pipe(self._process.stdout).close()

    def _fail(self, future: Future[Outcome]) -> None:
        """Answer for a process that has ended."""
        status = self._process.returncode
        if self._ready:
            future.set_result(
                lost(f"the sandbox worker process ended (status {status}); its variables are gone")
            )
        else:
            problem = f"a sandbox worker process ended before it was ready (status {status})"
            future.set_exception(
                SandboxError(problem, hint="its own message is above, on stderr", code="worker")
            )


def _load(worker: _Worker | None) -> int:
    return 0 if worker is None or not worker.alive else worker.sessions


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the worker was started without pipes")
    return stream
