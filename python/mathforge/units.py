"""What a run has to do: benchmarks by samples, as output files and the samples still missing in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import Evaluation, resolve
from .errors import InputError
from .generating import Task
from .overrides import Override
from .problems import Benchmark, load_benchmark
from .prompts import Prompter
from .store import Folder, OutputFile, output_name

# Sampling defaults of seeded files; the user's own overrides come after them.
SEED_DEFAULTS = (
    Override("inference.temperature", 0.7, "++inference.temperature=0.7"),
    Override("inference.top_k", -1, "++inference.top_k=-1"),
    Override("inference.top_p", 0.95, "++inference.top_p=0.95"),
)

# Keys that do not change what a sample is, so they may differ when a run is continued.
_FREE_KEYS = {
    "server": {
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
class Part:
    """One benchmark of a run.

    Attributes:
        benchmark: its problems.
        seeds: one output file each; `(None,)` is one greedy file.
        config: of all its samples.
        split: as given, or None.
    """

    benchmark: Benchmark
    seeds: tuple[int | None, ...]
    config: Evaluation
    split: str | None

    def folder(self, output_dir: Path) -> Path:
        """Where its files go."""
        return output_dir / "eval-results" / self.benchmark.name

    def fingerprint(self, model: str) -> dict[str, object]:
        """What must be the same when the run is continued."""
        config = self.config.to_json()
        for group, keys in _FREE_KEYS.items():
            values = config[group]
            assert isinstance(values, dict)
            config[group] = {key: value for key, value in values.items() if key not in keys}
        del config["max_concurrent_requests"], config["max_samples"]
        template = Prompter.of(self.config).template
        return {
            "benchmark": self.benchmark.name,
            "split": self.split,
            "problems": {"count": len(self.benchmark.problems), "sha256": self.benchmark.fingerprint()},
            "prompt": {"user": template.user, "system": template.system},
            "model": model,
            "config": config,
        }


@dataclass
class OpenPart:
    """A part whose output files are open for writing."""

    part: Part
    folder: Folder
    files: dict[int | None, OutputFile]

    @classmethod
    def of(cls, part: Part, folder: Folder, model: str) -> OpenPart:
        """Check that the folder continues the same run, and open its files."""
        folder.check_fingerprint(part.fingerprint(model), part.config.to_json())
        problems = part.benchmark.problems
        files = {seed: OutputFile(folder.path / output_name(seed), problems) for seed in part.seeds}
        greedy = folder.path / output_name(None)
        if None not in part.seeds and greedy.exists():
            raise InputError(
                f"seeds beside a greedy file cannot be summarized: `{greedy}`",
                hint="use another --output-dir",
            )
        for file in files.values():
            file.open()
        return cls(part, folder, files)

    def missing(self) -> Iterator[Task]:
        """The samples without a row, file by file."""
        for seed, file in self.files.items():
            for position, problem in enumerate(self.part.benchmark.problems):
                if position not in file.finished:
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
    """Work out the parts of a run.

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
    for name, samples in _names(benchmarks):
        config, told = resolve([*(SEED_DEFAULTS if samples else ()), *overrides])
        notes |= dict.fromkeys(told)
        if samples > 1 and any(
            override.key in {"inference.random_seed", "inference.seed"} for override in overrides
        ):
            raise InputError(
                f"one fixed seed would make all {samples} samples of `{name}` the same",
                hint="use --starting-seed",
            )
        benchmark = load_benchmark(name, data_dir, split=split, max_samples=config.max_samples)
        Prompter.of(config).user_text(
            benchmark.problems[0]
        )  # an unknown prompt is told before anything starts
        seeds = tuple(range(starting_seed, starting_seed + samples)) if samples else (None,)
        parts.append(Part(benchmark, seeds, config, split))
    return parts, list(notes)


def _names(benchmarks: str | Sequence[str]) -> Iterator[tuple[str, int]]:
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
