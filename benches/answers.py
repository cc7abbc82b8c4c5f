"""Grading: an AIME-like mix (90 % integers) beside Math-Verify."""

from __future__ import annotations

import random

from math_verify import parse, verify

import mathforge

from .measure import Row, cpu_seconds

PAIRS = 20_000
PEER_PAIRS = 200
INTEGER_SHARE = 0.9


def pairs(count: int) -> list[tuple[str, str]]:
    """Integers (40 % wrong) and a tenth of fractions, decimals and radicals."""
    draw = random.Random(0)
    expressions = [
        (r"\frac{14}{18}", r"\dfrac{7}{9}"),
        ("0.75", r"\frac{3}{4}"),
        (r"2\sqrt{2}", r"\sqrt{8}"),
        (r"\frac{1}{3}", r"\frac{2}{5}"),
    ]
    made = []
    for _ in range(count):
        if draw.random() < INTEGER_SHARE:
            gold = draw.randrange(1000)
            made.append((str(gold), str(gold if draw.random() < 0.6 else draw.randrange(1000))))
        else:
            made.append(draw.choice(expressions))
    return made


def rows() -> list[Row]:
    """Comparisons per CPU second."""
    golds, answers = map(list, zip(*pairs(PAIRS), strict=True))
    ours = cpu_seconds(lambda: mathforge.compare_batch(golds, answers)) / PAIRS
    sample = pairs(PEER_PAIRS)
    peer = (
        cpu_seconds(
            lambda: [verify(parse(f"${gold}$"), parse(f"${answer}$")) for gold, answer in sample], repeats=3
        )
        / PEER_PAIRS
    )
    undecided = sum(verdict.verdict == "undecided" for verdict in mathforge.compare_batch(golds, answers))
    return [
        Row(
            "compare, AIME-like mix",
            f"{1 / ours:,.0f} /s",
            f"Math-Verify {1 / peer:,.0f} /s",
            f"{peer / ours:,.0f}x",
        ),
        Row("  undecided natively", f"{undecided / PAIRS:.2%}"),
    ]
