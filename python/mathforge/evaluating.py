"""`mathforge eval`: every sample of every benchmark, graded, stored and summarized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from .config import Evaluation, resolve
from .overrides import parse_overrides
from .prompts import check_names
from .store import output_name
from .units import (
    SEED_DEFAULTS,
    Part,
    benchmark_names,
    chunks_of,
    in_chunks,
    plan,
    read_numbers,
    refuse_fixed_seed,
    share_of,
)
from .work import ANY_MODEL, Model, ModelOptions, Work, tell

if TYPE_CHECKING:
    from .report import Report


@dataclass(frozen=True, slots=True)
class Request:
    """What `evaluate` was asked for; see there."""

    benchmarks: str | Sequence[str]
    output_dir: str | Path
    server: Model = ANY_MODEL
    data_dir: str | Path | None = None
    split: str | None = None
    starting_seed: int = 0
    num_chunks: int | None = None
    chunk_ids: str | Sequence[int] | None = None
    share: tuple[int, int] | None = None
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
    data_dir: str | Path | None = None,
    split: str | None = None,
    starting_seed: int = 0,
    num_chunks: int | None = None,
    chunk_ids: str | Sequence[int] | None = None,
    with_sandbox: bool = False,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
    **who: Unpack[ModelOptions],
) -> Result:
    """Evaluate benchmarks; the same verb as `mathforge eval`. What is finished in `output_dir` is not done
    again.

    Args:
        benchmarks: `NAME` (one greedy sample per problem) or `NAME:SAMPLES`, separated by commas or as a
            list.
        output_dir: files go to `<output_dir>/eval-results/<benchmark>/`.
        data_dir: folder with benchmark files.
        split: file inside a benchmark's folder.
        starting_seed: seed of the first sample.
        num_chunks: files are made in so many chunks, merged when all are there; for work in several places.
        chunk_ids: only these chunks, for example `0,3` or `0..5`.
        with_sandbox: accepted for NeMo-Skills commands; the sandbox is there when `++code_execution=true`.
        overwrite: delete earlier results of these benchmarks first.
        overrides: `++dotted.key=value` arguments.
        who: the model and its server; see `ModelOptions`.

    Returns:
        Metrics, folders and failures. Samples that failed are missing in the files; calling again makes them.

    Raises:
        InputError: something asked for cannot be used.
        ServerError: the server is unreachable or died.
        StoreError: `output_dir` belongs to another run.
        SandboxError: the sandbox is not there.
    """
    request = Request(
        benchmarks=benchmarks,
        output_dir=output_dir,
        server=Model.of(who),
        data_dir=data_dir,
        split=split,
        starting_seed=starting_seed,
        num_chunks=num_chunks,
        chunk_ids=chunk_ids,
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
    parts, notes = plan(
        request.benchmarks,
        [*request.server.overrides(), *parse_overrides(request.overrides)],
        data_dir=request.data_dir,
        split=request.split,
        starting_seed=request.starting_seed,
    )
    request.server.check(parts[0].config.server)
    if request.with_sandbox and not parts[0].config.code_execution:
        notes.append("the sandbox is not used: ++code_execution=true is not given")
    tell(notes)
    return in_chunks(parts, request.num_chunks, read_numbers(request.chunk_ids, "--chunk-ids"))


def outline(request: Request) -> tuple[int, Evaluation]:
    """How many output files the work can be split by, and its configuration; reads no problems.

    Raises:
        InputError: something asked for cannot be used.
    """
    samples = [count for _, count in benchmark_names(request.benchmarks)]
    given = [*request.server.overrides(), *parse_overrides(request.overrides)]
    config, notes = resolve([*(SEED_DEFAULTS if any(samples) else ()), *given])
    request.server.check(config.server)
    refuse_fixed_seed(given, max(samples))
    check_names(config.prompt_config, config.examples_type)
    tell(notes)
    return sum(max(1, count) for count in samples) * chunks_of(request.num_chunks, request.chunk_ids), config


def run(request: Request) -> Result:
    """Do what `request` asks for; see `evaluate`."""
    parts = prepare(request)
    output_dir = Path(request.output_dir).expanduser()
    mine = parts if request.share is None else share_of(parts, *request.share)
    work = Work(mine, request.server, output_dir, output_dir / "eval-logs", request.overwrite)
    work.carry_out()
    result = Result(failures=work.failures)
    _summarize(parts, output_dir, result)
    return result


def _summarize(parts: Sequence[Part], output_dir: Path, result: Result) -> None:
    """Metrics of the complete benchmarks, also written beside their samples."""
    from .aggregating import aggregate_benchmark
    from .early_stop import is_stopped_early, report_of
    from .inputs import find

    for part in {part.benchmark.name: part for part in parts}.values():
        folder = part.folder(output_dir)
        if all((folder / output_name(seed)).exists() for seed in part.seeds):
            benchmark = replace(find([folder])[0], name=part.benchmark.name)
            report = (report_of if is_stopped_early(benchmark) else aggregate_benchmark)(benchmark)
            tell(report.problems())
            hint = "" if part.config.sympy else f"; `mathforge grade {folder} --sympy` lets sympy try them"
            tell([note + hint for note in report.undecided()])
            report.write_json(folder / "metrics.json")
            result.reports[part.benchmark.name] = report
            result.folders[part.benchmark.name] = folder
