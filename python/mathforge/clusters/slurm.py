"""Jobs on Slurm, through submitit: sbatch scripts, arrays, chains of dependent jobs, requeueing.

A job that reaches its time limit gets a signal before; submitit's handler stops the command (which keeps
what it has finished) and puts the same job into the queue again. A job whose node is lost is requeued by
Slurm.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError, InputError
from .command import Command
from .config import ClusterConfig
from .job import Job
from .records import JobRecord, Task

if TYPE_CHECKING:
    from submitit import SlurmExecutor

_SIGNAL_BEFORE_END_S = 120
"""Time to stop before the limit; a quarter of the limit when that is less."""


def check_reachable(config: ClusterConfig) -> None:
    """Before anything is written: whether jobs can be submitted from here.

    Raises:
        ClusterError: they cannot.
    """
    if shutil.which("sbatch") is None:
        raise ClusterError(
            f"there is no sbatch on this machine, so that nothing can be submitted to `{config.name}`",
            hint="run the same command on a login node of the cluster; submission over ssh is not supported",
        )
    _submitit()


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise ClusterError(
            "jobs on Slurm need submitit, which is not installed", hint="pip install 'mathforge[slurm]'"
        ) from error
    return submitit


def submit_job(job: Job, config: ClusterConfig, folder: Path, waits_for: Sequence[str]) -> list[JobRecord]:
    """Submit a job and the dependent jobs behind it.

    Args:
        job: what to run.
        config: the cluster.
        folder: scripts and logs; every node must see it.
        waits_for: dependencies in sbatch's form, such as `afterany:12:13`.

    Returns:
        One record per submitted job.

    Raises:
        ClusterError: sbatch refused the job.
    """
    records: list[JobRecord] = []
    for attempt in range(job.dependent_jobs + 1):
        behind = [f"{config.dependency_type}:{main_id(records[-1])}"] if records else list(waits_for)
        executor = _executor(job, config, folder, behind)
        ids = _submit(executor, _commands(job, config), job.name)
        tasks = [
            Task(job_id, tuple(argv), str(folder / f"{job_id}_0_log.out"))
            for job_id, argv in zip(ids, _host_commands(job, config), strict=True)
        ]
        outputs = tuple(config.on_host(path) for path in job.outputs)
        records.append(JobRecord(job.name, attempt, tuple(tasks), outputs, tuple(behind)))
    return records


def main_id(record: JobRecord) -> str:
    """The id that dependencies name: of the whole array."""
    return record.tasks[0].id.partition("_")[0]


def script(job: Job, config: ClusterConfig, folder: Path, waits_for: Sequence[str]) -> str:
    """The sbatch script that `submit_job` would submit."""
    executor = _executor(job, config, folder, waits_for, dry_run=True)
    if len(job.commands) > 1:
        executor.parameters["map_count"] = len(job.commands)
    text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
    return text


def _submit(executor: SlurmExecutor, commands: Sequence[Command], name: str) -> list[str]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        return [str(job.job_id) for job in executor.submit_array(commands)]
    except (FailedJobError, FailedSubmissionError) as error:
        said = [line for line in str(error).splitlines() if "error" in line.lower()] or [str(error)]
        raise ClusterError(
            f"sbatch refused the job `{name}`: {said[-1].strip()}", hint="--dry-run shows the whole script"
        ) from error


def _commands(job: Job, config: ClusterConfig) -> list[Command]:
    grace_s = max(2.0, _signal_delay_s(job, config) / 2)
    environment = {**config.environment(), **job.environment}
    return [Command(argv, environment, grace_s) for argv in _host_commands(job, config)]


def _host_commands(job: Job, config: ClusterConfig) -> list[list[str]]:
    if _image(job, config):
        return job.commands
    return [[config.on_host(word) for word in argv] for argv in job.commands]


def _executor(
    job: Job, config: ClusterConfig, folder: Path, waits_for: Sequence[str], *, dry_run: bool = False
) -> SlurmExecutor:
    class Executor(_submitit().SlurmExecutor):  # type: ignore[misc]
        @classmethod
        def affinity(cls) -> int:
            """Scripts can be written, though not submitted, where there is no Slurm."""
            return 2 if dry_run else super().affinity()

    image = _image(job, config)
    python = config.python or ("python3" if image else None)
    executor = Executor(folder, max_num_timeout=config.max_requeues, python=python)
    executor.update_parameters(**parameters(job, config, waits_for))
    return executor


def parameters(job: Job, config: ClusterConfig, waits_for: Sequence[str]) -> dict[str, Any]:
    """What submitit is told of a job; None leaves an option to Slurm."""
    partition = job.partition or (None if job.gpus else config.cpu_partition) or config.partition
    image = _image(job, config)
    wanted = {
        "job_name": f"{config.job_name_prefix}{job.name}",
        "account": config.account,
        "partition": partition,
        "qos": job.qos,
        "time": _time_limit_min(job, config),
        "nodes": job.nodes,
        "ntasks_per_node": 1,
        "cpus_per_task": job.cpus,
        "gpus_per_node": None if config.disable_gpus_per_node else job.gpus or None,
        "exclusive": job.exclusive or None,
        "dependency": ",".join(waits_for) or None,
        "array_parallelism": job.parallelism or max(1, len(job.commands)),
        "signal_delay_s": _signal_delay_s(job, config),
        "setup": [f"# {line}" for line in _described(job, config)],
        "srun_args": _pyxis(image, [*config.mounts, *job.mounts]) if image else [],
        "stderr_to_stdout": True,
        "additional_parameters": _options(job, config),
        "wckey": None,
    }
    return {name: value for name, value in wanted.items() if value is not None or name == "wckey"}


def _options(job: Job, config: ClusterConfig) -> dict[str, object]:
    """Options of sbatch that submitit has no word for, then the user's own, which come last."""
    options: dict[str, object] = {"requeue": True}
    if job.time_min:
        options["time-min"] = job.time_min
    if job.dependency == "afterok":
        options["kill-on-invalid-dep"] = "yes"
    options |= {**config.sbatch_kwargs, **job.sbatch_kwargs}
    return {name.replace("_", "-"): value for name, value in options.items() if value not in (None, False)}


def _described(job: Job, config: ClusterConfig) -> Iterable[str]:
    """The commands, for people who read the script; they reach the node in a file of submitit's."""
    for index, argv in enumerate(_host_commands(job, config)):
        yield f"task {index}: {shlex.join(argv)}".replace("\n", "\\n")


def _image(job: Job, config: ClusterConfig) -> str | None:
    """The image a job runs in, where the site has containers.

    Raises:
        InputError: a name that the configuration does not have.
    """
    if not config.containers or job.container is None:
        return None
    if job.container in config.containers:
        return config.containers[job.container]
    if any(mark in job.container for mark in "/:."):
        return job.container
    raise InputError(
        f"the cluster `{config.name}` has no container `{job.container}`",
        hint=f"containers: {', '.join(config.containers)}",
    )


def _pyxis(image: str, mounts: Sequence[str]) -> list[str]:
    arguments = [f"--container-image={image}", "--no-container-mount-home"]
    return [*arguments, f"--container-mounts={','.join(mounts)}"] if mounts else arguments


def _signal_delay_s(job: Job, config: ClusterConfig) -> int:
    return min(_SIGNAL_BEFORE_END_S, _time_limit_min(job, config) * 60 // 4)


def _time_limit_min(job: Job, config: ClusterConfig) -> int:
    options: Mapping[str, object] = {**config.sbatch_kwargs, **job.sbatch_kwargs}
    partition = job.partition or (None if job.gpus else config.cpu_partition) or config.partition
    limit = (
        options.get("time")
        or job.time_limit
        or config.timeouts.get(partition or "")
        or config.default_timeout
    )
    return minutes(str(limit))


def minutes(limit: str) -> int:
    """A time limit in sbatch's forms, in minutes rounded up.

    `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M` and `D-H:M:S`, and NeMo-Skills' `D:H:M:S`.

    Raises:
        InputError: none of these.
    """
    days, dash, clock = limit.strip().rpartition("-")
    parts = clock.split(":")
    if not all(part.isdecimal() for part in parts) or (dash and not days.isdecimal()):
        raise InputError(f"not a time limit: `{limit}`", hint="write MINUTES, HH:MM:SS or DAYS-HH:MM:SS")
    numbers = [int(part) for part in parts]
    if dash:
        seconds = sum(n * scale for n, scale in zip(numbers, (3600, 60, 1), strict=False)) + int(days) * 86400
    elif len(numbers) == 1:
        seconds = numbers[0] * 60
    else:
        seconds = sum(n * scale for n, scale in zip(reversed(numbers), (1, 60, 3600, 86400), strict=False))
    if not seconds or len(numbers) > (3 if dash else 4):
        raise InputError(f"not a time limit: `{limit}`", hint="write MINUTES, HH:MM:SS or DAYS-HH:MM:SS")
    return -(-seconds // 60)
