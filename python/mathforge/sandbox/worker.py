"""A worker process: `python -m mathforge.sandbox.worker`, started by `mathforge.sandbox.Sandbox(workers=N)`.

It is driven by one JSON object per line on stdin and answers on stdout; sessions are numbered by the parent.

    {"open": 7}                                       start session 7 (running a cell of it does so too)
    {"run": 12, "session": 7, "code": ..., "timeout_s": 10.0}
        -> {"done": 12, "outcome": {...}}   or   {"done": 12, "error": "..."}
    {"close": 7}

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

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
        self._cells = ThreadPoolExecutor(threads, thread_name_prefix="mathforge-cell")
        self._sessions: dict[int, NativeSession] = {}
        self._answers = answers
        self._writing = threading.Lock()

    def serve(self, requests: BinaryIO) -> None:
        """Answer requests until there are no more."""
        self._send({"ready": True})
        for line in requests:
            request = json.loads(line)
            if "open" in request:
                self._cells.submit(self._session, request["open"])
            elif "run" in request:
                self._cells.submit(self._run, request)
            elif "close" in request:
                self._sessions.pop(request["close"], None)

    def _session(self, number: int) -> NativeSession:
        # Two threads may both start it; the first one stored is the one used.
        known = self._sessions.get(number)
        return known if known is not None else self._sessions.setdefault(number, self._sandbox.session())

    def _run(self, request: dict[str, Any]) -> None:
        number = request["run"]
        try:
            outcome = outcome_of(self._session(request["session"]), request["code"], request["timeout_s"])
            self._send({"done": number, "outcome": asdict(outcome)})
        except MathforgeError as error:
            self._send({"done": number, "error": str(error)})
        except Exception as error:
            # Whatever it is, the cell must be answered: its caller waits.
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
    parser.add_argument("image", type=Path)
    parser.add_argument("--memory-mib", type=int, required=True)
    parser.add_argument("--max-output-chars", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    # Ctrl-C reaches the whole process group; what happens next is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    # Answers own the real stdout; a stray print must not get between them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    sandbox = open_image(Limits(args.image, args.memory_mib, args.max_output_chars))
    Worker(sandbox, args.threads, answers).serve(sys.stdin.buffer)
    # Not sys.exit: threads may be inside a cell, and nobody waits for its result any more.
    os._exit(0)


def _end_with_parent(parent: int) -> None:
    """A process that the parent forked may hold our stdin open after the parent has died."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    main()
