"""The files of an aggregation in shares that tasks read on their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .inputs import find, is_table

__all__ = ["Shard", "Source", "plan", "shard_of"]

_LEAST_PIECE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or the rows that start in a range of its bytes.

    Attributes:
        path: the file, as every machine finds it.
        start: first byte.
        end: behind the last byte; the file's size for a whole file.
    """

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shard:
    """What one task reads: a share of one benchmark.

    Attributes:
        benchmark: the name of its tables.
        order: the benchmark's place in the report.
        sources: files and pieces of files.
        unfinished: in-progress files beside them, which nobody reads.
    """

    benchmark: str
    order: int
    sources: tuple[Source, ...]
    unfinished: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a task's arguments."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Shard:
        """From `to_json`."""
        sources = tuple(Source(**source) for source in values["sources"])
        return cls(values["benchmark"], values["order"], sources, tuple(values["unfinished"]))


def plan(paths: Sequence[Path | str] | Path | str, shards: int, *, lexical: bool = False) -> list[Shard]:
    """The files that `paths` hold in about `shards` shares of equal bytes, at least one per benchmark.

    Plain JSONL files are cut where a share ends, compressed and columnar ones are read whole by one task.

    Args:
        paths: as for `aggregate`.
        shards: how many tasks there are.
        lexical: order seeds as strings, as NeMo-Skills does.

    Raises:
        InputError: nothing is there, or files that cannot be one benchmark.
    """
    found = find([paths] if isinstance(paths, str | Path) else paths, lexical=lexical)
    total = sum(path.stat().st_size for one in found for path in one.files)
    share = max(_LEAST_PIECE_BYTES, -(-total // max(shards, 1)))
    planned = []
    for order, one in enumerate(found):
        if one.trouble:
            raise InputError(one.trouble)
        unfinished = tuple(map(str, one.unfinished))
        for sources in _shares(one.files, share):
            planned.append(Shard(one.name, order, sources, unfinished))
    return planned


def _shares(files: Sequence[Path], share: int) -> Iterator[tuple[Source, ...]]:
    held: list[Source] = []
    room = share
    for path in files:
        size = path.stat().st_size
        step = size if path.suffix in (".gz", ".zst") or is_table(path) else None
        at = 0
        while at < size or (size == 0 and at == 0):
            end = min(size, at + (step or max(room, _LEAST_PIECE_BYTES)))
            held.append(Source(str(path), at, end))
            room -= end - at
            at = max(end, 1)
            if room <= 0:
                yield tuple(held)
                held, room = [], share
    if held:
        yield tuple(held)


def shard_of(
    paths: Sequence[Path | str] | Path | str, *, benchmark: str | None = None, lexical: bool = False
) -> Shard:
    """Files, globs or a folder of one benchmark as a shard of their own.

    Raises:
        InputError: nothing is there, or more than one benchmark.
    """
    found = find([paths] if isinstance(paths, str | Path) else paths, lexical=lexical)
    if len(found) != 1 or found[0].trouble:
        names = ", ".join(one.name for one in found)
        raise InputError(
            found[0].trouble or f"a partial holds one benchmark, these are {len(found)}: {names}",
            hint="plan() makes shards of any number of benchmarks",
        )
    sources = tuple(Source(str(path), 0, path.stat().st_size) for path in found[0].files)
    return Shard(benchmark or found[0].name, 0, sources, tuple(map(str, found[0].unfinished)))
