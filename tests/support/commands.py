"""`mathforge eval` and `mathforge serve` as processes of their own, and what an evaluation leaves on disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

MATHFORGE = [sys.executable, "-m", "mathforge"]


class Server:
    """A replay server that keeps its port when it is started again."""

    def __init__(self, recording: Path, *options: str) -> None:
        self._command = [*MATHFORGE, "serve", "--replay", str(recording), *options]
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Start; returns once requests are answered."""
        command = [*self._command, "--port", self._port]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address, f"the server did not start: {command}"
        self._port = self.address.rpartition(":")[2]

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """`mathforge ...`, run to its end."""
    return subprocess.run([*MATHFORGE, *words], capture_output=True, text=True, check=False)


def beside(scripted: Any, work: Callable[[str], _T]) -> tuple[_T, list[tuple[str, dict[str, Any], str]]]:
    """What `work` gives, which is told the address of a `scripted_server`, and the requests it made there."""

    async def main() -> _T:
        async with scripted:
            return await asyncio.to_thread(work, scripted.url)

    return asyncio.run(main()), scripted.requests


@contextlib.contextmanager
def serving(recording: Path, *options: str) -> Iterator[Server]:
    """A running server, killed at the end."""
    server = Server(recording, *options)
    try:
        yield server
    finally:
        server.stop()


def eval_command(server: str, data: Path, output: Path, benchmarks: str, *more: str) -> list[str]:
    """The command line of an evaluation with the Python tool."""
    return [
        *MATHFORGE,
        "eval",
        *("--benchmarks", benchmarks, "--data-dir", str(data), "--output-dir", str(output)),
        *("--server-address", server, "--model", "m", "--with-sandbox"),
        *("++code_execution=true", "++code_tags=gpt-oss", "++prompt_config=gpt-oss/math"),
        *("++chat_template_kwargs.builtin_tools=[python]", "++server.code_execution.max_code_executions=100"),
        *("++inference.tokens_to_generate=120000", "++inference.temperature=1.0", "++inference.top_p=1.0"),
        *more,
    ]


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    direct = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    direct.append(int(entry.name))
    return [*direct, *(grandchild for child in direct for grandchild in children(child))]


def sandbox_workers(pid: int) -> list[int]:
    """The sandbox worker processes below a process."""
    found = []
    for child in children(pid):
        with contextlib.suppress(OSError):
            if b"mathforge.sandbox" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def kill(pid: int) -> None:
    """kill -9, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def results(output: Path, benchmark: str) -> Path:
    """The folder of a benchmark's results."""
    return output / "eval-results" / benchmark


def samples(output: Path, benchmark: str) -> dict[int, list[dict[str, Any]]]:
    """All rows by seed. A torn line fails here."""
    files = sorted(results(output, benchmark).glob("output-rs*.jsonl"))
    return {int(f.stem.removeprefix("output-rs")): [json.loads(row) for row in f.open()] for f in files}


def metrics(output: Path, benchmark: str) -> Any:
    """`metrics.json` without the times, which no two runs share."""
    return without_times(json.loads((results(output, benchmark) / "metrics.json").read_text()))


def without_times(value: Any) -> Any:
    """The same structure less every `gen_seconds`."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "gen_seconds"}
    return value
