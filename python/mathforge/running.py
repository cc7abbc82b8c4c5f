"""All missing samples of a run, made by one event loop: generate, grade, store."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .checkpoints import Journal, StateRoom
from .config import Endpoint
from .early_stop import EarlyStop, Vote, check_seeds, not_drawn
from .errors import InputError, MathforgeError, ServerError
from .generating import Generator, Task
from .output_rows import cut_thoughts, output_row
from .progress import Progress
from .samples import Grade, Sample
from .servers import FailedRequestError, Server
from .store import Folder
from .units import OpenPart, Part

if TYPE_CHECKING:
    from .grading import Grader
    from .sandbox import Sandbox
    from .sandbox.remote import RemoteSandbox

_FAILURES_IN_A_ROW = 16  # so many failed samples without one success end the run
_SHOWN_RESTARTS = 3


def run_async(job: Run) -> None:
    """Run to the end; SIGTERM ends like Ctrl-C, and an event loop that is already running (a notebook) is no
    obstacle."""

    async def main() -> None:
        if threading.current_thread() is threading.main_thread():
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await job.run()

    def blocking() -> None:
        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        blocking()
    else:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(blocking).result()


@dataclass
class Run:
    """Makes every missing sample of a run.

    Attributes:
        parts: what to do.
        folders: where, held by this process; one for each part.
        endpoint: the server.
        failures: receives one line for each sample that could not be made.
        overwrite: delete earlier results first.
        log_path: receives tracebacks of defects.
    """

    parts: list[Part]
    folders: list[Folder]
    endpoint: Endpoint
    failures: list[str]
    overwrite: bool
    log_path: Path
    failures_in_a_row: int = 0
    restarts: dict[str, list[str]] = field(default_factory=dict)  # reason -> samples

    async def run(self) -> None:
        """Make all missing samples."""
        if self._is_complete_already():
            return
        async with Server(
            self.endpoint, self._add_tokens, self.log_path.with_name("servers.jsonl")
        ) as server:
            if self.overwrite:  # only once the server has shown that it is there
                for folder in self.folders:
                    folder.clear()
            self._open(server.model.name)
            try:
                await self._make_missing(server)
            finally:
                self._close()

    async def _make_missing(self, server: Server) -> None:
        self._tell_damage()
        self._keep_rounds()
        self._open_early_stops()
        async with self._open_sandbox() as sandbox:
            with contextlib.closing(self._grader()) as self.grader, self._counts() as self.progress:
                self.generator = Generator(server, sandbox, self.progress.add_call, self._count_restart)
                try:
                    await self._work_through()
                finally:
                    self._tell_restarts()

    def _grader(self) -> Grader:
        from .grading import Grader, default_cache

        return Grader(self.parts[0].config.sympy, cache=default_cache())

    def _is_complete_already(self) -> bool:
        """Whether an earlier run has left nothing to do, so that no server is needed."""
        model = self.endpoint.model or self.folders[0].recorded_model()
        if self.overwrite or model is None or not all(folder.recorded_model() for folder in self.folders):
            return False
        self._open(model)
        is_complete = all(part.is_complete for part in self.open_parts)
        self._close()
        return is_complete

    def _open(self, model: str) -> None:
        pairs = zip(self.parts, self.folders, strict=True)
        self.open_parts = [OpenPart.of(part, folder, model) for part, folder in pairs]

    def _close(self) -> None:
        for part in self.open_parts:
            for file in part.files.values():
                file.close()

    def _add_tokens(self, count: int) -> None:
        self.progress.add_tokens(count)

    @contextlib.asynccontextmanager
    async def _open_sandbox(self) -> AsyncIterator[Sandbox | RemoteSandbox | None]:
        config = self.parts[0].config
        if not config.code_execution:
            yield None
        elif config.sandbox.url is not None:
            from .sandbox.remote import connect

            async with connect(config.sandbox.url) as remote:
                yield remote
        else:
            from .sandbox import Sandbox

            with Sandbox(workers=config.sandbox.workers, memory_mib=config.sandbox.memory_mib) as sandbox:
                yield sandbox

    def _counts(self) -> Progress:
        files = [file for part in self.open_parts for file in part.files.values()]
        return Progress(
            samples=sum(len(file.problems) for file in files),
            samples_done=sum(len(file.finished) for file in files),
            problems=sum(len(part.problems) for part in self.open_parts),
            problems_done=sum(
                part.is_problem_finished(position)
                for part in self.open_parts
                for position in range(len(part.problems))
            ),
        )

    def _tell_damage(self) -> None:
        for note in dict.fromkeys(note for folder in self.folders for note in folder.notes):
            print(f"note: {note}", file=sys.stderr)
        for part in self.open_parts:
            for file in part.files.values():
                if file.damaged_lines:
                    note = (
                        f"{file.damaged_lines} unreadable line(s) in {file.in_progress_path} are passed over"
                    )
                    print(f"note: {note}; their samples are made again", file=sys.stderr)

    def _keep_rounds(self) -> None:
        wanted = self.parts[0].config.checkpoints
        if not wanted.rounds:
            return
        room = StateRoom(int(wanted.max_disk_gib * 2**30), wanted.max_session_mib << 20)
        for part in self.open_parts:
            for file in part.files.values():
                file.keep_rounds(room if wanted.sessions else None)
        files = [file for part in self.open_parts for file in part.files.values()]
        if begun := sum(len(file.rounds.begun) for file in files if file.rounds):
            print(f"note: {begun} sample(s) in the making go on from their last round", file=sys.stderr)

    def _missing(self) -> Iterator[tuple[OpenPart, Task]]:
        """The samples to make: first those that were begun, whose rounds and states take up disk space."""
        begun = {
            (id(part), seed, position)
            for part in self.open_parts
            for seed, file in part.files.items()
            for position in (file.rounds.begun if file.rounds else ())
        }
        for is_begun in (True, False):
            for part in self.open_parts:
                for task in part.missing() if begun or not is_begun else ():
                    if ((id(part), task.seed, task.position) in begun) == is_begun:
                        yield part, task

    async def _work_through(self) -> None:
        """Samples are drawn from the queue one by one as workers get free, never listed."""
        queue = self._missing()
        files = [file for part in self.open_parts for file in part.files.values()]
        missing = sum(len(file.problems) - len(file.finished) for file in files)
        try:
            for part in self.open_parts:
                if (early := self.early_stops.get(id(part))) is not None:
                    for position in range(len(next(iter(part.files.values())).problems)):
                        await self._give_up(part, early, position)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.parts[0].config.max_concurrent_requests, missing)):
                    group.create_task(self._worker(queue))
        except BaseExceptionGroup as errors:  # the first that a user can act on stands for all
            known = [error for error in errors.exceptions if isinstance(error, MathforgeError)]
            raise (known or errors.exceptions)[0] from None

    def _open_early_stops(self) -> None:
        """Count the votes that are there already."""
        self.early_stops: dict[int, EarlyStop] = {}
        for part in self.open_parts:
            if part.part.config.early_stop.majority:
                if not part.part.config.eval_type:
                    raise InputError(
                        "early stop counts graded answers", hint="add ++eval_type=math, or leave it out"
                    )
                check_seeds(part.folder.path, tuple(part.files))
                early = self.early_stops[id(part)] = EarlyStop(sorted(part.files, key=lambda seed: seed or 0))
                for seed, file in part.files.items():
                    for position, row in file.rows():
                        early.add(position, seed, Vote.of(row))

    async def _worker(self, queue: Iterator[tuple[OpenPart, Task]]) -> None:
        for part, task in queue:
            early = self.early_stops.get(id(part))
            if early is not None and early.is_done(task.position, task.seed):
                continue
            journal = part.files[task.seed].journal(task.position)
            making = self._make(task, journal)
            made = await (early.draw(task.position, task.seed, making) if early else making)
            if early is not None and made is not None and (grade := made[1]) is not None:
                early.add(task.position, task.seed, Vote(grade.predicted_answer, grade.is_correct))
            if made is not None:
                await self._store(part, task.position, journal, *made)
            if early is not None:
                await self._give_up(part, early, task.position)

    async def _give_up(self, part: OpenPart, early: EarlyStop, position: int) -> None:
        """Fill the places of samples that a problem's majority does not wait for."""
        for seed in early.give_up(position):
            file = part.files[seed]
            await self._store(
                part, position, file.journal(position), *not_drawn(file.problems[position], seed)
            )

    async def _make(self, task: Task, journal: Journal) -> tuple[Sample, Grade | None] | None:
        """One sample with its grade, if it is to be graded; None where it failed."""
        try:
            sample = await self.generator.sample(task, journal)
            cut_thoughts(sample, task.config)
            grade = await self._grade(sample) if task.config.eval_type else None
        except MathforgeError:
            raise
        except FailedRequestError as error:
            self._count_failure(task, str(error))
            return None
        except Exception as error:  # a defect of ours that one sample meets must not cost the others
            self._log_defect(task)
            self._count_failure(task, f"internal error, {type(error).__name__}: {error}")
            return None
        self.failures_in_a_row = 0
        return sample, grade

    async def _store(
        self, part: OpenPart, position: int, journal: Journal, sample: Sample, grade: Grade | None
    ) -> None:
        file = part.files[sample.seed]
        file.append(position, output_row(sample, grade, part.part.config))
        journal.discard()
        self.progress.add_sample(is_problem_finished=part.is_problem_finished(position))
        if file.is_complete:
            await asyncio.to_thread(file.finish)

    def _count_restart(self, task: Task, reason: str) -> None:
        self.restarts.setdefault(reason, []).append(_name(task))
        self.progress.add_restart()

    def _tell_restarts(self) -> None:
        for reason, names in self.restarts.items():
            shown = ", ".join(names[:_SHOWN_RESTARTS]) + (", ..." if len(names) > _SHOWN_RESTARTS else "")
            note = f"{len(names)} sample(s) were made again from the beginning, because {reason}: {shown}"
            print(f"note: {note}", file=sys.stderr)

    def _log_defect(self, task: Task) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{task.request_id(0)}\n{traceback.format_exc()}\n")

    def _count_failure(self, task: Task, reason: str) -> None:
        self.failures_in_a_row += 1
        self.failures.append(f"{_name(task)}: {reason}")
        self.progress.add_failure()
        if self.failures_in_a_row >= _FAILURES_IN_A_ROW:
            raise ServerError(
                f"{self.failures_in_a_row} samples failed one after the other; the last: {reason}",
                hint="finished samples are kept; see the server's log, then repeat the command",
                code="server_failing",
            )

    async def _grade(self, sample: Sample) -> Grade:
        from .grading import ExtractOptions, extract_answer

        answer = extract_answer(sample.generation, ExtractOptions.boxes())
        if answer is None:
            return Grade(None, False, "no_answer")
        if sample.problem.expected_answer is None:
            return Grade(answer, False, "no_expected_answer")
        verdict = await self.grader.grade_async(sample.problem.expected_answer, answer)
        return Grade(answer, verdict.verdict == "equal", verdict.reason)


def _name(task: Task) -> str:
    return f"{task.benchmark} {task.problem.id} seed {task.sampler_seed}"
