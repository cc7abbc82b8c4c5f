"""The metrics of a run: as a table, as the `metrics.json` of NeMo-Skills, as a data frame."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, fields
from itertools import pairwise
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import layouts
from .errors import InputError, MathforgeError

if TYPE_CHECKING:
    import polars

Metrics = dict[str, Any]
"""Of one evaluation mode: counts as integers, scores in percent, `*_statistics` as dicts."""

_SCORES = ("symbolic_correct", "judge_correct", "both_correct", "any_correct")


@dataclass(frozen=True, slots=True)
class Damage:
    """Damaged rows of one kind in one file.

    Attributes:
        kind: a stable code such as `cut_row`.
        file: the file.
        kept: whether the rows are counted in the metrics: everything the metrics read from them is whole.
        rows: how many.
        lines: the lines of the first of them, from 1.
    """

    kind: str
    file: str
    kept: bool
    rows: int
    lines: tuple[int, ...]

    def sentence(self) -> str:
        """What to tell a user."""
        rule = "counted all the same" if self.kept else "set aside"
        if self.rows == 1:
            return f"{self.file}:{self.lines[0]}: {_KINDS[self.kind]} ({self.kind}); {rule}"
        shown = ", ".join(map(str, self.lines[:5])) + (", ..." if self.rows > 5 else "")
        return f"{self.file}: {self.rows} rows: {_KINDS[self.kind]} ({self.kind}); {rule}; lines {shown}"


_KINDS = {
    "cut_row": "the row ends inside its object",
    "not_an_object": "expected a JSON object",
    "text_after_row": "text after the row's object",
    "nul_bytes": "NUL bytes, as a crashed writer leaves them",
    "bad_utf8": "bytes that are not UTF-8",
    "control_character": "a raw control character in a string",
    "lone_surrogate": "half a surrogate pair",
    "not_a_number": "NaN or Infinity, which JSON lacks",
    "duplicate_key": "a key twice",
    "number_for_text": "a number where an answer is text",
    "wrong_type": "a value of the wrong type",
    "missing_key": "neither 'predicted_answer' nor 'generation', or nothing to grade by",
    "too_long": "longer than 1 GiB",
    "invalid_json": "not valid JSON",
}


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How sure the scores of one benchmark are. All values in percent, intervals 95 %.

    Attributes:
        method: the score they are of.
        problems: problems.
        samples: samples per problem.
        mean: mean score of all samples.
        interval: for other problems of the same kind; problems are the clusters, Wilson's score interval at
            the effective number of problems.
        majority_interval, pass_interval: of majority@K and pass@K, by resampling problems.
        other_problems: standard error for a new set of problems.
        other_samples: standard error for new samples on these problems.
        icc: share of the variance that lies between problems.
        twice_the_samples, twice_the_problems: the standard error they would bring.
    """

    method: str
    problems: int
    samples: int
    mean: float
    interval: tuple[float, float]
    majority_interval: tuple[float, float]
    pass_interval: tuple[float, float]
    other_problems: float
    other_samples: float
    icc: float
    twice_the_samples: float
    twice_the_problems: float

    @classmethod
    def of(cls, curves: dict[str, Any], k: int) -> Uncertainty | None:
        """From the curves of a tally; None without scores."""
        if not curves["methods"]:
            return None
        method, values = next(iter(curves["methods"].items()))
        noise, problems = values["noise"], curves["problems"]

        def percent(pair: tuple[float, float]) -> tuple[float, float]:
            return 100 * pair[0], 100 * pair[1]

        def error(problems: int, samples: int) -> float:
            variance = (noise["between"] + noise["within"] / samples) / problems
            return 100 * float(variance**0.5)

        return cls(
            method=method,
            problems=problems,
            samples=k,
            mean=100 * noise["mean"],
            interval=percent((noise["low"], noise["high"])),
            majority_interval=percent(values["majority_intervals"][-1]),
            pass_interval=percent(values["pass_intervals"][-1]),
            other_problems=100 * noise["standard_error"],
            other_samples=100 * noise["standard_error_within"],
            icc=noise["icc"],
            twice_the_samples=error(problems, 2 * k),
            twice_the_problems=error(2 * problems, k),
        )

    def text(self, name: str) -> str:
        """A few lines for people."""
        (low, high), majority, passed = self.interval, self.majority_interval, self.pass_interval
        lines = [
            f"{name}: {self.problems} problems x {self.samples} samples, {self.method} {self.mean:.2f}%",
            f"  95% interval for other problems of this kind: {low:.2f}% to {high:.2f}%"
            f" (standard error {self.other_problems:.2f})",
        ]
        if self.samples > 1:
            lines += [
                f"  majority@{self.samples}: {majority[0]:.2f}% to {majority[1]:.2f}%, "
                f"pass@{self.samples}: {passed[0]:.2f}% to {passed[1]:.2f}%",
                f"  standard error for new samples on these problems: {self.other_samples:.2f}; "
                f"{100 * self.icc:.0f}% of the variance lies between problems",
                f"  twice the samples would bring the standard error to {self.twice_the_samples:.2f}, "
                f"twice the problems to {self.twice_the_problems:.2f}",
            ]
        return "\n".join(lines) + "\n"


@dataclass(eq=False)
class Report:
    """Metrics by name, then by evaluation mode. What is not a number in two reports is equal in them.

    Attributes:
        metrics: `{"<benchmark>" or "<benchmark>-<subset>": {"<mode>": {...}}}`, the whole benchmark before
            its subsets.
        notes: one sentence for everything that was left out.
        accounting: one sentence for every way of counting that is not the usual one.
        damage: damaged rows, by file and kind.
        uncertainty: of whole benchmarks.
        curves: of whole benchmarks: every metric for k = 1 to K in fractions, with intervals.
    """

    metrics: dict[str, dict[str, Metrics]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    accounting: list[str] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    uncertainty: dict[str, Uncertainty | None] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return all(_equal(getattr(self, one.name), getattr(other, one.name)) for one in fields(self))

    @classmethod
    def merged(cls, reports: Iterable[Report]) -> Report:
        """All tables of several reports, in order."""
        merged = cls()
        for report in reports:
            merged.metrics.update(report.metrics)
            merged.notes.extend(report.notes)
            merged.accounting.extend(report.accounting)
            merged.damage.extend(report.damage)
            merged.uncertainty.update(report.uncertainty)
            merged.curves.update(report.curves)
        return merged

    def problems(self, *, strict: bool = False) -> list[str]:
        """One sentence for everything that keeps the report from being whole: rows set aside, problems and
        files left out; with `strict` also damage that changes no metric."""
        damaged = [damage.sentence() for damage in self.damage if strict or not damage.kept]
        return damaged + self.notes

    def undecided(self) -> list[str]:
        """One sentence for each benchmark with samples that are neither proved right nor proved wrong."""
        notes = []
        for name, curves in self.curves.items():
            sure = self.uncertainty.get(name)
            samples = curves["problems"] * (sure.samples if sure else 1)
            if count := round(curves["undecided"] * samples):
                notes.append(f"{name}: {count} of {samples} samples are undecided and count as not correct")
        return notes

    def table(self, *, spread: bool = False, layout: str = "nemo-skills") -> str:
        """One text table per name, as `layouts.text` prints them.

        Args:
            spread: append the standard deviation across runs to the scores of pass@1[avg-of-K].
            layout: `nemo-skills` or `openmath-nemotron`.
        """
        return layouts.text(self.metrics, layout=layout, spread=spread)

    def markdown(self) -> str:
        """The same rows as Markdown tables."""
        return layouts.markdown(self.metrics)

    def to_arrow(self) -> Any:
        """The rows of `to_polars` as a `pyarrow.Table`."""
        return self.to_polars().to_arrow()

    def to_json(self) -> dict[str, dict[str, Metrics]]:
        """The content of `metrics.json` as NeMo-Skills shapes it, every k included; scores in percent."""
        return self.metrics

    @classmethod
    def read_json(cls, path: Path) -> Report:
        """The tables of a `metrics.json`, ours or NeMo-Skills'. What contradicts itself becomes a note.

        Raises:
            InputError: not such a file.
        """
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
            report = cls(metrics)
            report.notes += report.contradictions()
            report.table()
        except (OSError, ValueError, AttributeError, TypeError, LookupError) as error:
            raise InputError(
                f"{path}: not a metrics.json: {error}", hint="it maps benchmarks to modes to metrics"
            ) from error
        return report

    def write_json(self, path: Path) -> None:
        """Write `metrics.json`, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Tasks that end at the same moment, on one node or on several, each write theirs.
        partial = path.with_name(f"{path.name}-{os.uname().nodename}-{os.getpid()}-tmp")
        partial.write_text(json.dumps(self.to_json(), indent=4) + "\n", encoding="utf-8")
        partial.replace(path)

    def to_polars(self) -> polars.DataFrame:
        """One row per name and mode; statistics as `<name>_statistics.<statistic>` columns."""
        import polars

        rows = []
        for name, modes in self.metrics.items():
            for mode, metrics in modes.items():
                row: dict[str, Any] = {"benchmark": name, "evaluation_mode": mode}
                for key, value in metrics.items():
                    parts = (
                        {f"{key}.{part}": inner for part, inner in value.items()}
                        if isinstance(value, dict)
                        else {key: value}
                    )
                    row.update(parts)
                rows.append(row)
        return polars.DataFrame(rows, infer_schema_length=None)

    def check(self) -> None:
        """Hold the laws that any set of samples obeys.

        Raises:
            MathforgeError: with the first of `contradictions`.
        """
        for contradiction in self.contradictions():
            raise MathforgeError(contradiction, code="inconsistent_metrics")

    def contradictions(self) -> Iterator[str]:
        """What no set of samples can give: pass@k that falls with k; both_correct above, or any_correct
        below, one of the single scores; the two and the single ones with different sums."""
        for name, modes in self.metrics.items():
            for score in _SCORES:
                values = [
                    m[score]
                    for mode, m in modes.items()
                    if mode.startswith("pass@") and "[" not in mode and score in m
                ]
                if any(later < earlier - 1e-9 for earlier, later in pairwise(values)):
                    yield f"{name}: {score} of pass@k falls with k"
            for mode, m in modes.items():
                if mode.startswith("pass@") and all(score in m for score in _SCORES):
                    yield from (f"{name}, {mode}: {what}" for what in _contradictions(m, means="[" in mode))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Uncertainty) and isinstance(other, Uncertainty):
        return _equal(astuple(one), astuple(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float) and isnan(one):
        return isnan(other)
    return bool(one == other)


def _contradictions(m: Metrics, *, means: bool) -> Iterator[str]:
    symbolic, judge, both, either = (m[score] for score in _SCORES)
    low, high = sorted((("symbolic_correct", symbolic), ("judge_correct", judge)), key=lambda one: one[1])
    if both > low[1] + 1e-9:
        yield f"both_correct {both:.2f}% is above {low[0]} {low[1]:.2f}%, which cannot be"
    if either < high[1] - 1e-9:
        yield f"any_correct {either:.2f}% is below {high[0]} {high[1]:.2f}%, which cannot be"
    # A sample that both accept counts in both and in any, one that one accepts in any. Files may be rounded.
    if means and abs(both + either - symbolic - judge) > 0.0201:
        yield (
            f"both_correct + any_correct is {both + either:.2f}%, "
            f"symbolic_correct + judge_correct {symbolic + judge:.2f}%; they cannot differ"
        )
