"""Sessions in worker processes: a crash loses the sessions of one worker, and a new one takes its place."""

from __future__ import annotations

import contextlib
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
from ._local import Limits
from ._outcome import Outcome, lost
from ._turns import Line, Turns

# A worker kills a cell a second after its time limit. One that has not answered this much later hangs.
HANG_S = 30.0
CHECK_S = 1.0
STOP_S = 2.0


class WorkerSessions:
    """Spreads sessions evenly over `count` worker processes, each started when first needed."""

    def __init__(self, limits: Limits, turns: Turns, count: int, threads: int) -> None:
        self._limits = limits
        self._threads = threads
        self.turns = turns
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
        self._last: Future[Outcome] | None = None
        self._line = Line()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, code: str, timeout_s: float) -> Future[Outcome]:
        """Send a cell as soon as a processor is free for it."""
        return self._owner.turns.submit(self._line, lambda answer: self._start(answer, code, timeout_s))

    def _start(self, answer: Future[Outcome], code: str, timeout_s: float) -> None:
        try:
            with self._lock:
                if self._closed:
                    answer.set_result(lost("the session was closed"))
                    return
                if self._place is None or (not self._place[0].alive and self._has_told()):
                    self._place = self._owner.assign()
                worker, number = self._place
                self._last = answer
            worker.run(answer, number, code, timeout_s)
        except SandboxError as error:
            if error.code == "closed":
                answer.set_result(lost("the sandbox was closed"))
            else:
                answer.set_exception(error)
        except OSError as error:
            answer.set_exception(SandboxError(f"a sandbox worker process cannot be started: {error}"))

    def _has_told(self) -> bool:
        """Whether the session's last answer was that it is lost."""
        last = self._last
        return (
            last is not None and last.done() and last.exception() is None and last.result().status == "lost"
        )

    def close(self) -> None:
        """End the session."""
        with self._lock:
            self._closed = True
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
        # By cell: who waits for it, and when a living worker would have answered.
        self._pending: dict[int, tuple[Future[Outcome], float]] = {}
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

    def run(self, answer: Future[Outcome], session: int, code: str, timeout_s: float) -> None:
        with self._lock:
            alive = self.alive
            if alive:
                number = next(self._numbers)
                self._pending[number] = (answer, time.monotonic() + timeout_s + HANG_S)
        if alive:
            self._send({"run": number, "session": session, "code": code, "timeout_s": timeout_s})
        else:
            self._fail(answer)

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
            if not poll.poll(CHECK_S * 1000):
                if self._hangs():
                    self._process.kill()
                continue
            chunk = os.read(answers, 1 << 16)
            if not chunk:
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._answer(json.loads(line))
        self._end()

    def _hangs(self) -> bool:
        with self._lock:
            return any(deadline < time.monotonic() for _, deadline in self._pending.values())

    def _answer(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready = True
        else:
            with self._lock:
                future, _ = self._pending.pop(message["done"])
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
        with self._writing, contextlib.suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()

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
