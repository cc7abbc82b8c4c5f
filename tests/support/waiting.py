"""Waiting for jobs of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mathforge.clusters import records
from mathforge.clusters.states import ENDED, TaskState, last_lines, task_states


def until(holds: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.25)


def ended(experiment: str, job_folder: Path, within_s: float = 120.0) -> dict[str, TaskState]:
    """The states of all tasks of an experiment's last submission, once they have ended."""
    record = records.of_experiment(experiment, job_folder)[-1]
    logs = {task.id: task.log for job in record.jobs for task in job.tasks}
    deadline = time.monotonic() + within_s
    while True:
        states = task_states(record)
        if all(one.state in ENDED for one in states.values()):
            return states
        said = {job_id: (now, last_lines(logs[job_id], 5)) for job_id, now in states.items()}
        assert time.monotonic() < deadline, f"not ended within {within_s:g} s: {said}"
        time.sleep(0.5)
