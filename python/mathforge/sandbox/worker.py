"""A worker process: `python -m mathforge.sandbox.worker`, started by `mathforge.sandbox.Sandbox(workers=N)`.

It is driven by one JSON object per line on stdin and answers on stdout; sessions are numbered by the parent.

    {"open": 7, "seed": null}                         start session 7 (running a cell of it does so too)
    {"fork": 8, "from": 7, "seed": null, "request": 11}   start session 8 as a copy of 7
        -> {"done": 11}   or   {"done": 11, "error": "..."}
    {"run": 12, "session": 7, "code": ..., "timeout_s": 10.0}
        -> {"done": 12, "outcome": {...}}   or   {"done": 12, "error": "..."}
    {"save": 7, "path": ..., "request": 13}           write the state of session 7; answered as a fork
    {"restore": 9, "path": ..., "request": 14}        start session 9 in that state; answered as a fork
    {"interrupt": 12}                                 end cell 12 as its time limit would
    {"close": 7}                                      and end its running cell; it is answered "lost"

The first line it writes is `{"ready": true}`. It ends when stdin does, so it cannot outlive its parent.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

from .._native import Stop
from ..errors import MathforgeError
from ._local import Limits, open_image, outcome_of

if TYPE_CHECKING:
    from .._native import Sandbox as NativeSandbox
    from .._native import Session as NativeSession

PARENT_CHECK_S = 1.0


class Worker:
    """Sessions and the threads that run their cells."""

    def __init__(self, sandbox: NativeSandbox, threads: int, answers: BinaryIO) -> None:
        self._sandbox = sandbox
        # The parent has at most `threads` cells run at a time; one thread more answers everything else.
        self._cells = ThreadPoolExecutor(threads + 1, thread_name_prefix="mathforge-cell")
        self._sessions: dict[int, NativeSession] = {}
        # Cells that were sent and not answered: their session, and the way to stop them.
        self._running: dict[int, tuple[int, Stop]] = {}
        self._answers = answers
        self._writing = threading.Lock()

    def serve(self, requests: BinaryIO) -> None:
        """Answer requests until there are no more."""
        self._send({"ready": True})
        for line in requests:
            request = json.loads(line)
            if "open" in request:
                self._cells.submit(self._session, request["open"], request["seed"])
            elif "request" in request:
                self._cells.submit(self._serve_other, request)
            elif "run" in request:
                stop = Stop()
                self._running[request["run"]] = request["session"], stop
                self._cells.submit(self._run, request, stop)
            elif "interrupt" in request:
                if running := self._running.get(request["interrupt"]):
                    running[1].interrupt()
            elif "close" in request:
                self._close(request["close"])

    def _close(self, number: int) -> None:
        self._sessions.pop(number, None)
        for session, stop in list(self._running.values()):
            if session == number:
                stop.kill()

    def _session(self, number: int, seed: int | None = None) -> NativeSession:
        # Two threads may both start it; the first one stored is the one used.
        known = self._sessions.get(number)
        return known if known is not None else self._sessions.setdefault(number, self._sandbox.session(seed))

    def _run(self, request: dict[str, Any], stop: Stop) -> None:
        def run() -> dict[str, Any]:
            session = self._session(request["session"])
            return {"outcome": asdict(outcome_of(session, request["code"], request["timeout_s"], stop))}

        self._answer(request["run"], run)
        del self._running[request["run"]]

    def _serve_other(self, request: dict[str, Any]) -> None:
        works = {"fork": self._fork, "save": self._save, "restore": self._restore}
        work = next(work for name, work in works.items() if name in request)
        self._answer(request["request"], lambda: work(request))

    def _fork(self, request: dict[str, Any]) -> dict[str, Any]:
        self._sessions[request["fork"]] = self._session(request["from"]).fork(request["seed"])
        return {}

    def _save(self, request: dict[str, Any]) -> dict[str, Any]:
        self._session(request["save"]).snapshot().save(request["path"])
        return {}

    def _restore(self, request: dict[str, Any]) -> dict[str, Any]:
        self._sessions[request["restore"]] = self._sandbox.restore(self._sandbox.load(request["path"]))
        return {}

    def _answer(self, number: int, work: Callable[[], dict[str, Any]]) -> None:
        try:
            self._send({"done": number, **work()})
        except (MathforgeError, RuntimeError) as error:
            self._send({"done": number, "error": str(error)})
        except Exception as error:
            # Whatever it is, the request must be answered: its caller waits.
            self._send({"done": number, "error": f"{type(error).__name__}: {error}"})

    def _send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode("ascii") + b"\n"
        with self._writing:
            try:
                self._answers.write(line)
                self._answers.flush()
            except BrokenPipeError:
                os._exit(0)


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(prog="mathforge.sandbox.worker")
    parser.add_argument("limits", type=Limits.from_json)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    # Ctrl-C reaches the whole process group; what happens next is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    # Answers own the real stdout; a stray print must not get between them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    Worker(open_image(args.limits), args.threads, answers).serve(sys.stdin.buffer)
    # Not sys.exit: threads may be inside a cell, and nobody waits for its result any more.
    os._exit(0)


def _end_with_parent(parent: int) -> None:
    """A process that the parent forked may hold our stdin open after the parent has died."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    main()
