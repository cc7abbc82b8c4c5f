"""What was submitted, as JSON: what `status`, `cancel` and `run_after` know of earlier submissions.

A record is `<job_dir>/<experiment>/<time>-<process>.json`; an output folder names the records of the jobs
that write to it in `submissions.jsonl`, so that jobs are found by their folder, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..folders import write_atomically

POINTERS = "submissions.jsonl"


@dataclass(frozen=True, slots=True)
class Task:
    """One running, waiting or ended command.

    Attributes:
        id: `JOB` or `JOB_INDEX` of Slurm; `PID.START` of a process on this machine, where START is when it
            started in clock ticks after boot, which tells it from a later process with its number.
        argv: its command.
        log: what it prints.
        exit_code: of an ended process of this machine; Slurm knows for itself.
    """

    id: str
    argv: tuple[str, ...]
    log: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job: a task, or all tasks of an array.

    Attributes:
        name: of the job.
        attempt: 0, then 1, 2, ... for the dependent jobs behind it.
        tasks: one by one.
        outputs: files that it completes.
        waits_for: ids that must end before.
    """

    name: str
    attempt: int
    tasks: tuple[Task, ...]
    outputs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One submission.

    Attributes:
        experiment: the name that `run_after` takes.
        cluster: name of the configuration.
        executor: slurm or local.
        submitted_at: ISO 8601, UTC.
        output_dir: where the jobs write to.
        jobs: in the order of submission.
        path: of the record.
    """

    experiment: str
    cluster: str
    executor: str
    submitted_at: str
    output_dir: str | None
    jobs: tuple[JobRecord, ...] = field(default=())
    path: Path = field(default=Path(), compare=False)

    @property
    def ids(self) -> list[str]:
        """All ids, without the indices of arrays."""
        return list(dict.fromkeys(task.id.partition("_")[0] for job in self.jobs for task in job.tasks))

    @property
    def cancelled_path(self) -> Path:
        """A file that is there once jobs of this machine are to start no further tasks."""
        return self.path.with_suffix(".cancelled")

    def write(self) -> None:
        """Write the whole record, in place of an earlier one."""
        content = asdict(self)
        del content["path"]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps(content, indent=2) + "\n")


def begin(experiment: str, cluster: str, executor: str, job_folder: Path, output_dir: Path | None) -> Record:
    """A record without jobs yet, named in the output folder."""
    now = datetime.now(UTC)
    path = job_folder / experiment / f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}.json"
    record = Record(
        experiment,
        cluster,
        executor,
        now.isoformat(timespec="seconds"),
        str(output_dir) if output_dir else None,
        (),
        path,
    )
    record.write()
    if output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        with (output_dir / POINTERS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"record": str(path)}) + "\n")
    return record


def read(path: Path) -> Record:
    """A record.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        jobs = tuple(
            JobRecord(
                job["name"],
                job["attempt"],
                tuple(
                    Task(task["id"], tuple(task["argv"]), task["log"], task["exit_code"])
                    for task in job["tasks"]
                ),
                tuple(job["outputs"]),
                tuple(job["waits_for"]),
            )
            for job in content["jobs"]
        )
        return replace(Record(**{**content, "jobs": jobs}), path=path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: not a record of submitted jobs") from error


def of_experiment(experiment: str, job_folder: Path) -> list[Record]:
    """The submissions of an experiment, oldest first.

    Raises:
        InputError: nothing of that name was submitted.
    """
    found = sorted((job_folder / experiment).glob("*.json")) if experiment else []
    if not found:
        known = [path.name for path in job_folder.glob("*") if path.is_dir()]
        near = get_close_matches(experiment, known, n=1)
        raise InputError(
            f"nothing was submitted as `{experiment}` (looked in {job_folder})",
            hint=f"did you mean `{near[0]}`?" if near else "names are what --expname gave",
        )
    return [read(path) for path in found]


def of_folder(folder: Path) -> list[Record]:
    """The submissions that write to an output folder, oldest first; without those whose record is gone."""
    return [read(path) for path in _pointers(folder) if path.exists()]


def _pointers(folder: Path) -> Iterator[Path]:
    pointers = folder / POINTERS
    if pointers.is_file():
        for line in pointers.read_text(encoding="utf-8").splitlines():
            try:
                yield Path(json.loads(line)["record"])
            except (ValueError, LookupError, TypeError):
                continue  # torn by a kill; the record itself is in the job folder
