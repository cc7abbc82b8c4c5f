"""`mathforge eval`: every sample of every benchmark, graded, stored and summarized."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .config import Endpoint
from .errors import InputError, MathforgeError, ServerError
from .generating import Generator, Task
from .hosting import replay_server
from .overrides import Override, parse_overrides
from .progress import Progress
from .samples import Grade, Sample, to_row
from .servers import FailedRequestError, Server
from .store import Folder, output_name
from .units import OpenPart, Part, plan

if TYPE_CHECKING:
    from .report import Report
    from .sandbox import Sandbox

_FAILURES_IN_A_ROW = 16  # so many failed samples without one success end the run


@dataclass(frozen=True, slots=True)
class Request:
    """What `evaluate` was asked for; see there."""

    benchmarks: str | Sequence[str]
    output_dir: str | Path
    model: str | None = None
    server_type: str | None = None
    server_address: str | None = None
    replay: Sequence[str] = ()
    data_dir: str | Path | None = None
    split: str | None = None
    starting_seed: int = 0
    with_sandbox: bool = False
    overwrite: bool = False
    overrides: Sequence[str] = ()


@dataclass(slots=True)
class Result:
    """What came of it.

    Attributes:
        reports: benchmark -> its metrics, for the benchmarks that are complete.
        folders: benchmark -> where its files lie.
        failures: one line for each sample that could not be made.
    """

    reports: dict[str, Report] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The tables of all complete benchmarks."""
        return "".join(report.table() for report in self.reports.values())

    def to_json(self) -> dict[str, object]:
        """The metrics of all complete benchmarks, in the shape of metrics.json."""
        return {key: value for report in self.reports.values() for key, value in report.to_json().items()}


def evaluate(
    benchmarks: str | Sequence[str],
    *,
    output_dir: str | Path,
    model: str | None = None,
    server_type: str | None = None,
    server_address: str | None = None,
    replay: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    split: str | None = None,
    starting_seed: int = 0,
    with_sandbox: bool = False,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
) -> Result:
    """Evaluate benchmarks; the same verb as `mathforge eval`. What is finished in `output_dir` is not done
    again.

    Args:
        benchmarks: `NAME` (one greedy sample per problem) or `NAME:SAMPLES`, separated by commas or as a
            list.
        output_dir: files go to `<output_dir>/eval-results/<benchmark>/`.
        model: name the server knows; may be left out when it serves one model.
        server_type: vllm, sglang, openai, trtllm, generic or replay.
        server_address: for example `http://localhost:8000/v1`.
        replay: recordings to play instead of a model: files, folders or `demo`.
        data_dir: folder with benchmark files.
        split: file inside a benchmark's folder.
        starting_seed: seed of the first sample.
        with_sandbox: accepted for NeMo-Skills commands; the sandbox is there when `++code_execution=true`.
        overwrite: delete earlier results of these benchmarks first.
        overrides: `++dotted.key=value` arguments.

    Returns:
        Metrics, folders and failures. Samples that failed are missing in the files; calling again makes them.

    Raises:
        InputError: something asked for cannot be used.
        ServerError: the server is unreachable or died.
        StoreError: `output_dir` belongs to another run.
        SandboxError: the sandbox is not there.
    """
    recordings = [replay] if isinstance(replay, str) else list(replay)
    request = Request(
        benchmarks=benchmarks,
        output_dir=output_dir,
        model=model,
        server_type=server_type,
        server_address=server_address,
        replay=recordings,
        data_dir=data_dir,
        split=split,
        starting_seed=starting_seed,
        with_sandbox=with_sandbox,
        overwrite=overwrite,
        overrides=overrides,
    )
    return run(request)


def prepare(request: Request) -> list[Part]:
    """Resolve what is asked for, with notes on stderr; touches no server and writes nothing.

    Raises:
        InputError: something asked for cannot be used.
    """
    given = {
        "server.model": request.model,
        "server.server_type": request.server_type or ("replay" if request.replay else None),
        "server.base_url": request.server_address,
    }
    flags = [Override(key, value, f"++{key}={value}") for key, value in given.items() if value is not None]
    parts, notes = plan(
        request.benchmarks,
        [*flags, *parse_overrides(request.overrides)],
        data_dir=request.data_dir,
        split=request.split,
        starting_seed=request.starting_seed,
    )
    endpoint = parts[0].config.server
    if endpoint.server_type == "replay" and not request.replay and request.server_address is None:
        raise InputError("--server-type replay needs a recording", hint="add --replay FILE, or --replay demo")
    if request.with_sandbox and not parts[0].config.code_execution:
        notes.append("the sandbox is not used: ++code_execution=true is not given")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return parts


def run(request: Request) -> Result:
    """Do what `request` asks for; see `evaluate`."""
    parts = prepare(request)
    result = Result()
    output_dir = Path(request.output_dir).expanduser()
    with ExitStack() as stack:
        folders = [stack.enter_context(Folder(part.folder(output_dir))) for part in parts]
        endpoint = parts[0].config.server
        if request.replay:
            log_path = output_dir / "eval-logs" / "replay.log"
            address = stack.enter_context(replay_server(request.replay, endpoint.model, log_path))
            endpoint = replace(endpoint, base_url=address)
        run_async(_Run(parts, folders, endpoint, result, overwrite=request.overwrite))
    _summarize(parts, output_dir, result)
    return result


def run_async(job: _Run) -> None:
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
class _Run:
    """One run in progress."""

    parts: list[Part]
    folders: list[Folder]
    endpoint: Endpoint
    result: Result
    overwrite: bool
    failures_in_a_row: int = 0

    async def run(self) -> None:
        """Make all missing samples."""
        from .grading import Grader

        async with Server(self.endpoint, self._add_tokens) as server:
            if self.overwrite:  # only once the server has shown that it is there
                for folder in self.folders:
                    folder.clear()
            self.open_parts = [
                OpenPart.of(part, folder, server.model.name)
                for part, folder in zip(self.parts, self.folders, strict=True)
            ]
            self._tell_damage()
            if all(part.is_complete for part in self.open_parts):
                return
            with (
                self._open_sandbox() as sandbox,
                contextlib.closing(Grader()) as grader,
                ThreadPoolExecutor(1, "grading") as self.grading,
                self._counts() as self.progress,
            ):
                self.grader = grader
                self.generator = Generator(server, sandbox, self.progress.add_call)
                try:
                    await self._work_through()
                finally:
                    for part in self.open_parts:
                        for file in part.files.values():
                            file.close()

    def _add_tokens(self, count: int) -> None:
        self.progress.add_tokens(count)

    @contextlib.contextmanager
    def _open_sandbox(self) -> Iterator[Sandbox | None]:
        config = self.parts[0].config
        if not config.code_execution:
            yield None
            return
        from .sandbox import Sandbox

        with Sandbox(workers=config.sandbox.workers, memory_mib=config.sandbox.memory_mib) as sandbox:
            yield sandbox

    def _counts(self) -> Progress:
        files = [file for part in self.open_parts for file in part.files.values()]
        return Progress(
            samples=sum(len(file.problems) for file in files),
            samples_done=sum(len(file.finished) for file in files),
            problems=sum(len(part.part.benchmark.problems) for part in self.open_parts),
            problems_done=sum(
                part.is_problem_finished(position)
                for part in self.open_parts
                for position in range(len(part.part.benchmark.problems))
            ),
        )

    def _tell_damage(self) -> None:
        for part in self.open_parts:
            for file in part.files.values():
                if file.damaged_lines:
                    note = (
                        f"{file.damaged_lines} unreadable line(s) in {file.in_progress_path} are passed over"
                    )
                    print(f"note: {note}; their samples are made again", file=sys.stderr)

    async def _work_through(self) -> None:
        tasks = [(part, task) for part in self.open_parts for task in part.missing()]
        queue = iter(tasks)
        workers = min(self.parts[0].config.max_concurrent_requests, len(tasks))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._worker(queue))
        except BaseExceptionGroup as errors:  # the first that a user can act on stands for all
            known = [error for error in errors.exceptions if isinstance(error, MathforgeError)]
            raise (known or errors.exceptions)[0] from None

    async def _worker(self, queue: Iterator[tuple[OpenPart, Task]]) -> None:
        for part, task in queue:
            try:
                sample = await self.generator.sample(task)
            except FailedRequestError as error:
                self._count_failure(task, error)
                continue
            self.failures_in_a_row = 0
            grade = await asyncio.get_running_loop().run_in_executor(self.grading, self._grade, sample)
            file = part.files[task.seed]
            file.append(task.position, to_row(sample, grade))
            if file.is_complete:
                await asyncio.to_thread(file.finish)
            self.progress.add_sample(is_problem_finished=part.is_problem_finished(task.position))

    def _count_failure(self, task: Task, error: FailedRequestError) -> None:
        self.failures_in_a_row += 1
        self.result.failures.append(f"{task.benchmark} {task.problem.id} seed {task.sampler_seed}: {error}")
        self.progress.add_failure()
        if self.failures_in_a_row >= _FAILURES_IN_A_ROW:
            raise ServerError(
                f"{self.failures_in_a_row} samples failed one after the other; the last: {error}",
                hint="finished samples are kept; see the server's log, then repeat the command",
                code="server_failing",
            )

    def _grade(self, sample: Sample) -> Grade:
        from .grading import extract_answer

        answer = extract_answer(sample.generation)
        if answer is None:
            return Grade(None, False, "no_answer")
        verdict = self.grader.grade(sample.problem.expected_answer, answer)
        return Grade(answer, verdict.verdict == "equal", verdict.reason)


def _summarize(parts: Sequence[Part], output_dir: Path, result: Result) -> None:
    """Metrics of the complete benchmarks, also written beside their samples."""
    from .results import summarize_folder

    for part in parts:
        folder = part.folder(output_dir)
        if all((folder / output_name(seed)).exists() for seed in part.seeds):
            summary = summarize_folder(folder, part.benchmark.name)
            for problem in summary.problems:
                print(f"note: {problem}", file=sys.stderr)
            summary.report.write_json(folder / "metrics.json")
            result.reports[part.benchmark.name] = summary.report
            result.folders[part.benchmark.name] = folder
