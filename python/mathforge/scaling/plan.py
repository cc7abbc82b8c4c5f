"""The tasks of one aggregation, kept in a folder that every worker sees."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..aggregating import Settings
from ..counting import BUCKETS
from ..errors import InputError
from ..folders import write_atomically
from ..grading import Grader
from ..merging import count_buckets, merge_counts
from ..partials import scan_partial
from ..report import Report
from ..sharding import Shard
from ..sharding import plan as share

_FILE = "plan.json"
_FOLDER = ".mathforge"
_FEWEST_SHARDS = 8
_SHARD_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """Scan tasks, one per shard; count tasks over buckets of problems; and the report of what they counted.

    Attributes:
        folder: the tasks' files.
        shards: what each scan task reads.
        counters: count tasks; each takes every `counters`-th bucket.
        settings: of the aggregation; `threads` is per task.
        sympy: whether sympy tries answers that the native comparison leaves open.
    """

    folder: Path
    shards: tuple[Shard, ...]
    counters: int
    settings: Settings
    sympy: bool = False

    def scan(self, index: int) -> Path:
        """First phase: read one shard. The file written."""
        return scan_partial(self.shards[index], self._partial(index), self.settings)

    def count(self, index: int) -> Path:
        """Second phase: count a part of the buckets, once every shard is scanned. The file written."""
        partials = [self._partial(number) for number in range(len(self.shards))]
        buckets = range(index, BUCKETS, self.counters)
        with Grader(self.sympy) as grader:
            return count_buckets(partials, buckets, self._counted(index), self.settings, grader)

    def report(self) -> Report:
        """The end, once everything is counted."""
        return merge_counts([self._counted(index) for index in range(self.counters)], self.settings)

    def scanned(self) -> int:
        """Shards whose file is there."""
        return sum(self._partial(index).exists() for index in range(len(self.shards)))

    def remove(self) -> None:
        """Delete the tasks' files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.name == _FOLDER:
            with contextlib.suppress(OSError):  # where there are indexes it stays
                self.folder.parent.rmdir()

    def write(self) -> None:
        """Make the folder, with the plan in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / _FILE, json.dumps(self._to_json(), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan that lies in a folder.

        Raises:
            InputError: there is none.
        """
        try:
            content = json.loads((folder / _FILE).read_bytes())
            shards = tuple(map(Shard.from_json, content["shards"]))
            return cls(folder, shards, content["counters"], Settings(**content["settings"]), content["sympy"])
        except OSError as error:
            raise InputError(
                f"there is no plan of an aggregation in {folder}: {error.strerror}",
                hint="every worker must see the folder; --work-dir names another",
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(f"{folder / _FILE}: not a plan of an aggregation") from error

    def _to_json(self) -> dict[str, object]:
        shards = [shard.to_json() for shard in self.shards]
        settings = asdict(self.settings)
        return {"shards": shards, "counters": self.counters, "settings": settings, "sympy": self.sympy}

    def _partial(self, index: int) -> Path:
        return self.folder / "partials" / f"{index}.arrow"

    def _counted(self, index: int) -> Path:
        graded = "sympy" if self.sympy else "native"
        return self.folder / "counts" / f"{graded}-{index}-of-{self.counters}.json"


def make_plan(
    paths: Sequence[Path | str],
    *,
    shards: int | None = None,
    counters: int | None = None,
    settings: Settings | None = None,
    benchmarks: Sequence[str] = (),
    work_dir: Path | None = None,
    sympy: bool = False,
) -> Plan:
    """Divide an aggregation into tasks. Nothing is written yet.

    Args:
        paths: as for `mathforge.aggregate`; every worker must find them under the same names.
        shards: how many scan tasks, about; None is one per 256 MiB, 8 at least.
        counters: how many count tasks; None is 16, or as many as there are scan tasks when these are fewer.
        settings: as for `mathforge.aggregate`.
        benchmarks: only these; default: all.
        work_dir: for the tasks' files. Default: a folder under `.mathforge` beside the first file, named
            after the files and settings, so that the same aggregation goes on where it was left.

        sympy: let sympy try answers that the native comparison leaves open.

    Raises:
        InputError: nothing is there, or files that cannot be one benchmark.
    """
    settings = settings or Settings()
    absolute = [Path(path).expanduser().absolute() for path in paths]
    found = share(absolute, shards or _FEWEST_SHARDS, lexical=settings.lexical)
    total = sum(source.end - source.start for shard in found for source in shard.sources)
    if shards is None and total > _FEWEST_SHARDS * _SHARD_BYTES:
        found = share(absolute, total // _SHARD_BYTES, lexical=settings.lexical)
    kept = tuple(shard for shard in found if not benchmarks or shard.benchmark in benchmarks)
    if unknown := set(benchmarks) - {shard.benchmark for shard in kept}:
        raise InputError(f"no such benchmark here: {', '.join(sorted(unknown))}")
    counters = max(1, min(counters or min(16, len(kept)), BUCKETS))
    plan = Plan(Path(), kept, counters, settings, sympy)
    if work_dir is None:
        name = hashlib.sha256(json.dumps(plan._to_json(), sort_keys=True).encode()).hexdigest()[:16]
        work_dir = Path(kept[0].sources[0].path).parent / _FOLDER / f"aggregate-{name}"
    return replace(plan, folder=work_dir.expanduser().absolute())
