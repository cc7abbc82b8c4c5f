"""How reliably problems are solved, beside how often: pass^k, G-Pass@k, mG-Pass@k and Cover@tau.

Exact means over problems, from how many problems have c right samples of n; problems with fewer than k
samples are left out, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial

from ._native import g_pass_at_k, mg_pass_at_k, pass_hat_k
from .errors import InputError

Outcomes = Sequence[tuple[int, int, int]]
"""Samples, right ones among them, problems."""


def read_taus(text: str) -> tuple[float, ...]:
    """Shares from a list such as `0.5,1`.

    Raises:
        InputError: not numbers above 0 and up to 1.
    """
    try:
        taus = tuple(float(part) for part in text.split(","))
    except ValueError:
        taus = ()
    if not taus or any(not 0 < tau <= 1 for tau in taus):
        raise InputError(
            f"not a list of shares: {text}", hint="numbers above 0 and up to 1, such as 0.25,0.5,0.75,1"
        )
    return taus


def cover_at_tau(n: int, c: int, tau: float) -> float:
    """1 if at least the share tau of n samples is right, else 0 (arXiv 2510.08325).

    0.7 of 10 is 7, whatever its binary fraction says.
    """
    return float(c >= Fraction(str(tau)) * n)


def modes(k: int, taus: Iterable[float]) -> list[tuple[str, Callable[[Outcomes], float]]]:
    """Names of evaluation modes, and the mean over problems that each stands for.

    Args:
        k: samples per problem, the n of Cover@tau.
        taus: shares of samples that must be right.
    """
    taus = tuple(taus)
    values: dict[str, Callable[[int, int], float]] = {}
    for at in range(1, k + 1):
        values[f"pass^{at}"] = partial(pass_hat_k, k=at)
        for tau in taus:
            values[f"g-pass@{at}[{tau:g}]"] = partial(g_pass_at_k, k=at, tau=tau)
        if at > 1:
            values[f"mg-pass@{at}"] = partial(mg_pass_at_k, k=at)
    for tau in taus:
        values[f"cover@{tau:g}"] = partial(cover_at_tau, tau=tau)
    return [(name, partial(_mean, value)) for name, value in values.items()]


def _mean(value: Callable[[int, int], float], outcomes: Outcomes) -> float:
    total = sum(problems for _, _, problems in outcomes)
    return math.fsum(value(n, c) * problems for n, c, problems in outcomes) / total
