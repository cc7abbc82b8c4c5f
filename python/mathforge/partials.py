"""Aggregation in two phases, for many processes or machines that share a file system.

    shards = sharding.plan(paths, 8)                           # once: 8 shares of the bytes
    scan_partial(shards[i], f"partials/{i}.arrow")             # each i anywhere, any number of times
    report = merge_partials(sorted(Path("partials").iterdir()))

The second phase can be divided too: `merging.count_buckets` counts some of the buckets that problems
fall into, and `merging.merge_counts` adds up. Whatever the shards, their order and the machines, the
report is equal, bit for bit, to that of `aggregate(paths)`. Every output file is written whole or not
at all and says what it was made of, so that a task that is run again returns at once, and a part that
is missing, doubled or out of date is an error and not a wrong number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import indexing
from ._native import Samples, ScanProgress
from .aggregating import Settings, read_samples
from .counting import BUCKETS
from .errors import InputError
from .inputs import ordered
from .metrics import scan_options
from .sharding import Shard, shard_of

__all__ = ["Partial", "replacing", "scan_partial"]


def scan_partial(
    shard: Shard | Sequence[Path | str] | Path | str,
    out: Path | str,
    settings: Settings | None = None,
    *,
    benchmark: str | None = None,
) -> Path:
    """Read one shard into a partial file. Does nothing if `out` was made of the same bytes in the same way.

    Args:
        shard: of `plan`; or files and globs, which make up a shard of their own.
        out: the file to write, whole or not at all; its folder is made.
        settings: `id_key`, `strict` and `lexical` must be the same for all shards. The shard's samples are
            held in memory, 24 bytes of each.
        benchmark: the name of the tables, where `shard` is not of a plan.

    Raises:
        InputError: a file cannot be read, or is shorter than planned.
    """
    settings, out = settings or Settings(), Path(out)
    if not isinstance(shard, Shard):
        shard = shard_of(shard, benchmark=benchmark, lexical=settings.lexical)
    facts = _facts(shard, settings)
    if _is_whole(out, facts):
        return out
    samples = _read_sources(shard, settings)
    with replacing(out) as partial:
        Samples.write_parts(samples.split(BUCKETS), partial, facts)
    return out


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A path to write to that takes the place of `out` at the end; any number of tasks may write one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}-{os.uname().nodename}-{os.getpid()}-tmp")
    try:
        yield partial
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def _read_sources(shard: Shard, settings: Settings) -> Samples:
    """The samples of a shard; file numbers are places in its order of paths."""
    paths = _paths(shard, settings)
    sizes = {path: Path(path).stat().st_size for path in paths}
    whole = {source.path for source in shard.sources if (source.start, source.end) == (0, sizes[source.path])}
    held = Samples()
    if whole:
        files = [Path(path) for path in paths if path in whole]
        held = read_samples(files, settings)
        held.renumber([paths.index(str(path)) for path in files])
    cut = [source for source in shard.sources if source.path not in whole]
    if cut:
        pieces = [(paths.index(one.path), one.path, one.start, one.end) for one in cut]
        options = scan_options(id_key=settings.id_key, strict=settings.strict)
        try:
            held.merge(Samples.scan(pieces, **options, threads=settings.workers, progress=ScanProgress()))
        except OSError as error:
            raise InputError(f"cannot read {error}") from error
    return held


def _paths(shard: Shard, settings: Settings) -> list[str]:
    """Its files in the order of `find`, whatever order they were given in."""
    paths = {Path(source.path) for source in shard.sources}
    return [str(path) for path in ordered(list(paths), lexical=settings.lexical)]


def _facts(shard: Shard, settings: Settings) -> dict[str, str]:
    """What a partial is made of, and how. Equal facts, equal partial."""
    sources = []
    for source in shard.sources:
        try:
            state = Path(source.path).stat()
        except OSError as error:
            raise InputError(f"cannot read {source.path}: {error.strerror}") from error
        if state.st_size < source.end:
            raise InputError(
                f"{source.path} has {state.st_size} bytes, {source.end} were planned", hint="plan again"
            )
        print_ = indexing.fingerprint(Path(source.path), source.end)
        sources.append(
            {**asdict(source), "size": state.st_size, "modified_ns": state.st_mtime_ns, "hash": print_}
        )
    values = {
        "sources": sources,
        "benchmark": shard.benchmark,
        "order": shard.order,
        "unfinished": shard.unfinished,
        "buckets": BUCKETS,
        "options": _options(settings),
    }
    return {name: json.dumps(value, sort_keys=True) for name, value in values.items()}


def _options(settings: Settings) -> dict[str, Any]:
    return {**scan_options(id_key=settings.id_key, strict=settings.strict), "lexical": settings.lexical}


def _is_whole(out: Path, facts: dict[str, str]) -> bool:
    """Whether a partial was made of this, and its bytes are those that were written."""
    try:
        return Samples.read_facts(out) == facts and Samples.read(out)[1] == facts
    except OSError:
        return False


@dataclass(frozen=True)
class Partial:
    """A partial file, open to be merged.

    Attributes:
        path: the file.
        facts: what it was made of: `sources`, `benchmark`, `order`, `unfinished`, `buckets`, `options`.
    """

    path: Path
    facts: dict[str, Any]

    @classmethod
    def open(cls, path: Path, settings: Settings) -> Partial:
        """Read its facts.

        Raises:
            InputError: not a partial, or made with other settings.
        """
        try:
            facts = {name: json.loads(value) for name, value in Samples.read_facts(path).items()}
            made = facts["options"], facts["buckets"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: not a partial: {error}", hint="scan its shard again") from error
        if made != (_options(settings), BUCKETS):
            raise InputError(
                f"{path} was made with other options: {made[0]}, now {_options(settings)}",
                hint="use the same id key, strictness and seed order in both phases, or scan again",
            )
        return cls(path, facts)

    def part(self, part: int, numbers: dict[str, int]) -> Samples:
        """A bucket, or at `BUCKETS` what belongs to none.

        Args:
            part: which.
            numbers: of all files of the benchmark.

        Raises:
            InputError: it is damaged.
        """
        try:
            samples, _ = Samples.read(self.path, part)
        except OSError as error:
            raise InputError(f"{self.path}: {error}", hint="scan its shard again") from error
        # Here files are numbered in the same order, with gaps where other partials have files.
        samples.renumber(sorted({numbers[source["path"]] for source in self.facts["sources"]}))
        return samples
