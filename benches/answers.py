"""Grading: extraction and comparison beside Math-Verify and sympy, on mixes drawn afresh and on a taxonomy.

Figures are per core: one thread, CPU time. The AIME-like mix is 90 % integers (40 % of them wrong) and 10 %
expressions, hardly any pair twice; the taxonomy is `tests/unit/grading/pairs.txt`, every kind of answer at
once, chosen to be hard.
"""

from __future__ import annotations

import contextlib
import random
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import sympy
from latex2sympy2_extended import latex2sympy
from math_verify import parse, verify

from mathforge.grading import compare, compare_batch, extract_batch

from .measure import Row, cpu_seconds

PAIRS = 100_000
PEER_PAIRS = 200
TAXONOMY_PEER_PAIRS = 60
INTEGER_SHARE = 0.9
RESPONSES = 2_000
RESPONSE_BYTES = 30_000
TAXONOMY = Path(__file__).parents[1] / "tests" / "unit" / "grading" / "pairs.txt"
PROSE = "Let $a_{n}$ count the ways, so $a_{n} = a_{n-1} + 2a_{n-2}$ for $n \\ge 3$, and \\(a_1 < 2\\). "

Pairs = list[tuple[str, str]]


def expression(draw: random.Random) -> tuple[str, str]:
    """An expression and another spelling of it, or of its neighbour."""
    a, b, k = draw.randrange(2, 60), draw.randrange(2, 60), draw.randrange(2, 9)
    other = a if draw.random() < 0.6 else a + 1
    return draw.choice(
        [
            (rf"\frac{{{a}}}{{{b}}}", rf"\dfrac{{{other * k}}}{{{b * k}}}"),
            (f"{a / 8}", rf"\frac{{{other}}}{{8}}"),
            (rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{other * other * b}}}"),
            (rf"({a},{b})", rf"\left({other}, {b}\right)"),
            (rf"{a}\pi", rf"{other} \pi"),
            (rf"{a}x^2+{b}x", rf"x({b}+{other}x)"),
        ]
    )


def aime_like(count: int) -> Pairs:
    """Integers and a tenth of expressions."""
    draw = random.Random(0)
    made = []
    for _ in range(count):
        if draw.random() < INTEGER_SHARE:
            gold = draw.randrange(1000)
            made.append((str(gold), str(gold if draw.random() < 0.6 else draw.randrange(1000))))
        else:
            made.append(expression(draw))
    return made


def taxonomy() -> Pairs:
    """Every pair of the table of verdicts."""
    rows = (line.split(" || ") for line in TAXONOMY.read_text(encoding="utf-8").splitlines())
    return [(row[1], row[2]) for row in rows if len(row) == 3]


def seconds_per_pair(pairs: Pairs, repeats: int = 5) -> float:
    """CPU seconds of a batch on one thread."""
    golds, answers = map(list, zip(*pairs, strict=True))
    return cpu_seconds(lambda: compare_batch(golds, answers, threads=1), repeats) / len(pairs)


def peer_seconds(pairs: Pairs, label: Callable[[str, str], object]) -> float:
    """CPU seconds of another grader for one pair, one by one; whatever it raises is its answer."""

    def all_pairs() -> None:
        for pair in pairs:
            with contextlib.suppress(Exception):
                with_alarm(label, *pair)

    return cpu_seconds(all_pairs, repeats=1) / len(pairs)


def with_alarm(label: Callable[[str, str], object], gold: str, answer: str, wall_s: int = 20) -> object:
    """One call that cannot hang the bench."""

    def ring(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(wall_s)
    try:
        return label(gold, answer)
    finally:
        signal.alarm(0)


def math_verify(gold: str, answer: str) -> bool:
    """Math-Verify as its examples call it."""
    return bool(verify(parse(f"${gold}$"), parse(f"${answer}$")))


def by_sympy(gold: str, answer: str) -> bool:
    """LaTeX to sympy, then simplify the difference."""
    return bool(sympy.simplify(latex2sympy(gold) - latex2sympy(answer)) == 0)


def slowest(pairs: Pairs, share: float) -> float:
    """The CPU seconds that this share of single comparisons stays below, the best of three calls each."""
    taken = []
    for gold, answer in pairs:
        best = 1.0
        for _ in range(3):
            start = time.thread_time()
            compare(gold, answer)
            best = min(best, time.thread_time() - start)
        taken.append(best)
    return statistics.quantiles(taken, n=10_000, method="inclusive")[round(share * 10_000) - 1]


def undecided(pairs: Pairs) -> str:
    """Share of pairs without a verdict."""
    golds, answers = map(list, zip(*pairs, strict=True))
    count = sum(verdict.verdict == "undecided" for verdict in compare_batch(golds, answers))
    return f"{count / len(pairs):.2%} undecided"


def speedup(pairs: Pairs) -> float:
    """Wall time of one thread over that of two."""
    golds, answers = map(list, zip(*pairs, strict=True))

    def wall(threads: int) -> float:
        start = time.perf_counter()
        compare_batch(golds, answers, threads=threads)
        return time.perf_counter() - start

    return statistics.median(wall(1) / wall(2) for _ in range(7))


def extraction() -> Row:
    """Boxes at the end of long responses."""
    filler = (PROSE * (RESPONSE_BYTES // len(PROSE) + 1))[:RESPONSE_BYTES]
    texts = [f"{filler}\n\nThe answer is $\\boxed{{\\frac{{{n}}}{{7}}}}$." for n in range(RESPONSES)]
    ours = cpu_seconds(lambda: extract_batch(texts, threads=1)) / RESPONSES
    peer = cpu_seconds(lambda: [parse(text) for text in texts[:20]], repeats=1) / 20
    return Row(
        f"extract a box from {RESPONSE_BYTES // 1000} kB",
        f"{1 / ours:,.0f} /s",
        f"Math-Verify parse {1 / peer:,.0f} /s",
        f"{peer / ours:,.0f}x",
    )


def rows() -> list[Row]:
    """Comparisons and extractions per CPU second and core."""
    drawn, table = aime_like(PAIRS), taxonomy()
    hard = random.Random(1).sample(table, TAXONOMY_PEER_PAIRS)
    made: list[Row] = []
    for what, pairs, sample in (
        ("AIME-like mix", drawn, drawn[:PEER_PAIRS]),
        (f"taxonomy, {len(table)} pairs", table, hard),
    ):
        ours = seconds_per_pair(pairs)
        for peer, label in (("Math-Verify", math_verify), ("sympy", by_sympy)):
            theirs = peer_seconds(sample, label)
            rate = f"{peer} {1 / theirs:,.0f} /s"
            made.append(Row(f"compare, {what}", f"{1 / ours:,.0f} /s", rate, f"{theirs / ours:,.0f}x"))
        made.append(Row("  not decided natively", undecided(pairs)))
        made.append(Row("  99.9 % of single calls within", f"{slowest(pairs[:20_000], 0.999) * 1e6:,.0f} us"))
    heavy = [expression(random.Random(n)) for n in range(20_000)]
    made.append(Row("  two threads, expressions only", f"{speedup(heavy):.2f}x of one thread (wall)"))
    return [*made, extraction()]
