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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import SandboxError
from ._local import Limits, copy_of
from ._outcome import Call, Outcome, lost
from ._saved import Held, StateFile
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

    def session(self, seed: int | None = None) -> WorkerSession:
        """A new session on the worker that has the fewest."""
        return WorkerSession(self, self.assign(seed))

    def restore(self, state: Held | Path) -> WorkerSession:
        """A session that goes on from a saved state."""
        file = state if isinstance(state, Path) else copy_of(state)
        worker, number = self.assign(opened=False)
        try:
            worker.restore(number, file if isinstance(file, Path) else file.path).result()
        except BaseException:
            worker.sessions -= 1
            raise
        return WorkerSession(self, (worker, number))

    def assign(self, seed: int | None = None, *, opened: bool = True) -> tuple[_Worker, int]:
        """The worker for a new session, and the session's number; `opened` starts it there."""
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed", code="closed")
            places = range(len(self._workers))
            place = min(places, key=lambda place: _load(self._workers[place]))
            worker = self._workers[place]
            if worker is None or not worker.alive:
                worker = self._workers[place] = _Worker(self._limits, self._threads)
            number = next(self._numbers)
            if opened:
                worker.open(number, seed)
            else:  # counted now, so that many that are restored at once are spread
                worker.sessions += 1
            return worker, number

    def number(self) -> int:
        """A number for a session that no other has."""
        with self._lock:
            return next(self._numbers)

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

    def __init__(self, owner: WorkerSessions, place: tuple[_Worker, int]) -> None:
        self._owner = owner
        self._place: tuple[_Worker, int] | None = place
        self._last: Future[Outcome] | None = None
        self._line = Line()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, code: str, timeout_s: float) -> Call:
        """Send a cell as soon as a processor is free for it."""
        stop = _Stop()

        def start(answer: Future[Outcome]) -> None:
            self._start(answer, code, timeout_s, stop)

        return Call(self._owner.turns.submit(self._line, start), stop.interrupt)

    def run_now(self, code: str, timeout_s: float) -> Outcome | None:
        """None: cells run in another process, and only `submit` sends them there."""
        return None

    def _start(self, answer: Future[Outcome], code: str, timeout_s: float, stop: _Stop) -> None:
        try:
            with self._lock:
                if self._closed:
                    answer.set_result(lost("the session was closed"))
                    return
                if self._place is None or (not self._place[0].alive and self._has_told()):
                    self._place = self._owner.assign()
                worker, number = self._place
                self._last = answer
            stop.runs_at(worker, worker.run(answer, number, code, timeout_s))
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

    def fork(self, seed: int | None) -> WorkerSession:
        """A live copy, in the same worker process."""
        worker, number = self._where()
        copy = self._owner.number()
        worker.fork(copy, number, seed).result()
        worker.sessions += 1
        return WorkerSession(self._owner, (worker, copy))

    def snapshot(self) -> Held:
        """The state, in a file of ours: it outlives the worker."""
        worker, number = self._where()
        file = StateFile()
        worker.save(number, file.path).result()
        return file

    def _where(self) -> tuple[_Worker, int]:
        with self._lock:
            if self._closed or self._place is None:
                raise SandboxError("the session was closed", code="closed")
            return self._place

    def close(self) -> None:
        """End the session, and its running cell."""
        with self._lock:
            self._closed = True
            place, self._place = self._place, None
        if place is not None:
            place[0].close_session(place[1])


class _Stop:
    """Interrupts a cell at the worker that runs it, once it is known which."""

    def __init__(self) -> None:
        self._place: tuple[_Worker, int] | None = None
        self._is_asked = False

    def interrupt(self) -> None:
        # In the opposite order to `runs_at`, so that one of the two sees the other.
        self._is_asked = True
        if self._place is not None:
            worker, number = self._place
            worker.interrupt(number)

    def runs_at(self, worker: _Worker, number: int | None) -> None:
        """The cell was sent under this number; None when the worker had ended."""
        if number is not None:
            self._place = worker, number
            if self._is_asked:
                worker.interrupt(number)


@dataclass
class _Waiting:
    """Who waits for an answer of a worker, and until when a living one would have given it."""

    answer: Future[Any]
    is_cell: bool
    until: float = 0.0


class _Worker:
    """One process, and the thread that reads its answers."""

    def __init__(self, limits: Limits, threads: int) -> None:
        command = [sys.executable, "-P", "-m", "mathforge.sandbox.worker", limits.to_json()]
        command += [f"--threads={threads}"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[int, _Waiting] = {}
        self._numbers = itertools.count()
        self._ready = False
        self.alive = True
        self.sessions = 0
        threading.Thread(target=self._read, name="mathforge-worker-answers", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, session: int, seed: int | None) -> None:
        self.sessions += 1
        self._send({"open": session, "seed": seed})

    def fork(self, session: int, origin: int, seed: int | None) -> Future[None]:
        return self._request({"fork": session, "from": origin, "seed": seed})

    def close_session(self, session: int) -> None:
        self.sessions -= 1
        self._send({"close": session})

    def save(self, session: int, path: Path) -> Future[None]:
        return self._request({"save": session, "path": str(path)})

    def restore(self, session: int, path: Path) -> Future[None]:
        return self._request({"restore": session, "path": str(path.absolute())})

    def run(self, answer: Future[Outcome], session: int, code: str, timeout_s: float) -> int | None:
        number = self._expect(_Waiting(answer, is_cell=True), timeout_s)
        if number is not None:
            self._send({"run": number, "session": session, "code": code, "timeout_s": timeout_s})
        return number

    def interrupt(self, number: int) -> None:
        self._send({"interrupt": number})

    def _request(self, message: dict[str, Any]) -> Future[None]:
        answer: Future[None] = Future()
        number = self._expect(_Waiting(answer, is_cell=False), 0.0)
        if number is not None:
            self._send({**message, "request": number})
        return answer

    def _expect(self, waiting: _Waiting, timeout_s: float) -> int | None:
        """The number under which the answer will come; none will when the process has ended."""
        with self._lock:
            if self.alive:
                number = next(self._numbers)
                # Whatever is no cell may have to wait for one.
                cells = [] if waiting.is_cell else [other.until for other in self._pending.values()]
                waiting.until = max(time.monotonic() + timeout_s, *cells, 0.0) + HANG_S
                self._pending[number] = waiting
                return number
        self._fail(waiting)
        return None

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
            return any(waiting.until < time.monotonic() for waiting in self._pending.values())

    def _answer(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready = True
        else:
            with self._lock:
                waiting = self._pending.pop(message["done"])
            if "error" in message:
                waiting.answer.set_exception(SandboxError(message["error"]))
            else:
                waiting.answer.set_result(Outcome(**message["outcome"]) if waiting.is_cell else None)

    def _end(self) -> None:
        self._process.wait()
        with self._lock:
            self.alive = False
            pending, self._pending = self._pending, {}
        for waiting in pending.values():
            self._fail(waiting)
        _pipe(self._process.stdout).close()
        with self._writing, contextlib.suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()

    def _fail(self, waiting: _Waiting) -> None:
        """Answer for a process that has ended."""
        status = self._process.returncode
        if self._ready:
            reason = f"the sandbox worker process ended (status {status}); its variables are gone"
            if waiting.is_cell:
                waiting.answer.set_result(lost(reason))
            else:
                waiting.answer.set_exception(SandboxError(reason, code="lost"))
        else:
            problem = f"a sandbox worker process ended before it was ready (status {status})"
            waiting.answer.set_exception(
                SandboxError(problem, hint="its own message is above, on stderr", code="worker")
            )


def _load(worker: _Worker | None) -> int:
    return 0 if worker is None or not worker.alive else worker.sessions


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the worker was started without pipes")
    return stream
