"""Intervals, tests and metrics against scipy and numpy."""

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mathforge._native import paired
from mathforge.metrics import g_pass_at_k, mg_pass_at_k, pass_at_k, pass_hat_k


@given(st.integers(1, 400), st.data())
def test_metrics_of_subsets_are_hypergeometric(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    law = stats.hypergeom(n, c, k)
    assert pass_at_k(n, c, k) == pytest.approx(law.sf(0), abs=1e-9)
    assert pass_hat_k(n, c, k) == pytest.approx(law.pmf(k), rel=1e-9, abs=1e-12)
    tau = data.draw(st.sampled_from([0.25, 0.5, 0.75, 1.0]))
    assert g_pass_at_k(n, c, k, tau) == pytest.approx(law.sf(math.ceil(tau * k) - 1), abs=1e-9)
    tail = sum(law.sf(i - 1) for i in range(math.ceil(k / 2) + 1, k + 1))
    assert mg_pass_at_k(n, c, k) == pytest.approx(2 / k * tail, abs=1e-8)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=14))
def test_paired_comparison(counts: list[tuple[int, int]]) -> None:
    first, second = (numpy.array(side) / 8 for side in zip(*counts, strict=True))
    found = paired(list(first), list(second), 1)
    assert found is not None
    difference = first - second
    assert found["difference"] == pytest.approx(difference.mean())
    assert found["standard_error"] == pytest.approx(stats.sem(difference), abs=1e-12)
    if difference.std() > 0:
        low, high = stats.t.interval(0.95, len(difference) - 1, difference.mean(), stats.sem(difference))
        assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-9)
    moved = int(numpy.count_nonzero(difference))
    if moved:
        assert found["sign_p"] == pytest.approx(stats.binomtest(found["wins"], moved).pvalue)
        exact = stats.permutation_test(
            (difference,), numpy.mean, permutation_type="samples", n_resamples=numpy.inf
        )
        assert found["permutation_p"] == pytest.approx(exact.pvalue, abs=1e-9)
