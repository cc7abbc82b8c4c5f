"""What a user sees on stderr while an image is built."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


class Progress(Protocol):
    """Told each stage as it starts, and the done part of it, from 0 to 1."""

    def __call__(self, stage: str, done: float, /) -> None:
        """Show it."""


class StderrProgress:
    """A bar on a terminal, elsewhere a line per stage. Silent before the first: a cache hit shows nothing."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._stage: str | None = None
        self._started = time.monotonic()

    def __call__(self, stage: str, done: float, /) -> None:
        """Show the stage."""
        if sys.stderr.isatty():
            self._draw(stage, done)
        elif stage != self._stage:
            print(f"sandbox: {stage}", file=sys.stderr, flush=True)
        self._stage = stage

    def _draw(self, stage: str, done: float) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("sandbox: {task.description:<42}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(stage, total=1.0)
            self._bar.start()
        task = self._bar.task_ids[0]
        if stage != self._stage:
            # A bar that was once full has stopped its clock.
            self._bar.reset(task, description=stage)
        self._bar.update(task, completed=done)

    def __enter__(self) -> StderrProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._stage is not None and kind is None:
            seconds = time.monotonic() - self._started
            print(f"sandbox: ready after {seconds:.0f} s", file=sys.stderr, flush=True)
