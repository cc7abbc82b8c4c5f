"""The tasks of a plan on a Ray cluster.

Ray only says which worker runs which task; what tasks hand on lies in the plan's folder. A task whose node is
lost runs again on another one, up to `_RETRIES` times.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ClusterError, MathforgeError
from ..report import Report
from .plan import Plan

_RETRIES = 10
_ANSWERS_WITHIN_S = 10.0


def on_ray(
    plan: Plan, address: str | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Run all tasks on a Ray cluster, one per processor at a time.

    Args:
        plan: what to do; its folder and the input files must be seen by all nodes, and mathforge must be
            installed on them.
        address: of a running cluster, `HOST:PORT` or `auto`. Default: $RAY_ADDRESS, else Ray is started on
            this machine for the time being. A connection that this process has already is used as it is.
        progress: called with tasks done and tasks in all.

    Raises:
        ClusterError: Ray is not installed, no cluster answers, or workers were lost again and again.
        InputError: as `mathforge.aggregate`.
    """
    try:
        import ray
    except ImportError as error:
        raise ClusterError(
            "--engine ray needs Ray, which is not installed", hint="pip install 'mathforge[ray]'"
        ) from error
    plan.write()
    was_connected = ray.is_initialized()
    with contextlib.ExitStack() as stack:
        if not was_connected:
            # Ray tells of lost workers on stdout, which is for results.
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            stack.callback(ray.shutdown)
            _connect(ray, address)
        scan, count = (
            ray.remote(num_cpus=max(1, plan.settings.threads), max_retries=_RETRIES)(task)
            for task in (_scan, _count)
        )
        total = len(plan.shards) + plan.counters
        folder = str(plan.folder)
        scans = [scan.remote(folder, index) for index in range(len(plan.shards))]
        _finish(ray, scans, lambda done: progress and progress(done, total))
        counts = [count.remote(folder, index) for index in range(plan.counters)]
        _finish(ray, counts, lambda done: progress and progress(len(scans) + done, total))
    return plan.report()


def _scan(folder: str, index: int) -> None:
    Plan.read(Path(folder)).scan(index)


def _count(folder: str, index: int) -> None:
    Plan.read(Path(folder)).count(index)


def _connect(ray: Any, address: str | None) -> None:
    address = address or os.environ.get("RAY_ADDRESS")
    try:
        if address:
            _check(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        else:
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(
            f"no Ray cluster answers at `{address}`: {_last_line(error)}"
            if address
            else f"Ray does not start: {_last_line(error)}",
            hint="start one with `ray start --head`, or leave the address out to use this machine",
        ) from error


def _last_line(error: BaseException) -> str:
    """Ray puts tracebacks of its own into messages."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def _check(address: str) -> None:
    """Fail at once where nobody listens: Ray tries for minutes, and tells it at length."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _ANSWERS_WITHIN_S).close()


def _finish(ray: Any, tasks: Sequence[Any], tell: Callable[[int], object]) -> None:
    """Wait for all; the first failure stops the others."""
    left = list(tasks)
    while left:
        ended, left = ray.wait(left, num_returns=1)
        try:
            ray.get(ended)
        except ray.exceptions.RayTaskError as error:
            _stop(ray, left)
            cause = error.cause
            raise cause if isinstance(cause, MathforgeError) else error from None
        except ray.exceptions.RayError as error:
            _stop(ray, left)
            raise ClusterError(
                f"workers of Ray were lost again and again: {error}",
                hint="the same command goes on with what is missing",
            ) from error
        tell(len(tasks) - len(left))


def _stop(ray: Any, tasks: Sequence[Any]) -> None:
    for task in tasks:
        ray.cancel(task, force=True)
