"""One job: a command line and what it needs to run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """What a job asks of the cluster; what is None follows from the cluster's configuration.

    Attributes:
        gpus: on each node; 0 sends the job to `cpu_partition` where there is one.
        nodes: how many; the command runs on the first.
        cpus: for the task.
        partition: queue.
        qos: quality of service.
        time_limit: Slurm's form, `MINUTES`, `HH:MM:SS` or `DAYS-HH[:MM[:SS]]`.
        time_min: the least time limit that the scheduler may shorten the job to.
        exclusive: no other job on its nodes.
        sbatch_kwargs: any further options of sbatch, by their long names.
        environment: variables of the command.
        container: a name under `containers` of the configuration, or an image; used where
            the site has containers.
        mounts: `SOURCE:DESTINATION` beside those of the configuration.
    """

    gpus: int = 0
    nodes: int = 1
    cpus: int | None = None
    partition: str | None = None
    qos: str | None = None
    time_limit: str | int | None = None
    time_min: str | None = None
    exclusive: bool = False
    sbatch_kwargs: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    mounts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Job(_Needs):
    """A command line to run somewhere.

    Attributes:
        argv: the command; `mathforge` as its first word is this package in the job's own Python. A line for a
            shell is `["bash", "-c", line]`.
        name: names it among the jobs of one submission, and in the queue.
        array: further arguments of each task of an array; task i runs `argv + array[i]`. Empty is one task.
        parallelism: tasks of the array that may run at a time; None is all.
        after: names of jobs of the same submission that must have ended before.
        dependency: how `after` is meant: afterany, afterok, afternotok, after, singleton ...; None is the
            configuration's `dependency_type`, else afterany.
        dependent_jobs: so many identical jobs behind this one, each continuing what the one before left.
        outputs: files that the job completes, for `mathforge status`.
    """

    argv: Sequence[str]
    name: str = "job"
    array: Sequence[Sequence[str]] = ()
    parallelism: int | None = None
    after: Sequence[str] = ()
    dependency: str | None = None
    dependent_jobs: int = 0
    outputs: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.argv or isinstance(self.argv, str):
            raise InputError(f"a job's command is a list of words, got {self.argv!r}")
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"not a name of a job: `{self.name}`",
                hint="letters, digits and any of . _ + - after the first",
            )
        for what, count, least in (
            ("gpus", self.gpus, 0),
            ("nodes", self.nodes, 1),
            ("dependent_jobs", self.dependent_jobs, 0),
        ):
            if count < least:
                raise InputError(f"{what} of the job `{self.name}` must be at least {least}, got {count}")

    @property
    def commands(self) -> list[list[str]]:
        """The command of each task."""
        return [[*self.argv, *more] for more in self.array] or [list(self.argv)]
