"""The tasks of a plan in this process, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from ..report import Report
from .plan import Plan


def in_process(plan: Plan, progress: Callable[[int, int], None] | None = None) -> Report:
    """Run all tasks here.

    Args:
        plan: what to do.
        progress: called with tasks done and tasks in all.
    """
    plan.write()
    total = len(plan.shards) + plan.counters
    for index in range(len(plan.shards)):
        plan.scan(index)
        if progress:
            progress(index + 1, total)
    for index in range(plan.counters):
        plan.count(index)
        if progress:
            progress(len(plan.shards) + index + 1, total)
    return plan.report()
