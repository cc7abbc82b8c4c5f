"""Progress of a run on stderr: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_SECONDS_BETWEEN_LINES = 15.0


@contextmanager
def bytes_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar for reading files, on a terminal only; gives what to call with bytes done and bytes in all."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (what, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what)
        yield lambda done, total: bars.update(task, completed=done, total=total)


class Progress:
    """Counts samples, problems, tokens and tool calls; a context manager.

    Args:
        samples: samples of the whole run.
        samples_done: finished in earlier runs.
        problems: problems of the whole run.
        problems_done: problems all of whose samples were finished in earlier runs.
    """

    def __init__(self, samples: int, samples_done: int, problems: int, problems_done: int) -> None:
        self._totals = (samples, problems)
        self._samples = samples_done
        self._problems = problems_done
        self._tokens = 0
        self._calls = 0
        self._failed = 0
        self._restarted = 0
        self._started = time.monotonic()
        self._shown_at = self._started
        self._bars: Bars | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
            self._bars.add_task("samples", total=self._totals[0], completed=self._samples, figures="")
            self._bars.add_task("problems", total=self._totals[1], completed=self._problems, figures="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show(is_last=True)
        if self._bars is not None:
            self._bars.stop()

    def add_tokens(self, count: int) -> None:
        """Tokens arrived."""
        self._tokens += count

    def add_call(self) -> None:
        """A tool call was executed."""
        self._calls += 1
        self._show()

    def add_sample(self, *, is_problem_finished: bool) -> None:
        """A sample is written; was it the last one of its problem?"""
        self._samples += 1
        self._problems += is_problem_finished
        self._show()

    def add_failure(self) -> None:
        """A sample failed."""
        self._failed += 1
        self._show()

    def add_restart(self) -> None:
        """A sample was begun again."""
        self._restarted += 1

    def _figures(self) -> str:
        rate = self._tokens / max(time.monotonic() - self._started, 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        restarted = f", {self._restarted} begun again" if self._restarted else ""
        return f"{rate:.0f} tokens/s, {self._calls} tool calls{restarted}{failed}"

    def _show(self, *, is_last: bool = False) -> None:
        if self._bars is not None:
            self._bars.update(self._bars.task_ids[0], completed=self._samples, figures=self._figures())
            self._bars.update(self._bars.task_ids[1], completed=self._problems)
        elif is_last or time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = time.monotonic()
            samples, problems = self._totals
            print(
                f"samples {self._samples}/{samples}, problems {self._problems}/{problems}, {self._figures()}",
                file=sys.stderr,
                flush=True,
            )


class Meter:
    """Counts one kind of thing on stderr: one line of a terminal, or a line now and then; a context manager.

    Args:
        what: its plural.
        total: how many there will be, if that is known.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what = what
        self._total = "" if total is None else f"/{total}"
        self._count = 0
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def add(self, count: int = 1, doing: str = "") -> None:
        """Count; `doing` is shown behind the number."""
        self._count += count
        now = time.monotonic()
        if now - self._shown_at >= (0.2 if self._is_terminal else _SECONDS_BETWEEN_LINES):
            self._shown_at = now
            line = f"{self._what} {self._count}{self._total} {doing}".rstrip()
            start, end = ("\r\033[K", "") if self._is_terminal else ("", "\n")
            print(f"{start}{line}", end=end, file=sys.stderr, flush=True)


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
    )
