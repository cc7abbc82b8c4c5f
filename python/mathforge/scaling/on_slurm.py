"""The tasks of a plan as Slurm arrays, each waiting for the one before."""

from __future__ import annotations

from collections.abc import Sequence

from ..clusters import Job
from .plan import Plan


def jobs_of(plan: Plan, report: Sequence[str] = ()) -> list[Job]:
    """Jobs for `mathforge.clusters.submit`: an array of scans, an array of counts, and the report.

    Args:
        plan: what to do; it must have been written before the jobs start.
        report: flags of `mathforge aggregate` that say what the last job prints and writes.
    """
    task = ["mathforge", "aggregate", str(plan.folder), "--phase"]
    cpus = plan.settings.threads or None
    return [
        Job([*task, "scan"], name="scan", array=_indices(len(plan.shards)), cpus=cpus),
        Job(
            [*task, "count"],
            name="count",
            array=_indices(plan.counters),
            cpus=cpus,
            after=["scan"],
            dependency="afterok",
        ),
        Job([*task, "report", *report], name="report", after=["count"], dependency="afterok"),
    ]


def _indices(count: int) -> list[list[str]]:
    return [["--index", str(index)] for index in range(count)]
