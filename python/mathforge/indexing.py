"""What was read of a large file, kept beside it: the next run reads 40 bytes per row instead of the text.

An index holds for the bytes it covers, which it knows by a hash of their first and last block; what was
appended since is read and added. Anything else about the file that has changed makes it void. It is written
whole or not at all, so that a killed run leaves the old one or none.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ._native import Samples, ScanProgress
from .errors import InputError

_LEAST_BYTES = 32 << 20
"""Smaller files are read as fast as their index."""
_BLOCK = 1 << 16


def worthwhile(path: Path) -> bool:
    """Whether to keep an index of a file."""
    return path.suffix == ".jsonl" and path.stat().st_size >= _LEAST_BYTES


def index_path(path: Path) -> Path:
    """Where the index of a file is."""
    return path.parent / ".mathforge" / f"{path.name}.samples.arrow"


def pieces(
    path: Path, number: int, start: int, end: int, step: int
) -> Iterator[tuple[int, Path, int, int | None]]:
    """A file's bytes in steps, as a scan takes them."""
    for at in range(start, end, step):
        yield number, path, at, min(at + step, end)


def read(path: Path, number: int, options: dict[str, Any], threads: int, progress: ScanProgress) -> Samples:
    """The samples of a file, from its index as far as that goes; renews an index that did not cover all.

    Args:
        path: a JSONL file.
        number: its place among the files.
        options: how rows are read; an index made with others is void.
        threads: for what has to be read.
        progress: counts the bytes read.
    """
    size = path.stat().st_size
    whole = _last_line_end(path, size)
    samples, covered = _load(path, whole, options)
    if covered < whole:
        samples.merge(
            Samples.scan([(0, path, covered, whole)], **options, threads=threads, progress=progress)
        )
        _store(samples, path, whole, options)
    if whole < size:
        # A last line without an end may still grow: it is read each time.
        samples.merge(Samples.scan([(0, path, whole, size)], **options, threads=1, progress=progress))
    samples.move_to(number, 0)
    return samples


def _last_line_end(path: Path, size: int) -> int:
    """The offset behind the last line end."""
    with path.open("rb") as file:
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


def fingerprint(path: Path, covered: int) -> str:
    """Hash of the first and last block of the covered bytes, and of how many they are."""
    import hashlib

    digest = hashlib.sha256(str(covered).encode())
    with path.open("rb") as file:
        digest.update(file.read(min(_BLOCK, covered)))
        file.seek(max(0, covered - _BLOCK))
        digest.update(file.read(covered - file.tell()))
    return digest.hexdigest()


def _facts(path: Path, covered: int, options: dict[str, Any]) -> dict[str, str]:
    return {
        "covered_bytes": str(covered),
        "fingerprint": fingerprint(path, covered),
        "options": json.dumps(options, sort_keys=True),
        # Bytes changed in place keep the size; without appended rows the time must be the same too.
        "modified_ns": str(path.stat().st_mtime_ns),
    }


def _load(path: Path, whole: int, options: dict[str, Any]) -> tuple[Samples, int]:
    index = index_path(path)
    with contextlib.suppress(OSError, ValueError, KeyError):
        facts = Samples.read_facts(index)
        covered = int(facts["covered_bytes"])
        current = _facts(path, covered, options)
        if covered < whole:
            current["modified_ns"] = facts["modified_ns"]
        if 0 < covered <= whole and facts == current:
            return Samples.read(index)[0], covered
    return Samples(), 0


def _store(samples: Samples, path: Path, covered: int, options: dict[str, Any]) -> None:
    index = index_path(path)
    partial = index.with_name(f"{index.name}-{os.getpid()}-tmp")
    # A folder that cannot be written to only costs the next run its shortcut.
    with contextlib.suppress(OSError):
        index.parent.mkdir(exist_ok=True)
        try:
            samples.write(partial, _facts(path, covered, options))
            partial.replace(index)
        finally:
            partial.unlink(missing_ok=True)


def read_table(path: Path, number: int, options: dict[str, Any]) -> Samples:
    """The samples of a Parquet or Arrow file, whose columns are named like the keys of rows.

    Raises:
        InputError: not such a file, or without the columns that metrics need.
    """
    import polars

    wanted = (
        options["id_key"],
        *("problem", "predicted_answer", "expected_answer", "symbolic_correct", "judgement", "generation"),
        *("grade_reason", "num_generated_tokens", "reward_model_score", "subset_for_metrics"),
        *("generation_start_time", "generation_end_time"),
    )
    try:
        frame = polars.scan_parquet(path) if path.suffix == ".parquet" else polars.scan_ipc(path)
        present = frame.collect_schema().names()
        columns = [name for name in wanted if name in present]
        # The text is not read where the answer stands beside it.
        if "predicted_answer" in columns and "generation" in columns:
            columns.remove("generation")
        all_samples = Samples()
        offset = 0
        for batch in frame.select(columns).collect_batches():
            lines = batch.write_ndjson().encode()
            part = Samples.scan_bytes(lines, **options, progress=ScanProgress())
            part.move_to(number, offset)
            offset += len(lines)
            all_samples.merge(part)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: not a table that can be read: {error}") from error
    return all_samples
