"""What a run has to do: problems by samples, as output files and the samples still missing in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .config import Evaluation, resolve
from .errors import InputError
from .generating import Task
from .overrides import Override
from .problems import Benchmark, Problem, load_benchmark
from .prompts import Prompter
from .store import Folder, OutputFile, chunk_positions, output_name

# Sampling defaults of seeded files; the user's own overrides come after them.
SEED_DEFAULTS = (
    Override("inference.temperature", 0.7, "++inference.temperature=0.7"),
    Override("inference.top_k", -1, "++inference.top_k=-1"),
    Override("inference.top_p", 0.95, "++inference.top_p=0.95"),
)

# Keys that do not change what a sample is, so they may differ when a run is continued.
_FREE_KEYS = {
    "server": {
        "model",  # the served one is compared
        "base_url",
        "host",
        "port",
        "api_key_env_var",
        "max_retries",
        "give_up_after_s",
        "context_tokens",
    },
    "inference": {"timeout", "stream"},
    "sandbox": {"workers", "url"},
    "checkpoints": {"rounds", "sessions", "max_session_mib", "max_disk_gib"},
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous stretch of the problems, `number` of `count`."""

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark of a run, or one chunk of it.

    Attributes:
        benchmark: its problems, all of them.
        seeds: one output file each; `(None,)` is one greedy file.
        config: of all its samples.
        split: as given, or None.
        place: folder of its files, below the output folder.
        chunk: None where files are not split.
        checks_rows: the problems differ from file to file, so each row is compared instead of their hash.
        ready_row: gives the output row of a problem that needs no model, or None; told the field to write.
    """

    benchmark: Benchmark
    seeds: tuple[int | None, ...]
    config: Evaluation
    split: str | None
    place: Path
    chunk: Chunk | None = None
    checks_rows: bool = False
    ready_row: Callable[[Problem, str], dict[str, object] | None] | None = None

    @property
    def problems(self) -> Sequence[Problem]:
        """Its problems: those of its chunk."""
        whole = self.benchmark.problems
        if self.chunk is None:
            return whole
        positions = chunk_positions(len(whole), self.chunk.count, self.chunk.number)
        return whole[positions.start : positions.stop]

    def folder(self, output_dir: Path) -> Path:
        """Where its files go."""
        return output_dir / self.place

    def fingerprint(self, model: str) -> dict[str, object]:
        """What must be the same when the run is continued."""
        config = self.config.to_json()
        for group, keys in _FREE_KEYS.items():
            values = config[group]
            assert isinstance(values, dict)
            config[group] = {key: value for key, value in values.items() if key not in keys}
        del config["max_concurrent_requests"], config["max_samples"], config["sympy"]
        template = Prompter.of(self.config).template
        known: dict[str, object] = {
            "benchmark": self.benchmark.name,
            "split": self.split,
            "prompt": {"user": template.user, "system": template.system},
            "model": model,
            "config": config,
        }
        if not self.checks_rows:
            problems = self.benchmark.problems
            known["problems"] = {"count": len(problems), "sha256": self.benchmark.fingerprint()}
        if self.chunk is not None:
            known["num_chunks"] = self.chunk.count
        return known


@dataclass
class OpenPart:
    """A part whose output files are open for writing."""

    part: Part
    folder: Folder
    files: dict[int | None, OutputFile]
    problems: Sequence[Problem]

    @classmethod
    def of(cls, part: Part, folder: Folder, model: str) -> OpenPart:
        """Check that the folder continues the same run, and open its files."""
        folder.check_fingerprint(part.fingerprint(model), part.config.to_json())
        greedy = folder.path / output_name(None)
        if None not in part.seeds and greedy.exists():
            raise InputError(
                f"seeds beside a greedy file cannot be summarized: `{greedy}`",
                hint="use another --output-dir",
            )
        opened = cls(part, folder, {}, part.problems)
        for seed in part.seeds:
            opened.files[seed] = opened._open(seed)
        return opened

    def _open(self, seed: int | None) -> OutputFile:
        chunk = self.part.chunk
        whole = self.folder.path / output_name(seed)
        if chunk is None:
            file = OutputFile(whole, self.problems)
        else:
            path = self.folder.path / output_name(seed, chunk.number)
            file = OutputFile(path, self.problems, merged_path=whole)
        file.open()
        if self.part.ready_row is not None and not file.is_complete:
            for position in range(len(self.problems)):
                if position in file.finished:
                    continue
                row = self.part.ready_row(self.problems[position], self.part.config.generation_key)
                if row is not None:
                    file.append(position, row)
            if file.is_complete:
                file.finish()
        return file

    def missing(self) -> Iterator[Task]:
        """The samples without a row, file by file."""
        for seed, file in self.files.items():
            for position in range(len(self.problems)):
                if position not in file.finished:  # the problem is read only now
                    problem = self.problems[position]
                    yield Task(self.part.benchmark.name, position, problem, seed, self.part.config)

    def is_problem_finished(self, position: int) -> bool:
        """Whether every file has a row for this problem."""
        return all(position in file.finished for file in self.files.values())

    @property
    def is_complete(self) -> bool:
        """Whether every file is finished."""
        return all(file.is_complete for file in self.files.values())


def plan(
    benchmarks: str | Sequence[str],
    overrides: Sequence[Override],
    *,
    data_dir: str | Path | None = None,
    split: str | None = None,
    starting_seed: int = 0,
) -> tuple[list[Part], list[str]]:
    """Work out the parts of an evaluation.

    Args:
        benchmarks: `NAME` (one greedy sample per problem) or `NAME:SAMPLES`, separated by commas or as a
            list.
        overrides: the user's configuration.
        data_dir: folder with benchmark files.
        split: of all benchmarks.
        starting_seed: seed of the first of several samples.

    Returns:
        The parts, and notes for the user, each once.

    Raises:
        InputError: an unknown benchmark, unusable rows or configuration.
    """
    parts: list[Part] = []
    notes: dict[str, None] = {}
    for name, samples in benchmark_names(benchmarks):
        config, told = resolve([*(SEED_DEFAULTS if samples else ()), *overrides])
        notes |= dict.fromkeys(told)
        refuse_fixed_seed(overrides, samples)
        benchmark = load_benchmark(name, data_dir, split=split, max_samples=config.max_samples)
        # An unknown prompt is told before anything starts.
        Prompter.of(config).user_text(benchmark.problems[0])
        seeds = tuple(range(starting_seed, starting_seed + samples)) if samples else (None,)
        parts.append(Part(benchmark, seeds, config, split, Path("eval-results") / name))
    return parts, list(notes)


def refuse_fixed_seed(overrides: Sequence[Override], samples: int) -> None:
    """Raise where one seed for the sampler would make several samples the same."""
    fixed = {"inference.random_seed", "inference.seed"}
    if samples > 1 and any(override.key in fixed for override in overrides):
        raise InputError(
            f"one fixed seed would make all {samples} samples of a problem the same",
            hint="use --starting-seed",
        )


def in_chunks(parts: Iterable[Part], num_chunks: int | None, chunk_ids: Sequence[int] | None) -> list[Part]:
    """Every part split into its chunks, or into those asked for.

    Raises:
        InputError: chunks that do not exist.
    """
    if num_chunks is None:
        if chunk_ids is not None:
            raise InputError("--chunk-ids needs --num-chunks", hint="say how many chunks there are in all")
        return list(parts)
    if num_chunks < 1:
        raise InputError(f"--num-chunks is 1 or more; got `{num_chunks}`")
    wanted = range(num_chunks) if chunk_ids is None else chunk_ids
    for number in wanted:
        chunk_positions(0, num_chunks, number)
    return [replace(part, chunk=Chunk(number, num_chunks)) for part in parts for number in wanted]


def chunks_of(num_chunks: int | None, chunk_ids: str | Sequence[int] | None) -> int:
    """How many chunks of each file are asked for."""
    wanted = read_numbers(chunk_ids, "--chunk-ids")
    return max(1, num_chunks or 1) if wanted is None else len(wanted)


def share_of(parts: Sequence[Part], number: int, count: int) -> list[Part]:
    """One of `count` even, contiguous shares of the output files, by benchmark, seed and chunk. With early
    stop all seeds of a problem stay together, so that shares are of benchmarks and chunks.

    Args:
        parts: of the whole run.
        number: which share, from 0.
        count: shares in all; those beyond the number of files are empty.
    """
    if parts and parts[0].config.early_stop.majority:
        positions = chunk_positions(len(parts), count, number)
        return list(parts[positions.start : positions.stop])
    places = list(dict.fromkeys(part.place for part in parts))
    files = sorted(
        (places.index(part.place), -1 if seed is None else seed, index)
        for index, part in enumerate(parts)
        for seed in part.seeds
    )
    positions = chunk_positions(len(files), count, number)
    mine = {(index, seed) for _, seed, index in files[positions.start : positions.stop]}
    shares = [
        replace(part, seeds=tuple(s for s in part.seeds if (index, -1 if s is None else s) in mine))
        for index, part in enumerate(parts)
    ]
    return [part for part in shares if part.seeds]


_RANGE = re.compile(r"(\d+)\.\.(\d+)")


def read_numbers(text: str | int | Sequence[int] | None, flag: str) -> list[int] | None:
    """`0,3`, `0..5` (both ends included) or a list, in order and each once.

    Raises:
        InputError: something else.
    """
    if text is None or not isinstance(text, str | int):
        return None if text is None else list(dict.fromkeys(text))
    numbers: list[int] = []
    for item in str(text).strip("[] ").split(","):
        piece = item.strip()
        if stretch := _RANGE.fullmatch(piece):
            numbers += range(int(stretch[1]), int(stretch[2]) + 1)
        elif piece.isdecimal():
            numbers.append(int(piece))
        else:
            raise InputError(f"{flag} takes numbers such as 0,3 or 0..5; got `{text}`")
    return list(dict.fromkeys(numbers))


def benchmark_names(benchmarks: str | Sequence[str]) -> Iterator[tuple[str, int]]:
    """Names with their numbers of samples; 0 is one greedy sample.

    Raises:
        InputError: something else, or a name given twice.
    """
    items = benchmarks.split(",") if isinstance(benchmarks, str) else benchmarks
    seen: set[str] = set()
    for item in (item.strip() for item in items):
        name, colon, count = item.partition(":")
        if not name or (colon and not count.isdigit()):
            raise InputError(
                f"not a benchmark: `{item}`", hint="write NAME or NAME:SAMPLES, separated by commas"
            )
        if name in seen:
            raise InputError(f"benchmark given twice: `{name}`")
        seen.add(name)
        yield name, int(count) if colon else 0
    if not seen:
        raise InputError("no benchmark is given", hint="for example --benchmarks demo:8")
