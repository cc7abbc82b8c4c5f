"""`submit`: jobs to wherever a cluster's configuration says."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ..errors import ClusterError, InputError
from . import local, records, slurm
from .config import ClusterConfig, load_cluster
from .job import Job
from .records import JobRecord, Record


@dataclass(frozen=True, slots=True)
class Submitted:
    """One job after `submit`.

    Attributes:
        name: of the job.
        ids: of its tasks, and of those of the dependent jobs behind it; empty after a dry run.
        logs: what each of these prints; an empty string where it went to the terminal.
        script: the sbatch script of a dry run.
    """

    name: str
    ids: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    script: str = ""


def submit(
    jobs: Sequence[Job],
    *,
    cluster: str | ClusterConfig,
    config_dir: str | Path | None = None,
    expname: str | None = None,
    run_after: str | Sequence[str] = (),
    output_dir: str | Path | None = None,
    log_dir: str | Path | None = None,
    dry_run: bool = False,
) -> list[Submitted]:
    """Run jobs on this machine, or put them into the queue of a Slurm cluster.

    On this machine the call returns when all jobs have ended; on Slurm when all are in the queue.

    Args:
        jobs: in an order in which each comes after those it waits for.
        cluster: a configuration, its name, or the path of its YAML file; see `load_cluster`.
        config_dir: where configurations are looked for first.
        expname: name of the submission, for `run_after`, `mathforge status` and `cancel`. Default: the first
            job's.
        run_after: names of earlier submissions that must have ended before the first jobs start.
        output_dir: where the jobs write to; `mathforge status` finds them by it.
        log_dir: scripts and logs. Default: in the configuration's `job_dir`.
        dry_run: print the resolved configuration and what would run to stdout; start nothing, write nothing.

    Returns:
        One entry per job.

    Raises:
        InputError: a configuration or job that cannot be used.
        ClusterError: sbatch refused a job, or a job on this machine failed (the others have run)
    """
    config, notes = (cluster, []) if isinstance(cluster, ClusterConfig) else load_cluster(cluster, config_dir)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    _check_names(jobs)
    experiment = expname or jobs[0].name
    if "/" in experiment or experiment.startswith("."):
        raise InputError(
            f"not a name of an experiment: `{experiment}`", hint="it becomes a folder: no `/`, no dot first"
        )
    names = [run_after] if isinstance(run_after, str) else list(run_after)
    folder = (
        _host_path(config, log_dir) or config.job_folder() / experiment / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    )
    waits_for = _dependencies(names, config)
    config.environment()
    if dry_run:
        return _dry_run(jobs, config, folder, waits_for)
    if config.executor == "slurm":
        slurm.check_reachable(config)
    output = _host_path(config, output_dir)
    record = records.begin(experiment, config.name, config.executor, config.job_folder(), output)
    if config.executor == "slurm":
        return _to_slurm(jobs, config, folder, waits_for, record)
    return _run_here(jobs, config, folder, record)


def _check_names(jobs: Sequence[Job]) -> None:
    if not jobs:
        raise InputError("no jobs to submit")
    seen: set[str] = set()
    for job in jobs:
        if job.name in seen:
            raise InputError(f"two jobs of one submission are called `{job.name}`")
        if unknown := [name for name in job.after if name not in seen]:
            raise InputError(
                f"the job `{job.name}` waits for `{unknown[0]}`, which is not submitted before it"
            )
        seen.add(job.name)


def _host_path(config: ClusterConfig, path: str | Path | None) -> Path | None:
    return None if path is None else Path(config.on_host(str(path))).expanduser().absolute()


def _dependencies(experiments: Sequence[str], config: ClusterConfig) -> list[str]:
    """What earlier submissions are waited for, in sbatch's form; those of this machine have ended."""
    found = [records.of_experiment(name, config.job_folder())[-1] for name in experiments]
    ids = [job_id for record in found if record.executor == "slurm" for job_id in record.ids]
    return [":".join([config.dependency_type, *ids])] if ids else []


def _of_job(job: Job, config: ClusterConfig, last: dict[str, str], earlier: Sequence[str]) -> list[str]:
    """The dependencies of one job. What waits for jobs of the submission waits for earlier ones with them."""
    kind = job.dependency or config.dependency_type
    always = []
    if kind == "singleton":
        always, kind = [kind], config.dependency_type
    named = [":".join([kind, *(last[name] for name in job.after)])] if job.after else list(earlier)
    return always + named


def _to_slurm(
    jobs: Sequence[Job], config: ClusterConfig, folder: Path, waits_for: Sequence[str], record: Record
) -> list[Submitted]:
    last: dict[str, str] = {}
    submitted: list[Submitted] = []
    for job in jobs:
        try:
            added = slurm.submit_job(job, config, folder, _of_job(job, config, last, waits_for))
        except ClusterError as error:
            if submitted:
                error.hint = (
                    f"`mathforge cancel {record.experiment}` ends the jobs before it, which are queued"
                )
            raise
        last[job.name] = slurm.main_id(added[-1])
        record = replace(record, jobs=(*record.jobs, *added))
        record.write()  # at once: what is in the queue must be known when the next one is refused
        submitted.append(_submitted(job, added))
        print(f"{job.name}: submitted as {', '.join(map(slurm.main_id, added))}", file=sys.stderr)
    return submitted


def _submitted(job: Job, added: Sequence[JobRecord]) -> Submitted:
    tasks = [task for one in added for task in one.tasks]
    return Submitted(job.name, tuple(task.id for task in tasks), tuple(task.log for task in tasks))


def _run_here(jobs: Sequence[Job], config: ClusterConfig, folder: Path, record: Record) -> list[Submitted]:
    failed: dict[str, str] = {}
    submitted = []
    for job in jobs:
        if job.dependency == "afterok" and any(name in failed for name in job.after):
            failed[job.name] = f"{job.name}: not started, because of a job it waits for"
            continue
        done = local.run_job(job, config, folder, partial(_announce, record), record.cancelled_path.exists)
        record = replace(record, jobs=(*record.jobs, done))
        submitted.append(_submitted(job, [done]))
        for task in done.tasks:
            if task.exit_code:
                where = f"; see {task.log}" if task.log else ""
                failed[job.name] = (
                    f"{job.name}: exit status {task.exit_code} of `{shlex.join(task.argv)}`{where}"
                )
    if record.cancelled_path.exists():
        raise ClusterError(f"`{record.experiment}` was cancelled", code="cancelled")
    if failed:
        raise ClusterError("a job failed: " + "\n  ".join(failed.values()))
    return submitted


def _announce(record: Record, current: JobRecord) -> None:
    replace(record, jobs=(*record.jobs, current)).write()


def _dry_run(
    jobs: Sequence[Job], config: ClusterConfig, folder: Path, waits_for: Sequence[str]
) -> list[Submitted]:
    print(f"# cluster {config.name}, resolved configuration")
    print(json.dumps(config.to_json(), indent=2))
    submitted = []
    for job in jobs:
        text = _described(job, config, folder, waits_for)
        behind = f", and {job.dependent_jobs} dependent jobs like it" if job.dependent_jobs else ""
        print(f"\n# job {job.name}{behind}\n{text}")
        submitted.append(Submitted(job.name, script=text))
    return submitted


def _described(job: Job, config: ClusterConfig, folder: Path, waits_for: Sequence[str]) -> str:
    if config.executor == "slurm":
        names = {name: f"JOB_ID_OF_{name}" for name in job.after}
        return slurm.script(job, config, folder, _of_job(job, config, names, waits_for))
    return "\n".join(shlex.join(config.on_host(word) for word in argv) for argv in job.commands) + "\n"
