"""Metrics of several samples per problem: pass@1[avg-of-k], majority@k, pass@k and what goes with them.

Definitions follow NeMo-Skills, with two differences that agree with it at k = n, the row its tables show:
majority@k votes by classes of equal answers instead of by strings, and for k < n it and `no_answer` are
exact expectations over all subsets of k samples instead of the first k.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._native import majority_at_k, majority_curve, pass_at_k
from .grading import UNDECIDED_REASONS, ExtractOptions, Grader, classes, extract_answer
from .report import Metrics, Report

__all__ = ["Label", "label", "majority_at_k", "majority_curve", "pass_at_k", "summarize"]


@dataclass(frozen=True, slots=True)
class Label:
    """What metrics need of one sample.

    Attributes:
        answer: the predicted answer, or None.
        scores: score methods (`symbolic_correct`, `judge_correct`) to 0 or 1.
        undecided: neither proved correct nor proved wrong; counts as not correct.
        tokens: sampled tokens, or None where the row does not say.
        start_s, end_s: unix times, or None.
        subset: for the tables per subset.
    """

    answer: str | None
    scores: dict[str, float]
    undecided: bool
    tokens: int | None
    start_s: float | None
    end_s: float | None
    subset: str | None


def label(sample: Mapping[str, Any], grader: Grader) -> Label:
    """Reads one sample row; extracts and grades where the row lacks `predicted_answer` or `symbolic_correct`.

    Raises:
        KeyError: the row needs a grade and has no `expected_answer`, or needs an answer and has no
            `generation`.
    """
    answer = _answer(sample)
    reason = sample.get("grade_reason")
    if sample.get("symbolic_correct") is None:
        verdict = grader.grade(str(sample["expected_answer"]), answer)
        correct, reason = verdict.verdict == "equal", verdict.reason
    else:
        correct = bool(sample["symbolic_correct"])
    scores = {"symbolic_correct": float(correct)}
    if "judgement" in sample:
        scores["judge_correct"] = float(_says_yes(sample["judgement"]))
    return Label(
        answer=answer if answer is None or answer.strip() else None,
        scores=scores,
        undecided=not correct and reason in UNDECIDED_REASONS,
        tokens=sample.get("num_generated_tokens"),
        start_s=sample.get("generation_start_time"),
        end_s=sample.get("generation_end_time"),
        subset=sample.get("subset_for_metrics"),
    )


def _answer(sample: Mapping[str, Any]) -> str | None:
    if "predicted_answer" not in sample:
        return extract_answer(sample["generation"] or "", ExtractOptions.boxes())
    given = sample["predicted_answer"]
    # Files of other programs hold numbers here at times.
    return None if given is None else str(given)


def _says_yes(judgement: str | None) -> bool:
    _, marker, verdict = (judgement or "").rpartition("Judgement:")
    return bool(marker) and verdict.strip().lower().startswith("yes")


def summarize(
    samples_by_problem: Sequence[Sequence[Mapping[str, Any] | Label]],
    *,
    benchmark: str,
    grader: Grader | None = None,
) -> Report:
    """The metrics of a benchmark and of each of its subsets.

    Args:
        samples_by_problem: for each problem its samples in the order of their seeds, the same number for
            all: rows, or labels that `label` made of them.
        benchmark: the name the tables carry; subsets are `<benchmark>-<subset>` by `subset_for_metrics`.
        grader: for rows without a grade; a default one is made where needed.

    Raises:
        ValueError: no problems, or unequal numbers of samples.
    """
    own = grader or Grader()
    try:
        problems = [
            [sample if isinstance(sample, Label) else label(sample, own) for sample in samples]
            for samples in samples_by_problem
        ]
    finally:
        if grader is None:
            own.close()
    sizes = {len(samples) for samples in problems}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"every problem needs the same number of samples, at least one; got {sorted(sizes)}")
    subsets: dict[str, list[list[Label]]] = defaultdict(list)
    for samples in problems:
        if samples[0].subset is not None:
            subsets[samples[0].subset].append(samples)
    report = Report({benchmark: _modes(problems)})
    report.metrics.update({f"{benchmark}-{subset}": _modes(members) for subset, members in subsets.items()})
    report.check()
    return report


def _score(method: str) -> Callable[[Label], float]:
    return lambda sample: sample.scores[method]


@dataclass(frozen=True, slots=True)
class _Curves:
    """Of one problem and one score method: values for k = 1 to n."""

    average: list[float]
    majority: list[float]
    passed: list[float]


def _modes(problems: list[list[Label]]) -> dict[str, Metrics]:
    size = len(problems[0])
    methods = [
        method
        for method in ("symbolic_correct", "judge_correct")
        if all(method in s.scores for p in problems for s in p)
    ]
    pick: dict[str, Callable[[Label], float]] = {method: _score(method) for method in methods}
    if len(methods) == 2:
        pick["both_correct"] = lambda s: min(s.scores.values())
        pick["any_correct"] = lambda s: max(s.scores.values())
    votes = [classes([sample.answer for sample in samples]) for samples in problems]
    curves = {
        method: [
            _curves([score(s) for s in samples], vote) for samples, vote in zip(problems, votes, strict=True)
        ]
        for method, score in pick.items()
    }
    missing = [[float(sample.answer is None) for sample in samples] for samples in problems]
    shared = _shared(problems)
    modes: dict[str, Metrics] = {}
    for k in range(2, size + 1):
        mode = dict(shared)
        for method, score in pick.items():
            mode[method] = 100 * _mean(curve.average[k - 1] for curve in curves[method])
            mode[f"{method}_statistics"] = _statistics(
                [[score(s) for s in samples[:k]] for samples in problems]
            )
        mode["no_answer"] = 100 * _mean(sum(row[:k]) / k for row in missing)
        modes[f"pass@1[avg-of-{k}]"] = mode
    for name, first in (("majority", 2), ("pass", 1)):
        for k in range(first, size + 1):
            mode = dict(shared)
            for method in pick:
                values = (curve.majority if name == "majority" else curve.passed for curve in curves[method])
                mode[method] = 100 * _mean(value[k - 1] for value in values)
            silent = (1 - pass_at_k(size, size - int(sum(row)), k) for row in missing)
            mode["no_answer"] = 100 * _mean(silent)
            modes[f"{name}@{k}"] = mode
    return modes


def _curves(scores: list[float], votes: list[int | None]) -> _Curves:
    size = len(scores)
    members: dict[int, list[float]] = defaultdict(list)
    for score, vote in zip(scores, votes, strict=True):
        if vote is not None:
            members[vote].append(score)
    average, total = [], 0.0
    for k, score in enumerate(scores, 1):
        total += score
        average.append(total / k)
    correct = int(sum(scores))
    return _Curves(
        average=average,
        majority=majority_curve(
            [len(m) for m in members.values()], [_mean(m) for m in members.values()], size
        ),
        passed=[pass_at_k(size, correct, k) for k in range(1, size + 1)],
    )


def _shared(problems: list[list[Label]]) -> Metrics:
    """What every mode repeats: sizes, tokens and time, those that the rows have."""
    samples = [sample for problem in problems for sample in problem]
    shared: Metrics = {"num_entries": len(problems)}
    if all(sample.tokens is not None for sample in samples):
        shared["avg_tokens"] = int(
            _mean(_mean(sample.tokens or 0 for sample in problem) for problem in problems)
        )
    starts = [sample.start_s for sample in samples if sample.start_s is not None]
    ends = [sample.end_s for sample in samples if sample.end_s is not None]
    if starts and ends:
        shared["gen_seconds"] = int(max(ends) - min(starts))
    shared["undecided"] = 100 * _mean(float(sample.undecided) for sample in samples)
    return shared


def _statistics(scores: list[list[float]]) -> dict[str, float]:
    """Spread of the score over runs (columns) and over the samples of a problem (rows); not in percent, as
    in NeMo-Skills."""
    runs = [_mean(run) for run in zip(*scores, strict=True)]
    deviation = _sample_deviation(runs)
    return {
        "avg": _mean(runs),
        "std_dev_across_runs": deviation,
        "std_err_across_runs": deviation / math.sqrt(len(runs)),
        "avg_sample_std_dev": _mean(map(_sample_deviation, scores)),
    }


def _sample_deviation(values: list[float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _mean(values: Any) -> float:
    values = list(values)
    return math.fsum(values) / len(values)
