"""A replay server as a child process: started for one run, gone with it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import ServerError

_START_TIMEOUT_S = 120.0


@contextmanager
def replay_server(recordings: Sequence[str], model: str | None, log_path: Path) -> Iterator[str]:
    """Serve recordings while the context is open; yields the address, ending in /v1.

    The child ends with the context, and also when this process is killed.

    Args:
        recordings: files, folders or `demo`.
        model: name to serve; the recording's own when None.
        log_path: where the child's messages go.

    Raises:
        ServerError: the child could not start, with its own message.
    """
    command = [sys.executable, "-m", "mathforge", "serve", "--port", "0", "--parent-pid", str(os.getpid())]
    for recording in recordings:
        command += ["--replay", recording]
    if model is not None:
        command += ["--model", model]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as child:
        try:
            yield _wait_for_address(child, log_path).rstrip("/").removesuffix("/v1") + "/v1"
        finally:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_for_address(child: subprocess.Popen[bytes], log_path: Path) -> str:
    assert child.stdout is not None
    deadline = time.monotonic() + _START_TIMEOUT_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(child.stdout.fileno(), 4096) if ready else b""
        if not data:
            said = log_path.read_text(errors="replace").strip().removeprefix("error: ")
            message, _, hint = said.partition("\nhint: ")
            raise ServerError(
                f"the replay server did not start: {message or 'no answer in time'}", hint=hint or None
            )
        line += data
    return line.decode().split()[-1]
