"""`mathforge eval`: every sample of every benchmark, graded, stored and summarized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from .config import Evaluation, resolve
from .errors import InputError
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
from .work import ANY_MODEL, Model, ModelOptions, Work, overwrites, tell

if TYPE_CHECKING:
    from .judging import Judge
    from .report import Report

Stage = Literal["all", "samples", "judge"]
_BEST_JUDGED = ("hle",)  # answers in words


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
    judge: Judge | None = None
    stage: Stage = "all"

    @property
    def names(self) -> list[str]:
        """Of the benchmarks."""
        return [name for name, _ in benchmark_names(self.benchmarks)]


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
    judge: Judge | None = None,
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
        judge: a model that judges the answers, too.
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
        judge=judge,
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
    if request.judge is not None:
        from .judging import SAMPLES

        parts = [replace(part, place=Path(SAMPLES) / part.benchmark.name) for part in parts]
    _check(request, parts[0].config)
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
    _check(request, config)
    refuse_fixed_seed(given, max(samples))
    check_names(config.prompt_config, config.examples_type)
    tell(notes)
    # With early stop the seeds of a problem stay together.
    files = len(samples) if config.early_stop.majority else sum(max(1, count) for count in samples)
    return files * chunks_of(request.num_chunks, request.chunk_ids), config


def _check(request: Request, config: Evaluation) -> None:
    """Refuse what contradicts itself.

    Raises:
        InputError: it does.
    """
    request.server.check(config.server)
    if request.judge is None:
        if request.stage == "judge":
            raise InputError("--stage judge needs a judge", hint="add --judge-model, --judge-server-address")
        return
    request.judge.config()  # what cannot be used is told before anything starts
    if config.early_stop.majority:
        raise InputError(
            "early stop goes by the grader's verdicts, it cannot know what a judge would say",
            hint="leave out ++early_stop.majority, or the judge",
        )


def run(request: Request) -> Result:
    """Do what `request` asks for; see `evaluate`."""
    from .judging import settle_places

    parts = prepare(request)
    output_dir = Path(request.output_dir).expanduser()
    overwrite = overwrites(request.overwrite, request.overrides, request.share, request.chunk_ids)
    settle_places(
        request.names,
        output_dir,
        is_judged=request.judge is not None,
        overwrite=overwrite and request.stage != "judge",
    )
    result = Result()
    if request.judge is not None and request.stage == "all" and request.share is None:
        request.judge.warn_if_absent()
    if request.stage != "judge":
        mine = parts if request.share is None else share_of(parts, *request.share)
        work = Work(mine, request.server, output_dir, output_dir / "eval-logs", overwrite)
        work.carry_out()
        result.failures += work.failures
    if request.judge is not None:
        if request.stage == "all" and request.share is not None:
            tell(["a share makes samples only; --stage judge has them judged when all shares are there"])
        if request.stage == "samples" or request.share is not None:
            return result
        failures, unfinished = request.judge.carry_out(
            parts, output_dir, overwrite=overwrite and request.stage == "judge"
        )
        result.failures += failures
        if unfinished and request.stage == "judge":
            raise InputError(
                f"samples of `{unfinished[0]}` are missing", hint="run --stage samples to its end before"
            )
        tell([f"{name}: not judged, because samples are missing" for name in unfinished])
    _summarize(parts, output_dir, result, is_judged=request.judge is not None)
    return result


def _summarize(parts: Sequence[Part], output_dir: Path, result: Result, *, is_judged: bool) -> None:
    """Metrics of the complete benchmarks, also written beside their samples."""
    from .aggregating import report_of
    from .inputs import find

    for part in {part.benchmark.name: part for part in parts}.values():
        folder = output_dir / "eval-results" / part.benchmark.name
        if all((folder / output_name(seed)).exists() for seed in part.seeds):
            benchmark = replace(find([folder])[0], name=part.benchmark.name)
            report = report_of(benchmark)
            tell([*report.problems(), *report.accounting])
            if part.benchmark.name.startswith(_BEST_JUDGED) and not is_judged:
                note = f"{part.benchmark.name}: many answers are words, which only a model can judge"
                tell([f"{note}; add --judge-model, the samples are kept"])
            hint = "" if part.config.sympy else f"; `mathforge grade {folder} --sympy` lets sympy try them"
            tell([note + hint for note in report.undecided()])
            report.write_json(folder / "metrics.json")
            result.reports[part.benchmark.name] = report
            result.folders[part.benchmark.name] = folder
