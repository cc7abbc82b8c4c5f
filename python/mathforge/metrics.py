"""Metrics of several samples per problem: pass@1[avg-of-k], majority@k, pass@k and what goes with them.

Definitions follow NeMo-Skills, with two differences that agree with it at k = n, the row its tables show:
majority@k votes by classes of equal answers instead of by strings, and for k < n it and `no_answer` are
exact expectations over all subsets of k samples instead of the first k.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._native import (
    Samples,
    ScanProgress,
    Tally,
    g_pass_at_k,
    majority_at_k,
    majority_curve,
    mg_pass_at_k,
    pass_at_k,
    pass_hat_k,
)
from .grading import UNDECIDED_REASONS, Grader
from .report import Metrics, Report

__all__ = [
    "g_pass_at_k",
    "majority_at_k",
    "majority_curve",
    "mg_pass_at_k",
    "pass_at_k",
    "pass_hat_k",
    "summarize",
    "tables",
]


def summarize(
    samples_by_problem: Sequence[Sequence[Mapping[str, Any]]],
    *,
    benchmark: str,
    grader: Grader | None = None,
) -> Report:
    """The metrics of a benchmark and of each of its subsets, from rows in memory.

    Args:
        samples_by_problem: for each problem its samples in the order of their seeds, the same number for
            all: rows as `mathforge eval` writes them. Rows without `predicted_answer` or `symbolic_correct`
            are extracted and graded.
        benchmark: the name the tables carry; subsets are `<benchmark>-<subset>` by `subset_for_metrics`.
        grader: for pairs that the native comparison leaves open; a default one is made where needed.

    Raises:
        ValueError: no problems, unequal numbers of samples, or a row that metrics cannot be read from.
    """
    sizes = {len(samples) for samples in samples_by_problem}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"every problem needs the same number of samples, at least one; got {sorted(sizes)}")
    lines = (
        json.dumps({**row, "id": f"{at}"}).encode()
        for at, samples in enumerate(samples_by_problem)
        for row in samples
    )
    samples = Samples.scan_bytes(b"\n".join(lines), **scan_options(), progress=ScanProgress())
    for _, kind, kept, _, places in samples.damage():
        if not kept:
            raise ValueError(f"row {places[0] - 1} cannot be counted: {kind}")
    grade_open_pairs(samples, grader, threads=1)
    tally, _ = samples.tally(string_votes=False, first_k=False, threads=1, outcomes=False)
    return Report(dict(tables(tally, benchmark, sizes.pop())))


def scan_options(*, id_key: str = "id", strict: bool = False) -> dict[str, Any]:
    """The arguments of a native scan that say how rows are read."""
    return {"id_key": id_key, "undecided_reasons": sorted(UNDECIDED_REASONS), "strict": strict}


def grade_open_pairs(samples: Samples, grader: Grader | None, *, threads: int) -> None:
    """Grade what rows and the native comparison left open, each pair of expected answer and answer once."""
    pairs = samples.open_pairs(threads)
    if not pairs:
        return
    own = grader or Grader()
    try:
        verdicts = [(gold, answer, own.grade(gold, answer).verdict) for gold, answer in pairs]
    finally:
        if grader is None:
            own.close()
    samples.decide(
        [(gold, answer, verdict == "equal") for gold, answer, verdict in verdicts if verdict != "undecided"]
    )


def tables(
    tally: Tally,
    benchmark: str,
    k: int,
    *,
    whole: dict[str, Any] | None = None,
    nemo_skills: bool = False,
    taus: Sequence[float] = (),
    threads: int = 1,
) -> Iterable[tuple[str, dict[str, Metrics]]]:
    """Name and metrics by evaluation mode, of the whole benchmark, then of its subsets in the order of files.

    Args:
        tally: the counts.
        benchmark: the name; subsets are `<benchmark>-<subset>`.
        k: modes go up to this many samples; problems with fewer are left out.
        whole: the curves of the whole benchmark up to k, where they are there already.
        nemo_skills: majority@k and no_answer of the first k samples, as NeMo-Skills counts them, instead of
            expectations over all subsets.
        taus: shares of right samples for the modes of `stability`; none for none of these modes.
        threads: to work on.
    """
    for subset in (None, *tally.subsets()):
        known = whole if subset is None else None
        curves = known or tally.curves(subset, k, threads=threads)
        if curves is not None:
            name = benchmark if subset is None else f"{benchmark}-{subset}"
            yield name, _modes(curves, k, nemo_skills=nemo_skills) | _stability(curves, k, taus)


def _shared(curves: dict[str, Any]) -> Metrics:
    """What every mode says."""
    shared: Metrics = {"num_entries": curves["problems"]}
    if curves["tokens"] is not None:
        shared["avg_tokens"] = int(curves["tokens"])
    if curves["seconds"] is not None:
        shared["gen_seconds"] = int(curves["seconds"])
    shared["undecided"] = 100 * curves["undecided"]
    return shared


def _stability(curves: dict[str, Any], size: int, taus: Sequence[float]) -> dict[str, Metrics]:
    if not taus:
        return {}
    from . import stability

    return {
        name: _shared(curves)
        | {method: 100 * mean(values["outcomes"]) for method, values in curves["methods"].items()}
        for name, mean in stability.modes(size, taus)
    }


def _modes(curves: dict[str, Any], size: int, *, nemo_skills: bool) -> dict[str, Metrics]:
    shared = _shared(curves)
    methods = curves["methods"]
    modes: dict[str, Metrics] = {}
    for k in range(2, size + 1):
        mode = dict(shared)
        for method, values in methods.items():
            mode[method] = 100 * values["average"][k - 1]
            names = ("avg", "std_dev_across_runs", "std_err_across_runs", "avg_sample_std_dev")
            mode[f"{method}_statistics"] = dict(zip(names, values["spreads"][k - 2], strict=True))
        mode["no_answer"] = 100 * curves["silent_average"][k - 1]
        modes[f"pass@1[avg-of-{k}]"] = mode
    silent = curves["silent_first_k" if nemo_skills else "silent_pass"]
    majority = "first_k_majority" if nemo_skills else "majority"
    kinds: list[tuple[str, int, Any]] = [("majority", 2, lambda values: values[majority])]
    if curves["best_of"] is not None:
        kinds.append(("rm_best", 2, lambda _: curves["best_of"]))
        kinds.append(("rm_majority", 2, lambda _: curves["weighted_majority"]))
    kinds.append(("pass", 1, lambda values: values["pass"]))
    for name, first, pick in kinds:
        # Rewards choose by the first score there is.
        scored = dict(list(methods.items())[:1]) if name.startswith("rm_") else methods
        for k in range(first, size + 1):
            mode = dict(shared)
            for method, values in scored.items():
                mode[method] = 100 * pick(values)[k - 1]
            mode["no_answer"] = 100 * silent[k - 1]
            modes[f"{name}@{k}"] = mode
    return modes
