"""Jobs on this machine: child processes, one after the other or several at a time."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from ..errors import ClusterError
from .command import argv_here
from .config import ClusterConfig
from .job import Job
from .records import JobRecord, Task

Announce = Callable[[JobRecord], None]


def run_job(
    job: Job, config: ClusterConfig, folder: Path, announce: Announce, is_cancelled: Callable[[], bool]
) -> JobRecord:
    """Run a job to its end. Dependent jobs behind it would find nothing to do: there is no time limit here.

    What a task prints goes to the terminal, or to its own file in `folder` when several run at a time.

    Args:
        job: what to run.
        config: mounts, environment and how many tasks may run at a time.
        folder: for logs.
        announce: called with the record whenever a task has started or ended.
        is_cancelled: asked before a task is started.
    """
    commands = [[config.on_host(word) for word in argv] for argv in job.commands]
    environment = {**os.environ, **config.environment(), **job.environment}
    at_a_time = min(job.parallelism or config.parallelism, len(commands))
    logs = [
        str(folder / f"{job.name}-{index}.log") if at_a_time > 1 else "" for index in range(len(commands))
    ]
    outputs = tuple(config.on_host(path) for path in job.outputs)
    running = _Running(
        [Task("", tuple(argv), log) for argv, log in zip(commands, logs, strict=True)], is_cancelled
    )

    def tell() -> None:
        announce(JobRecord(job.name, 0, tuple(running.tasks), outputs))

    def run(index: int) -> None:
        running.run(index, environment, tell)

    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            list(pool.map(run, range(len(commands))))
        except BaseException:  # inside the pool, which starts what is left of it when it is closed
            running.stop()
            raise
    return JobRecord(job.name, 0, tuple(running.tasks), outputs)


class _Running:
    """The tasks of a job, and the processes of those that run."""

    def __init__(self, tasks: Sequence[Task], is_cancelled: Callable[[], bool]) -> None:
        self._is_cancelled = is_cancelled
        self.tasks = list(tasks)
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, index: int, environment: Mapping[str, str], tell: Callable[[], None]) -> None:
        """Run one task to its end."""
        task = self.tasks[index]
        with ExitStack() as stack:
            with self._lock:
                if self._stopped or self._is_cancelled():
                    return
                out = None
                if task.log:
                    Path(task.log).parent.mkdir(parents=True, exist_ok=True)
                    out = stack.enter_context(Path(task.log).open("ab"))
                child = self._children[index] = _start(task.argv, environment, out)
                self.tasks[index] = Task(process_id(child.pid), task.argv, task.log)
                tell()
            status = child.wait()
            with self._lock:
                self.tasks[index] = Task(self.tasks[index].id, task.argv, task.log, status)
                tell()

    def stop(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._stopped = True
            for child in self._children.values():
                child.terminate()


def _start(
    argv: Sequence[str], environment: Mapping[str, str], out: BinaryIO | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv_here(argv),
            env=environment,
            stdin=subprocess.DEVNULL if out else None,
            stdout=out,
            stderr=subprocess.STDOUT if out else None,
        )
    except OSError as error:
        raise ClusterError(
            f"cannot start `{argv[0]}`: {error.strerror}", hint="is it installed, and on PATH?"
        ) from error


def process_id(pid: int) -> str:
    """`PID.START`: the process that has this number now."""
    try:
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        start = "0"
    return f"{pid}.{start}"
