"""The second phase of an aggregation in parts: partials to counts, counts to the report."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .aggregating import Settings
from .counting import BUCKETS, Counts, by_bucket
from .errors import InputError
from .grading import Grader
from .inputs import Benchmark, ordered
from .partials import Partial, replacing
from .report import Report

__all__ = ["count_buckets", "merge_counts", "merge_partials"]


@dataclass
class _Merge:
    """All partials of one benchmark."""

    benchmark: Benchmark
    order: int
    partials: list[Partial]

    def fingerprint(self) -> str:
        """Of everything that is merged."""
        facts = sorted(json.dumps(one.facts, sort_keys=True) for one in self.partials)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def count(self, buckets: Sequence[int], settings: Settings, grader: Grader | None) -> Counts:
        """The counts of some buckets; damage goes with the first bucket."""
        numbers = {str(path): number for number, path in enumerate(self.benchmark.files)}
        counts = Counts()
        for samples in by_bucket(lambda part: (one.part(part, numbers) for one in self.partials), buckets):
            counts.add(samples, self.benchmark.files, settings.counting, grader)
        return counts


def _merges(partials: Sequence[Path | str], settings: Settings) -> list[_Merge]:
    """Partials by benchmark, whole and without doubles."""
    if not partials:
        raise InputError("no partials to merge", hint="give the files that scan_partial wrote")
    opened = [Partial.open(Path(path), settings) for path in dict.fromkeys(map(str, partials))]
    groups: dict[tuple[int, str], list[Partial]] = {}
    for partial in opened:
        groups.setdefault((partial.facts["order"], partial.facts["benchmark"]), []).append(partial)
    merges = []
    for (order, name), group in sorted(groups.items()):
        _check_cover(group)
        paths = {Path(source["path"]) for one in group for source in one.facts["sources"]}
        unfinished = dict.fromkeys(path for one in group for path in one.facts["unfinished"])
        files = tuple(ordered(list(paths), lexical=settings.lexical))
        merges.append(_Merge(Benchmark(name, files, tuple(map(Path, unfinished))), order, group))
    return merges


def _check_cover(partials: list[Partial]) -> None:
    """Every byte of every file once, all of the same state of the file."""
    pieces: dict[str, list[tuple[int, int, Path]]] = {}
    states: dict[str, tuple[int, int]] = {}
    for partial in partials:
        for source in partial.facts["sources"]:
            path, state = source["path"], (source["size"], source["modified_ns"])
            pieces.setdefault(path, []).append((source["start"], source["end"], partial.path))
            if states.setdefault(path, state) != state:
                raise InputError(
                    f"{path} changed between the scans of its shards", hint="scan those that are older again"
                )
    for path, found in pieces.items():
        reached = 0
        for start, end, partial_path in [*sorted(found), (states[path][0], states[path][0], Path())]:
            if start > reached:
                raise InputError(
                    f"no partial has bytes {reached} to {start} of {path}",
                    hint="scan the shard that is missing",
                )
            if start < reached and end > start:
                raise InputError(f"{partial_path} has bytes of {path} that another partial has too")
            reached = max(reached, end)


def merge_partials(
    partials: Sequence[Path | str], settings: Settings | None = None, grader: Grader | None = None
) -> Report:
    """The report of all partials, in one process, one bucket in memory at a time.

    Args:
        partials: files of `scan_partial`, in any order; of one benchmark or several.
        settings: as for `aggregate`.
        grader: for answers that the native comparison leaves open; a default one is made where needed.

    Raises:
        InputError: a partial is damaged, missing, doubled, out of date or made with other options.
    """
    settings = settings or Settings()
    everything = range(BUCKETS)
    return Report.merged(
        one.count(everything, settings, grader).report(one.benchmark, settings.counting, settings.k)
        for one in _merges(partials, settings)
    )


def count_buckets(
    partials: Sequence[Path | str],
    buckets: Sequence[int],
    out: Path | str,
    settings: Settings | None = None,
    grader: Grader | None = None,
) -> Path:
    """Count some buckets of all partials into a file for `merge_counts`: a task of a second phase in parts.

    Does nothing if `out` holds these buckets of these partials already.

    Args:
        partials: all files of `scan_partial`.
        buckets: numbers below `BUCKETS`, such as `range(task, BUCKETS, tasks)`.
        out: the JSON file to write, whole or not at all; its folder is made.
        settings: as for `aggregate`.
        grader: as for `merge_partials`.

    Raises:
        InputError: as `merge_partials`.
    """
    settings, out = settings or Settings(), Path(out)
    merges = _merges(partials, settings)
    made_of = {
        "buckets": sorted(buckets),
        "partials": [one.fingerprint() for one in merges],
        "counting": [settings.votes, settings.nemo_skills],
    }
    try:
        if _load_counts(out)["made_of"] == made_of:
            return out
    except InputError:
        pass
    counted = []
    for one in merges:
        files = one.benchmark.files
        facts = {
            "name": one.benchmark.name,
            "files": [str(path) for path in files],
            "unfinished": [str(path) for path in one.benchmark.unfinished],
        }
        counted.append({**facts, "counts": one.count(buckets, settings, grader).to_json()})
    body = {"made_of": made_of, "benchmarks": counted}
    with replacing(out) as partial, partial.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _sha256(body), **body}, file)
        file.flush()
        os.fsync(file.fileno())
    return out


def _sha256(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _load_counts(path: Path) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        whole = body.pop("sha256") == _sha256(body)
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise InputError(f"{path}: not a file of counts: {error}", hint="count its buckets again") from error
    if not whole:
        raise InputError(f"{path}: damaged", hint="count its buckets again")
    return body


def merge_counts(counts: Sequence[Path | str], settings: Settings | None = None) -> Report:
    """The report of all files of `count_buckets`, in any order.

    Raises:
        InputError: a file is damaged, of other partials or settings, or a bucket is missing or doubled.
    """
    settings = settings or Settings()
    loaded = [(str(path), _load_counts(Path(path))) for path in dict.fromkeys(map(str, counts))]
    if not loaded:
        raise InputError("no counts to merge", hint="give the files that count_buckets wrote")
    made_of = loaded[0][1]["made_of"]
    for path, body in loaded:
        if any(body["made_of"][name] != made_of[name] for name in ("partials", "counting")):
            raise InputError(f"{path} and {loaded[0][0]} are not counts of the same partials and votes")
    found = sorted(bucket for _, body in loaded for bucket in body["made_of"]["buckets"])
    if found != list(range(BUCKETS)):
        doubled = sorted({bucket for bucket in found if found.count(bucket) > 1})
        missing = sorted(set(range(BUCKETS)) - set(found))
        raise InputError(f"buckets missing: {missing or 'none'}; counted twice: {doubled or 'none'}")
    reports = []
    for at, facts in enumerate(loaded[0][1]["benchmarks"]):
        counted = Counts()
        for _, body in loaded:
            counted.merge(Counts.from_json(body["benchmarks"][at]["counts"]))
        files, unfinished = tuple(map(Path, facts["files"])), tuple(map(Path, facts["unfinished"]))
        reports.append(
            counted.report(Benchmark(facts["name"], files, unfinished), settings.counting, settings.k)
        )
    return Report.merged(reports)
