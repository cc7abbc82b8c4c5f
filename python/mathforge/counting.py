"""From samples to counts: whole numbers that add up to one report in any order of files and machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ._native import Samples, Tally
from .errors import InputError
from .inputs import Benchmark
from .metrics import grade_open_pairs, tables
from .report import Damage, Report, Uncertainty

if TYPE_CHECKING:
    from .grading import Grader

__all__ = ["BUCKETS", "Counting", "Counts", "by_bucket"]

Votes = Literal["class", "string"]

BUCKETS = 64
"""Parts that samples are divided into by a hash of their problem's name, if they are not counted at once."""
_TOLD_CONFLICTS = 20


def by_bucket(parts: Callable[[int], Iterable[Samples]], buckets: Sequence[int]) -> Iterator[Samples]:
    """The samples of some buckets, each bucket whole; with bucket 0 also what belongs to no bucket: damage.

    Args:
        parts: the parts of a bucket, wherever they are; at `BUCKETS` what `Samples.split` put into no bucket.
        buckets: which ones.
    """
    rest = Samples()
    for part in parts(BUCKETS):
        rest.merge(part)
    # Only now are all lines of all files known.
    rest.name_by_line()
    late = rest.split(BUCKETS)
    for bucket in buckets:
        for part in parts(bucket):
            late[bucket].merge(part)
        yield late[bucket]
        late[bucket] = Samples()
    if 0 in buckets:
        yield late[BUCKETS]


@dataclass(frozen=True, slots=True)
class Counting:
    """How samples are counted.

    Attributes:
        votes: what makes two answers one vote.
        nemo_skills: majority@k and no_answer of the first k samples with string votes.
        threads: to use.
        taus: shares of right samples for G-Pass@k and Cover@tau; none leaves these and pass^k out.
    """

    votes: Votes
    nemo_skills: bool
    threads: int
    taus: tuple[float, ...] = ()


@dataclass
class Counts:
    """Counts, damage and conflicts of any share of a benchmark's samples."""

    tally: Tally = field(default_factory=Tally)
    damage: list[Damage] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)
    rows: int = 0

    def add(self, samples: Samples, files: Sequence[Path], how: Counting, grader: Grader | None) -> None:
        """Count all samples of some problems.

        Args:
            samples: them.
            files: what their numbers of files mean.
            how: to count.
            grader: for answers that the native comparison leaves open.
        """
        self.rows += len(samples)
        grade_open_pairs(samples, grader, threads=how.threads)
        tally, _ = samples.tally(
            string_votes=how.votes == "string" or how.nemo_skills,
            first_k=how.nemo_skills,
            threads=how.threads,
            outcomes=False,
        )
        self.tally.merge(tally)
        for file, kind, kept, count, lines in samples.damage():
            self.damage.append(Damage(kind, str(files[file]), kept, count, tuple(lines)))
        self.conflicts += samples.conflicts()

    def merge(self, other: Counts) -> None:
        """Add the counts of other problems of the same benchmark."""
        self.tally.merge(other.tally)
        self.damage += other.damage
        self.conflicts += other.conflicts
        self.rows += other.rows

    def to_json(self) -> dict[str, Any]:
        """As plain values; whole numbers may exceed 64 bits."""
        damage = [[one.kind, one.file, one.kept, one.rows, list(one.lines)] for one in self.damage]
        tally = json.loads(self.tally.to_json())
        return {"tally": tally, "damage": damage, "conflicts": self.conflicts, "rows": self.rows}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Counts:
        """From `to_json`."""
        return cls(
            tally=Tally.from_json(json.dumps(values["tally"])),
            damage=[
                Damage(kind, file, kept, rows, tuple(lines))
                for kind, file, kept, rows, lines in values["damage"]
            ],
            conflicts=[(problem, kind) for problem, kind in values["conflicts"]],
            rows=values["rows"],
        )

    def report(self, benchmark: Benchmark, how: Counting, k: int | None) -> Report:
        """The metrics, once everything is counted.

        Args:
            benchmark: its name, and the files that were left out.
            how: it was counted.
            k: metrics go up to this many samples per problem; None for the most frequent number.

        Raises:
            InputError: no problem has k samples.
        """
        k = k or self.tally.usual_samples()
        notes = [
            f"{path} is unfinished: its run has not ended; run the same eval command again to finish it"
            for path in benchmark.unfinished
        ]
        curves = self.tally.curves(None, k, threads=how.threads) if k else None
        if k is None or curves is None:
            wanted = "no problem has " + (f"{k} samples" if k and self.rows else "a sample")
            reasons = notes + [damage.sentence() for damage in self.damage if not damage.kept]
            raise InputError(
                f"no complete samples of {benchmark.name}: {wanted}", hint="; ".join(reasons[:5]) or None
            )
        if curves["left_out"]:
            notes.append(
                f"{curves['left_out']} of {curves['left_out'] + curves['problems']} problems of "
                f"{benchmark.name} lack a sample (have fewer than {k}) and are left out"
            )
        notes += self._conflict_notes(benchmark.name)
        metrics = dict(
            tables(
                self.tally,
                benchmark.name,
                k,
                whole=curves,
                nemo_skills=how.nemo_skills,
                taus=how.taus,
                threads=how.threads,
            )
        )
        damage = sorted(self.damage, key=lambda damage: (damage.file, damage.kind))
        report = Report(metrics, notes, damage=damage)
        report.uncertainty[benchmark.name] = Uncertainty.of(curves, k)
        report.curves[benchmark.name] = curves
        report.check()
        return report

    def _conflict_notes(self, name: str) -> Iterator[str]:
        for problem, kind in sorted(self.conflicts)[:_TOLD_CONFLICTS]:
            what = "expected answers" if kind == "conflicting_gold" else "subsets"
            yield f"{name}: rows of problem {problem} have different {what}; the first is used"
        if len(self.conflicts) > _TOLD_CONFLICTS:
            more = len(self.conflicts) - _TOLD_CONFLICTS
            yield f"{name}: {more} more problems with conflicting rows"
