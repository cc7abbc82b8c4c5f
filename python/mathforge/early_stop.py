"""Samples that need not be drawn, because they cannot change their problem's majority any more.

The majority of k samples is settled when its class of answers leads the next one by more samples than are
still missing. It is then what it would be of all k, so majority@k stays exact. Nothing else does: when
drawing stops depends on the answers, so means over the samples that were drawn are biased. The first
k // 2 + 1 seeds (the earliest moment at which k can be settled) are therefore always drawn, whatever the
others say, and all but majority@k is reported of those: an ordinary run of k // 2 + 1 samples.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .errors import InputError
from .problems import Problem
from .samples import Grade, Sample
from .store import output_name

if TYPE_CHECKING:
    from .aggregating import Settings
    from .grading import Grader
    from .inputs import Benchmark
    from .report import Report

_T = TypeVar("_T")
NOT_DRAWN = "not_drawn"
_MARK = b'"grade_reason": "not_drawn"'


class Vote(NamedTuple):
    """The answer of one sample, None without one, and its verdict."""

    answer: str | None
    is_correct: bool

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Vote:
        """The vote of an output row."""
        answer = row.get("predicted_answer")
        return cls(answer if isinstance(answer, str) else None, row.get("symbolic_correct") is True)


def always_drawn(samples: int) -> int:
    """How many of a problem's samples are drawn whatever they say."""
    return samples // 2 + 1


def is_settled(votes: Sequence[Vote], missing: int) -> bool:
    """Whether the majority is what it is, whatever `missing` more samples answer.

    It has to be settled for votes by equivalence class and for votes by string, the two ways in which they
    are counted. A pair of classes that comparison leaves undecided may turn out to be one, when a further
    answer equals both, and so counts together.
    """
    from .grading import classes, compare

    if missing == 0:
        return True
    answers = [vote.answer for vote in votes]
    numbers = classes(answers)
    strings = [vote if vote.answer is not None else None for vote in votes]
    leader = _leader(strings, missing, ())
    if leader is None:
        return False
    examples = {number: answer for number, answer in zip(numbers, answers, strict=True) if number is not None}
    open_pairs = [
        (one, other)
        for one, other in combinations(examples, 2)
        if compare(examples[one] or "", examples[other] or "").verdict == "undecided"
    ]
    winner = _leader(numbers, missing, open_pairs)
    verdicts = {vote.is_correct for vote, number in zip(votes, numbers, strict=True) if number == winner}
    return winner is not None and len(verdicts) == 1


def _leader(votes: Sequence[Any], missing: int, open_pairs: Sequence[tuple[Any, Any]]) -> Any:
    """The vote that nothing can overtake, or None."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return None
    leader, most = counts.most_common(1)[0]
    groups = [{vote} for vote in counts if vote != leader]
    for one, other in open_pairs:
        joined = [group for group in groups if one in group or other in group]
        if len(joined) == 2 and leader not in {one, other}:
            groups.remove(joined[1])
            joined[0] |= joined[1]
    rival = max((sum(counts[vote] for vote in group) for group in groups), default=0)
    return leader if most > rival + missing else None


@dataclass
class EarlyStop:
    """The votes of one benchmark's problems, and the samples that are being made.

    Attributes:
        seeds: of all samples of a problem, in order.
    """

    seeds: Sequence[int | None]
    _votes: dict[int, dict[int | None, Vote]] = field(default_factory=dict)
    _settled: set[int] = field(default_factory=set)
    _drawing: dict[tuple[int, int | None], asyncio.Task[Any]] = field(default_factory=dict)

    def add(self, position: int, seed: int | None, vote: Vote) -> None:
        """Count a finished sample; samples in the making that it makes superfluous are given up."""
        votes = self._votes.setdefault(position, {})
        votes[seed] = vote
        if position in self._settled or not is_settled(
            list(votes.values()), missing=len(self.seeds) - len(votes)
        ):
            return
        self._settled.add(position)
        for other in self._optional:
            if (drawing := self._drawing.get((position, other))) is not None:
                drawing.cancel()

    def is_done(self, position: int, seed: int | None) -> bool:
        """Whether this sample is counted or given up."""
        return seed in self._votes.get(position, ())

    def give_up(self, position: int) -> list[int | None]:
        """Seeds of a settled problem whose samples are neither there nor in the making, each once."""
        if position not in self._settled:
            return []
        votes = self._votes[position]
        seeds = [
            seed for seed in self._optional if seed not in votes and (position, seed) not in self._drawing
        ]
        votes |= dict.fromkeys(seeds, Vote(None, False))
        return seeds

    async def draw(self, position: int, seed: int | None, making: Coroutine[Any, Any, _T]) -> _T | None:
        """Make a sample; None if it was given up meanwhile."""
        drawing = asyncio.ensure_future(making)
        self._drawing[position, seed] = drawing
        try:
            await asyncio.wait({drawing})
        except asyncio.CancelledError:
            drawing.cancel()
            await asyncio.wait({drawing})
            raise
        finally:
            del self._drawing[position, seed]
        return None if drawing.cancelled() else drawing.result()

    @property
    def _optional(self) -> Sequence[int | None]:
        return self.seeds[always_drawn(len(self.seeds)) :]


def check_seeds(folder: Path, seeds: Sequence[int | None]) -> None:
    """A majority is that of all samples of a problem, so one run has to draw them all.

    Raises:
        InputError: the folder has samples of other seeds.
    """
    wanted = {output_name(seed) for seed in seeds}
    names = (re.match(r"(output[^.]*?)(_chunk_\d+)?(\.jsonl)", path.name) for path in folder.glob("output*"))
    others = sorted({found[1] + found[3] for found in names if found} - wanted)
    if others:
        raise InputError(
            f"early stop needs all seeds of a problem in one run; `{folder}` also holds `{others[0]}`",
            hint="run all seeds in one job (--num-jobs 1), or leave out ++early_stop.majority",
        )


def not_drawn(problem: Problem, seed: int | None) -> tuple[Sample, Grade]:
    """What stands for a sample in its file that was not drawn, so that row i stays problem i."""
    now = time.time()
    return Sample(problem, seed, started_at=now, ended_at=now, error=NOT_DRAWN), Grade(None, False, NOT_DRAWN)


def count_not_drawn(path: Path) -> int:
    """Rows of an output file that stand for samples that were not drawn."""
    with path.open("rb") as lines:
        return sum(_MARK in line for line in lines)


def report_of(
    benchmark: Benchmark,
    settings: Settings | None = None,
    grader: Grader | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """The metrics of a benchmark that was drawn with early stop; arguments as of `aggregate_benchmark`.

    majority@k of all k files; everything else of the first k // 2 + 1, which hold every sample.
    """
    from .aggregating import aggregate_benchmark

    seeds = sorted(_seed(path) for path in (*benchmark.files, *benchmark.unfinished))
    samples, first = len(seeds), always_drawn(len(seeds))
    drawn = tuple(path for path in benchmark.files if _seed(path) in seeds[:first])
    missing = sum(count_not_drawn(path) for path in benchmark.files)
    if not missing and not benchmark.unfinished:
        return aggregate_benchmark(benchmark, settings, grader, progress)
    report = aggregate_benchmark(replace(benchmark, files=drawn), settings, grader, progress)
    if benchmark.unfinished:
        return report
    whole = aggregate_benchmark(benchmark, settings, grader, progress)
    mode = f"majority@{samples}"
    for name, modes in report.metrics.items():
        exact = whole.metrics[name][mode]
        # Tokens and times of all samples would be those of the ones that were drawn.
        counts = {key: modes[f"majority@{first}"][key] for key in ("avg_tokens", "gen_seconds")}
        modes[mode] = {**exact, **counts}
    problems = whole.metrics[benchmark.name][mode]["num_entries"]
    report.accounting.append(
        f"{benchmark.name}: early stop left {missing} of {problems * samples} samples undrawn; "
        f"majority@{samples} is exact, all else is of the first {first} samples of each problem, "
        "which were always drawn"
    )
    return report


def _seed(path: Path) -> int:
    found = re.search(r"-rs(\d+)", path.name)
    return int(found[1]) if found else 0
