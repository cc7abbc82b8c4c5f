"""Another grader asked about the same pairs, in processes that cannot hurt this one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

from ..errors import InputError
from ._processes import ProcessPool

GRADERS = ("math-verify",)
_WALL_S = 60.0
"""Math-Verify bounds itself by alarms; this only ends a process in which they did not ring."""


def name_and_version(grader: str) -> str:
    """What a grader is called in a report.

    Raises:
        InputError: it is not installed.
    """
    try:
        return f"Math-Verify {version(grader)}"
    except PackageNotFoundError as error:
        raise InputError(f"{grader} is not installed", hint=f"pip install {grader}") from error


def labels(
    pairs: Sequence[tuple[str, str]], workers: int | None = None, on_pair: Callable[[], None] = lambda: None
) -> list[str]:
    """What Math-Verify says of each (gold, answer): `correct`, `wrong`, `error`, or `hung`.

    Its verdicts depend on wall-clock alarms, hence on the load of the machine.
    """
    import json

    def ask(pair: tuple[str, str]) -> str:
        label = pool.ask(json.dumps(pair), _WALL_S)
        on_pair()
        return "hung" if label is None else str(label)

    workers = workers or os.cpu_count() or 1
    pool = ProcessPool(f"{__package__}._math_verify_worker", workers=workers)
    try:
        with ThreadPoolExecutor(workers) as threads:
            answers: Iterator[str] = threads.map(ask, pairs)
            return list(answers)
    finally:
        pool.close()
