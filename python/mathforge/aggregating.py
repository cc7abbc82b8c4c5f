"""Every statistic of finished samples: files in, a `Report` out.

Rows are read natively, side by side, without building documents. Between reading and counting there are 24
bytes per sample; past the memory budget they wait on disk, divided by problem, and are counted part by part.
Counts are whole numbers, so that the result does not depend on the order of files, threads or parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import indexing
from ._native import Samples, ScanProgress
from .counting import BUCKETS, Counting, Counts, Votes, by_bucket
from .errors import InputError, MathforgeError
from .inputs import Benchmark, find, is_table
from .metrics import scan_options
from .report import Report

if TYPE_CHECKING:
    from .grading import Grader

__all__ = ["Settings", "aggregate", "aggregate_benchmark", "report_of"]

_LEAST_STEP_BYTES = 64 << 20
"""What is read at once; less would be slower."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How samples are read and counted.

    Attributes:
        votes: what makes two answers one vote: equal values, or equal strings.
        k: metrics go up to this many samples per problem; default: the most frequent number.
        id_key: the key that names a row's problem; rows without it are matched by `problem`, then by line.
        strict: read the JSON of every row whole, and count damage that no metric would notice.
        nemo_skills: majority@k and no_answer of the first k samples with string votes, as NeMo-Skills counts.
        lexical: order seeds as strings (0, 1, 10, 2), as NeMo-Skills does.
        threads: for reading and counting; 0 for one per processor.
        memory_mib: samples beyond this wait on disk.
        index: keep what was read of large files beside them, for the next time.
        taus: also report pass^k, and for these shares of right samples G-Pass@k and Cover@tau.
    """

    votes: Votes = "class"
    k: int | None = None
    id_key: str = "id"
    strict: bool = False
    nemo_skills: bool = False
    lexical: bool = False
    threads: int = 0
    memory_mib: int = 4096
    index: bool = True
    taus: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Equal settings are equal also after a journey as JSON."""
        object.__setattr__(self, "taus", tuple(self.taus))

    @property
    def workers(self) -> int:
        """Threads to use."""
        return self.threads or os.cpu_count() or 1

    @property
    def counting(self) -> Counting:
        """The part of it that says how to count."""
        return Counting(self.votes, self.nemo_skills, self.workers, self.taus)


def aggregate(
    paths: Sequence[Path | str] | Path | str,
    *,
    benchmark: str | None = None,
    settings: Settings | None = None,
    grader: Grader | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """The metrics of all benchmarks that `paths` hold.

    Args:
        paths: JSONL files (also `.gz`, `.zst`), Parquet or Arrow files, globs, folders of eval runs.
        benchmark: the name of the tables; default: the folders' names.
        settings: how to read and count.
        grader: for answers that the native comparison leaves open; a default one is made where needed.
        progress: called with bytes read and bytes in all.

    Raises:
        InputError: nothing is there, or a file cannot be read.
    """
    settings = settings or Settings()
    found = find([paths] if isinstance(paths, str | Path) else paths, lexical=settings.lexical)
    if benchmark is not None:
        found = [replace(one, name=benchmark) for one in found]
    return Report.merged(report_of(one, settings, grader, progress) for one in found)


def report_of(
    benchmark: Benchmark,
    settings: Settings | None = None,
    grader: Grader | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """As `aggregate_benchmark`; of a run with early stop what its samples allow to say."""
    if not benchmark.is_stopped_early:
        return aggregate_benchmark(benchmark, settings, grader, progress)
    from . import early_stop

    return early_stop.report_of(benchmark, settings, grader, progress)


def aggregate_benchmark(
    benchmark: Benchmark,
    settings: Settings | None = None,
    grader: Grader | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """The metrics of one benchmark. Everything that was damaged or left out is in the report's notes.

    Raises:
        InputError: a file cannot be read, or nothing in them can be counted.
    """
    settings = settings or Settings()
    if benchmark.trouble:
        raise InputError(benchmark.trouble)
    counts = Counts()
    with ExitStack() as stack:
        for samples in _parts(benchmark.files, settings, stack, progress):
            counts.add(samples, benchmark.files, settings.counting, grader)
    return counts.report(benchmark, settings.counting, settings.k)


def _parts(
    files: Sequence[Path],
    settings: Settings,
    stack: ExitStack,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Samples]:
    """The samples of all files: at once, or by problem where they exceed the memory budget."""
    budget = settings.memory_mib << 20
    folder: Path | None = None
    spilled: list[Path] = []
    held = Samples()

    def spill() -> None:
        nonlocal folder
        if folder is None:
            from .spilling import spill_folder

            folder = stack.enter_context(spill_folder())
        spilled.append(folder / f"{len(spilled)}.arrow")
        Samples.write_parts(held.split(BUCKETS), spilled[-1], {})

    for samples, ends_file in _read(files, settings, budget, progress):
        held.merge(samples)
        # Rows without a name are matched by line, which is known when their file has been read.
        if held.size > budget and (ends_file or not held.unnamed):
            held.name_by_line()
            spill()
            held = Samples()
    held.name_by_line()
    if not spilled:
        yield held
        return
    spill()
    yield from by_bucket(lambda part: (Samples.read(path, part)[0] for path in spilled), range(BUCKETS))


def read_samples(files: Sequence[Path], settings: Settings) -> Samples:
    """All samples of some files, in memory."""
    held = Samples()
    for samples, _ in _read(files, settings, settings.memory_mib << 20, None):
        held.merge(samples)
    held.name_by_line()
    return held


def _read(
    files: Sequence[Path], settings: Settings, budget: int, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[Samples, bool]]:
    """Samples piece by piece, and whether a piece ends its file."""
    total = sum(_size(path) for path in files)
    options = scan_options(id_key=settings.id_key, strict=settings.strict)
    scanned = ScanProgress()
    step = max(_LEAST_STEP_BYTES, min(1 << 30, budget // 4))
    small: list[tuple[int, Path, int, int | None]] = []
    for number, path in enumerate(files):
        if is_table(path):
            yield indexing.read_table(path, number, options), True
        elif settings.index and indexing.worthwhile(path):
            yield indexing.read(path, number, options, settings.workers, scanned), True
        elif path.suffix not in (".gz", ".zst") and _size(path) > step:
            for piece in indexing.pieces(path, number, 0, _size(path), step):
                yield Samples.scan([piece], **options, threads=settings.workers, progress=scanned), False
            yield Samples(), True
        else:
            small.append((number, path, 0, None))
        if progress:
            progress(scanned.bytes, total)
    for batch in _batches(small, step):
        yield _scan(batch, options, settings.workers, scanned), True
        if progress:
            progress(scanned.bytes, total)


def _scan(
    pieces: list[tuple[int, Path, int, int | None]],
    options: dict[str, object],
    threads: int,
    progress: ScanProgress,
) -> Samples:
    try:
        return Samples.scan(pieces, **options, threads=threads, progress=progress)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(
            f"cannot read {error}", hint="is the file whole, and named after its compression?"
        ) from error


def _batches(
    files: Iterable[tuple[int, Path, int, int | None]], step: int
) -> Iterator[list[tuple[int, Path, int, int | None]]]:
    batch: list[tuple[int, Path, int, int | None]] = []
    held = 0
    for entry in files:
        batch.append(entry)
        held += _size(entry[1])
        if held > step:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise MathforgeError(f"cannot read {path}: {error.strerror}", code="unreadable") from error
