"""Aggregation by many workers: the two phases of `partials` and `merging` as tasks, and what runs them.

    plan = make_plan(["runs/large"], shards=32, counters=8)
    report = on_ray(plan)                        # or in_process(plan); jobs_of(plan, ...) for Slurm

A task reads files and writes one file, whole or not at all, in the plan's folder, which all workers see. Run
twice it does nothing the second time, so that a lost worker costs what it had in hand. The report is equal,
bit for bit, to that of `mathforge.aggregate`.
"""

from .in_process import in_process
from .on_ray import on_ray
from .on_slurm import jobs_of
from .plan import Plan, make_plan

__all__ = ["Plan", "in_process", "jobs_of", "make_plan", "on_ray"]
