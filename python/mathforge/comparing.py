"""Two runs on the same problems: how far apart they are, and whether that can be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._native import Samples, paired
from .aggregating import Settings, read_samples
from .errors import InputError
from .grading import Grader
from .inputs import Benchmark, find
from .metrics import grade_open_pairs

_SEED = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One problem whose solve rate differs between the runs, in percent."""

    problem: str
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run A against run B on the problems both have. Values in percent.

    Attributes:
        benchmark: the name.
        method: the score.
        first, second: mean solve rates.
        difference: first minus second.
        interval: 95 % interval of the difference for other problems of this kind, by Student's t.
        permutation_p: two-sided p of the sign-flip permutation test.
        sign_p: two-sided p of the sign test over problems that differ.
        wins, ties, losses: problems on which A is better, the same, worse.
        detectable: the smallest true difference that such a comparison finds in 4 of 5 cases.
        correlation: of the two runs' solve rates over problems.
        only_first, only_second: problems that one run lacks; they are left out.
        adjusted_p: `permutation_p` adjusted for the number of benchmarks compared (Benjamini-Hochberg).
        changes: problems whose rates differ, the largest change first.
    """

    benchmark: str
    method: str
    problems: int
    first: float
    second: float
    difference: float
    interval: tuple[float, float]
    standard_error: float
    permutation_p: float
    sign_p: float
    wins: int
    ties: int
    losses: int
    detectable: float
    correlation: float
    only_first: int
    only_second: int
    changes: tuple[Change, ...]
    adjusted_p: float = 1.0

    def text(self, *, changes: int = 10) -> str:
        """A few lines for people."""
        low, high = self.interval
        verdict = "can be told apart" if self.permutation_p < 0.05 else "cannot be told apart"
        lines = [
            f"{self.benchmark} ({self.method}, {self.problems} problems)",
            f"  A {self.first:.2f}%  B {self.second:.2f}%  A - B {self.difference:+.2f} points,"
            f" 95% interval {low:+.2f} to {high:+.2f}",
            f"  permutation test p = {self.permutation_p:.4f} (over all benchmarks {self.adjusted_p:.4f}), "
            f"sign test p = {self.sign_p:.4f}: the runs {verdict} at the 5% level",
            f"  A better on {self.wins}, same on {self.ties}, worse on {self.losses}",
            f"  smallest difference such a comparison finds in 4 of 5 cases: {self.detectable:.2f} points",
        ]
        if self.only_first or self.only_second:
            lines.append(f"  left out: {self.only_first} problems only in A, {self.only_second} only in B")
        if shown := self.changes[:changes]:
            lines.append("  largest changes:")
            lines += [f"    {c.problem}: {c.first:.1f}% -> {c.second:.1f}%" for c in shown]
        return "\n".join(lines) + "\n"


def compare_runs(
    first: Path | str,
    second: Path | str,
    *,
    method: str | None = None,
    settings: Settings | None = None,
    grader: Grader | None = None,
) -> list[Comparison]:
    """Compare the benchmarks that both runs have, problem by problem.

    Args:
        first, second: what `aggregate` takes.
        method: `symbolic_correct`, `judge_correct`, ...; default: the first that both runs have.
        settings: how to read.
        grader: for answers that the native comparison leaves open.

    Raises:
        InputError: no common benchmark, problem or score.
    """
    settings = settings or Settings()
    runs = [find([run], lexical=settings.lexical) for run in (first, second)]
    if all(len(found) == 1 for found in runs):
        pairs = [(runs[0][0], runs[1][0])]
    else:
        others = {one.name: one for one in runs[1]}
        pairs = [(one, others[one.name]) for one in runs[0] if one.name in others]
    if not pairs:
        names = [", ".join(one.name for one in found) for found in runs]
        raise InputError(f"no common benchmark: A has {names[0]}; B has {names[1]}")
    return _adjusted([_compare(a, b, method, settings, grader) for a, b in pairs])


def _adjusted(found: list[Comparison]) -> list[Comparison]:
    """With p values adjusted by Benjamini and Hochberg's step-up rule."""
    from dataclasses import replace

    smallest = 1.0
    adjusted: dict[int, float] = {}
    order = sorted(range(len(found)), key=lambda at: found[at].permutation_p)
    for rank, at in reversed(list(enumerate(order, 1))):
        smallest = min(smallest, found[at].permutation_p * len(found) / rank)
        adjusted[at] = smallest
    return [replace(one, adjusted_p=adjusted[at]) for at, one in enumerate(found)]


def _compare(
    a: Benchmark, b: Benchmark, method: str | None, settings: Settings, grader: Grader | None
) -> Comparison:
    rates_a, rates_b = (_rates(run, settings, grader) for run in (a, b))
    methods = [name for name in rates_a if name in rates_b]
    chosen = method or next(iter(methods), None)
    if chosen is None or chosen not in methods:
        raise InputError(
            f"{a.name}: the runs do not both have {method or 'a score'}",
            hint=f"A has {', '.join(rates_a) or 'none'}; B has {', '.join(rates_b) or 'none'}",
        )
    first, second = rates_a[chosen], rates_b[chosen]
    common = [problem for problem in first if problem in second]
    if len(common) < 2:
        raise InputError(
            f"{a.name}: the runs have {len(common)} problems in common; two are needed",
            hint="problems are matched by id, or by their text where rows have no id; see --id-key",
        )
    found: dict[str, Any] | None = paired(
        [first[problem] for problem in common], [second[problem] for problem in common], _SEED
    )
    assert found is not None
    changes = [
        Change(problem, 100 * first[problem], 100 * second[problem])
        for problem in common
        if first[problem] != second[problem]
    ]
    return Comparison(
        benchmark=a.name if a.name == b.name else f"{a.name} against {b.name}",
        method=chosen,
        problems=len(common),
        first=100 * sum(first[problem] for problem in common) / len(common),
        second=100 * sum(second[problem] for problem in common) / len(common),
        difference=100 * found["difference"],
        interval=(100 * found["low"], 100 * found["high"]),
        standard_error=100 * found["standard_error"],
        permutation_p=found["permutation_p"],
        sign_p=found["sign_p"],
        wins=found["wins"],
        ties=found["ties"],
        losses=found["losses"],
        detectable=100 * found["detectable"],
        correlation=found["correlation"],
        only_first=len(first) - len(common),
        only_second=len(second) - len(common),
        changes=tuple(sorted(changes, key=lambda c: -abs(c.first - c.second))),
    )


def _rates(run: Benchmark, settings: Settings, grader: Grader | None) -> dict[str, dict[str, float]]:
    """Solve rates by score and problem."""
    import polars

    samples: Samples = read_samples(run.files, settings)
    grade_open_pairs(samples, grader, threads=settings.workers)
    _, table = samples.tally(string_votes=True, first_k=False, threads=settings.workers, outcomes=True)
    frame = polars.DataFrame(table)
    rates: dict[str, dict[str, float]] = {}
    for column in frame.columns:
        if column.startswith("num_") and column.endswith("_correct"):
            kept = frame.filter(polars.col(column).is_not_null())
            values = (kept[column] / kept["num_samples"]).to_list()
            rates[column.removeprefix("num_")] = dict(zip(kept["problem"].to_list(), values, strict=True))
    return rates


def problems_table(paths: Sequence[Path | str], settings: Settings | None = None) -> Any:
    """One row per problem of the first benchmark in `paths`, as a polars frame: what filters of training data
    are made of.

    Columns: `problem`, `subset`, `expected_answer`, `num_samples`, `num_no_answer`, `majority_answer`,
    `majority_votes`, and `num_<score>` for each score, such as `num_symbolic_correct`.
    """
    import polars

    settings = settings or Settings()
    samples = read_samples(find(paths, lexical=settings.lexical)[0].files, settings)
    grade_open_pairs(samples, None, threads=settings.workers)
    _, table = samples.tally(
        string_votes=settings.votes == "string", first_k=False, threads=settings.workers, outcomes=True
    )
    return polars.DataFrame(table)
