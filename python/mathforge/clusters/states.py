"""How submitted tasks fare: asked of Slurm, or of the processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ClusterError
from .local import process_id
from .records import Record, Task

State = Literal["waiting", "running", "completed", "failed", "timeout", "cancelled", "node_lost", "unknown"]

ENDED: tuple[State, ...] = ("completed", "failed", "timeout", "cancelled", "node_lost")

_OF_SLURM: dict[str, State] = {
    **dict.fromkeys(("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"), "waiting"),
    **dict.fromkeys(
        ("RUNNING", "COMPLETING", "CONFIGURING", "RESIZING", "SIGNALING", "STAGE_OUT"), "running"
    ),
    **dict.fromkeys(("SUSPENDED", "STOPPED", "PREEMPTED"), "waiting"),
    "COMPLETED": "completed",
    **dict.fromkeys(("FAILED", "OUT_OF_MEMORY", "BOOT_FAIL", "REVOKED"), "failed"),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), "timeout"),
    "CANCELLED": "cancelled",
    "NODE_FAIL": "node_lost",
}


@dataclass(frozen=True, slots=True)
class TaskState:
    """The state of one task.

    Attributes:
        state: where it stands.
        detail: Slurm's own word and reason, or an exit status.
        node: where it runs or ran; None if nowhere yet.
        elapsed: `[DAYS-]HH:MM:SS` of its last run; None if it has not run.
    """

    state: State
    detail: str = ""
    node: str | None = None
    elapsed: str | None = None


def task_states(record: Record) -> dict[str, TaskState]:
    """The state of every task of a submission, by id."""
    tasks = [task for job in record.jobs for task in job.tasks]
    if record.executor != "slurm":
        cancelled = record.cancelled_path.exists()
        return {task.id: _of_process(task, cancelled=cancelled) for task in tasks}
    asked = list(dict.fromkeys(task.id.partition("_")[0] for task in tasks))
    known = _from_queue(asked)
    if left := [number for number in asked if not any(key.partition("_")[0] == number for key in known)]:
        known = {**_from_accounting(left), **known}
    return {task.id: known.get(task.id) or _from_files(task) for task in tasks}


def cancel(record: Record) -> list[str]:
    """End what has not ended, whether it runs or waits.

    Returns:
        The ids of the tasks that were ended.

    Raises:
        ClusterError: Slurm does not answer, or refuses.
    """
    open_ids = [job_id for job_id, now in task_states(record).items() if now.state not in ENDED]
    if record.executor != "slurm":
        if open_ids:
            record.cancelled_path.touch()
        open_ids = [job_id for job_id in open_ids if job_id]
        for job_id in open_ids:
            os.kill(int(job_id.partition(".")[0]), signal.SIGTERM)
    elif open_ids:
        _ask(["scancel", *open_ids], required=True)
    return open_ids


def _of_process(task: Task, *, cancelled: bool) -> TaskState:
    if cancelled and task.exit_code != 0:
        return TaskState("cancelled")
    if task.exit_code is not None:
        return TaskState("failed" if task.exit_code else "completed", f"exit status {task.exit_code}")
    if not task.id:
        return TaskState("waiting")
    if process_id(int(task.id.partition(".")[0])) == task.id:
        return TaskState("running", f"process {task.id.partition('.')[0]}")
    return TaskState("failed", "ended together with the command that started it")


def _from_queue(numbers: Sequence[str]) -> dict[str, TaskState]:
    """What the controller remembers: jobs that wait or run, and those that have just ended."""
    # Two ids at least: for a single one that it has forgotten, squeue fails instead of printing nothing.
    jobs = ",".join([*numbers, numbers[0]])
    command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={jobs}", "--format=%i|%T|%r|%N|%M"]
    return _parsed(_ask(command))


def _from_accounting(numbers: Sequence[str]) -> dict[str, TaskState]:
    """What the accounting database has, where there is one."""
    command = ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={','.join(numbers)}"]
    return _parsed(_ask([*command, "--format=JobID,State,ExitCode,NodeList,Elapsed"]))


def _parsed(text: str) -> dict[str, TaskState]:
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 5:
            continue
        job_id, word, reason, node, elapsed = fields
        state = _OF_SLURM.get(word.split()[0].rstrip("+"), "unknown") if word else "unknown"
        detail = word if reason in ("None", "0:0", "") else f"{word} ({reason})"
        nowhere = node in ("", "None assigned", "(null)")
        found[job_id] = TaskState(state, detail, None if nowhere else node, None if nowhere else elapsed)
    return found


def _from_files(task: Task) -> TaskState:
    """Slurm has forgotten the job and there is no accounting: a task that succeeded has left its result."""
    result = Path(task.log.replace("_log.out", "_result.pkl"))
    if result.exists():
        return TaskState("completed", "no longer known to Slurm; its result is there")
    return TaskState("unknown", "not known to Slurm; no result is there")


def _ask(command: Sequence[str], *, required: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterError(
            f"`{command[0]}` cannot be asked: {error}", hint="run this on a login node of the cluster"
        ) from error
    if done.returncode and required:
        raise ClusterError(f"`{command[0]}`: {done.stderr.strip()}")
    return done.stdout


def last_lines(log: str, count: int) -> list[str]:
    """The end of a log; empty when there is none."""
    if not log:
        return []
    try:
        with Path(log).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - (count << 10)))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
