"""The demo benchmark that ships in the package: its answers, and whether its transcripts are as intended."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, groupby, permutations, product
from math import factorial, isqrt
from pathlib import Path
from typing import Any

import pytest
import sympy

import mathforge
from mathforge import grading, harmony

DEMO = Path(mathforge.__file__).parent / "benchmarks" / "demo"
PROBLEMS = [json.loads(line) for line in (DEMO / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
RECORDING = [
    json.loads(line)
    for line in gzip.decompress((DEMO / "recording.jsonl.gz").read_bytes()).decode().splitlines()
]
EXPECTED = {problem["id"]: problem["expected_answer"] for problem in PROBLEMS}

X, Y = sympy.symbols("x y")


def _name(row: dict[str, Any]) -> str:
    return f"{row['id']}-{'tool' if row['tool'] else 'pure'}-rs{row['seed']}"


def _widest_triple() -> tuple[int, ...]:
    triples = []
    for a in range(3, 8):
        for b in range(a + 1, 99):
            rest = Fraction(5, 12) - Fraction(1, a) - Fraction(1, b)
            if rest.numerator == 1 and rest.denominator > b:
                triples.append((a, b, rest.denominator))
    return max(triples, key=sum)


def _perfect_power_divisors(n: int) -> int:
    squares = {k * k for k in range(1, isqrt(n) + 1) if n % (k * k) == 0}
    return len(squares | {k**3 for k in range(1, 1000) if n % k**3 == 0})


def _sum_of_reciprocals(poly: sympy.Poly) -> sympy.Rational:
    *_, linear, constant = poly.all_coeffs()
    return sympy.Rational(-linear, constant)


def _first_of_cycle() -> sympy.Rational:
    system = sympy.Matrix([[1, 3, 0], [0, 1, 3], [3, 0, 1]])
    return system.solve(sympy.Matrix([2, sympy.Rational(1, 2), -1]))[0]


def _lyness(terms: int) -> Fraction:
    a = [Fraction(2), Fraction(5)]
    while len(a) < terms:
        a.append((a[-1] + 1) / a[-2])
    return sum(a, Fraction(0))


def _no_three_alike(word: tuple[int, ...]) -> bool:
    return all(len(list(run)) < 3 for _, run in groupby(word))


def _longest_head_run(word: tuple[str, ...]) -> int:
    return max((len(list(run)) for face, run in groupby(word) if face == "H"), default=0)


def _lattice_paths(forbidden: set[tuple[int, int]], size: int = 6) -> int:
    paths: dict[tuple[int, int], int] = defaultdict(int)
    for x, y in product(range(size + 1), repeat=2):
        if (x, y) not in forbidden:
            paths[x, y] = 1 if x == y == 0 else paths[x - 1, y] + paths[x, y - 1]
    return paths[size, size]


def _hexagon(color: tuple[int, ...]) -> bool:
    return all(color[i] not in (color[(i + 1) % 6], color[(i + 3) % 6]) for i in range(6))


def _interior(*corners: tuple[int, int]) -> int:
    def inside(point: tuple[int, int]) -> bool:
        sides = zip(corners, corners[1:] + corners[:1], strict=True)
        x, y = point
        return all((u - p) * (y - q) > (v - q) * (x - p) for (p, q), (u, v) in sides)

    return sum(map(inside, product(range(50), repeat=2)))


def _incenter_to_circumcenter() -> sympy.Expr:
    triangle = sympy.Triangle(sympy.Point(0, 0), sympy.Point(14, 0), sympy.Point(5, 12))
    return triangle.incenter.distance(triangle.circumcenter)


def _area_of_medians() -> sympy.Expr:
    sides = [(7, 8, 9), (8, 9, 7), (9, 7, 8)]
    squares = [sympy.Rational(2 * b * b + 2 * c * c - a * a, 4) for a, b, c in sides]
    return sympy.sqrt(sum(squares) ** 2 - 2 * sum(m**2 for m in squares)) / 4


RECOMPUTED: dict[str, Callable[[], object]] = {
    "demo-01": lambda: sum((n * n + n + 1) % 7 == 0 and n % 5 != 0 for n in range(1, 2001)),
    "demo-02": lambda: next(n for n in range(1, 10**4) if (2**n + n) % 143 == 0),
    "demo-03": lambda: sum(n for n in range(1, 10**5) if n == 34 * sum(map(int, str(n)))),
    "demo-04": _widest_triple,
    "demo-05": lambda: sum(k * factorial(k) for k in range(1, 101)) % 1009,
    "demo-06": lambda: _perfect_power_divisors(factorial(12)),
    "demo-07": lambda: sympy.interpolate([(k, 3**k) for k in range(6)], X).subs(X, 7),
    "demo-08": lambda: sympy.simplify((sympy.sqrt(X**2 + 4) + sympy.sqrt((X - 9) ** 2 + 1)).subs(X, 6)),
    "demo-09": lambda: sum(Fraction(1, k * (k + 2)) for k in range(1, 21)),
    "demo-10": lambda: _sum_of_reciprocals(sympy.Poly((X**3 - 6 * X**2 + 5 * X - 7).subs(X, Y - 2), Y)),
    "demo-11": _first_of_cycle,
    "demo-12": lambda: _lyness(2024),
    "demo-13": lambda: sum(sum(w) == 6 and _no_three_alike(w) for w in product((0, 1), repeat=12)),
    "demo-14": lambda: sum(all(s % 3 for s in accumulate(p)) for p in permutations(range(1, 8))),
    "demo-15": lambda: Fraction(sum(max(d) - min(d) for d in product(range(1, 7), repeat=3)), 216),
    "demo-16": lambda: Fraction(sum(_longest_head_run(w) == 2 for w in product("HT", repeat=8)), 256),
    "demo-17": lambda: _lattice_paths({(2, 3), (4, 4)}),
    "demo-18": lambda: sum(map(_hexagon, product(range(4), repeat=6))),
    "demo-19": lambda: _interior((0, 0), (30, 12), (10, 40)),
    "demo-20": _incenter_to_circumcenter,
    "demo-21": lambda: sympy.Line((0, 0, 0), (6, 6, 6)).distance(sympy.Line((6, 0, 0), (6, 6, 0))),
    "demo-22": lambda: sympy.Point.distance(*sympy.Circle((0, 0), 5).intersection(sympy.Circle((8, 0), 7))),
    "demo-23": lambda: tuple(sympy.Triangle((1, 1), (7, 3), (2, 8)).circumcenter),
    "demo-24": _area_of_medians,
}


def _as_latex(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_as_latex, value)) + ")"
    return str(sympy.latex(sympy.sympify(value)))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["id"])
def test_expected_answer_is_what_computation_gives(problem: dict[str, str]) -> None:
    computed = _as_latex(RECOMPUTED[problem["id"]]())
    with grading.Grader() as grader:
        assert grader.grade(problem["expected_answer"], computed).verdict == "equal", computed


def test_minimum_of_demo_08_is_at_6() -> None:
    def f(x: float) -> float:
        return float((x * x + 4) ** 0.5 + ((x - 9) ** 2 + 1) ** 0.5)

    assert all(f(6) <= f(k / 100) for k in range(-500, 1500))


def test_shape() -> None:
    assert len(PROBLEMS) == 24
    assert Counter(p["subset_for_metrics"] for p in PROBLEMS) == dict.fromkeys(
        ("algebra", "combinatorics", "geometry", "number-theory"), 6
    )
    samples = Counter((row["id"], row["tool"]) for row in RECORDING)
    assert samples == {(problem["id"], tool): 8 for problem in PROBLEMS for tool in (True, False)}
    assert {row["seed"] for row in RECORDING} == set(range(8))
    texts = {" ".join(round_["text"] for round_ in row["rounds"]) for row in RECORDING}
    assert len(texts) == len(RECORDING)


def test_variety() -> None:
    """What the demo is there to show does occur."""
    statuses = Counter(status for row in RECORDING for status in row["statuses"])
    assert statuses["ok"] > 200
    assert statuses["error"] >= 10
    assert 1 <= statuses["timeout"] <= 6
    assert any("characters cut" in output for row in RECORDING for output in row["outputs"])
    assert len({layout for row in RECORDING for layout in row["layouts"]}) == 10
    assert len({row["ending"] for row in RECORDING}) == 15
    assert any(round_["finish_reason"] == "length" for row in RECORDING for round_ in row["rounds"])


@pytest.mark.parametrize("row", RECORDING, ids=_name)
def test_every_call_is_found(row: dict[str, Any]) -> None:
    """Each round but the last of a finished sample is a Python call, whatever its header looks like."""
    codes = []
    for round_ in row["rounds"]:
        code = harmony.python_call(harmony.parse(harmony.encode(round_["text"])))
        assert code == harmony.python_call(harmony.parse(round_["text"]))
        if code is not None:
            assert round_["text"].endswith((code + "<|call|>", code + "<|return|>"))
            codes.append(code)
    assert len(codes) == row["calls"] == len(row["outputs"]) == len(row["statuses"])


@pytest.mark.parametrize("row", RECORDING, ids=_name)
def test_answer_is_found_and_graded_as_intended(row: dict[str, Any]) -> None:
    assert grading.extract_answer(row["rounds"][-1]["text"]) == row["answer"]
    if row["answer"] is not None:
        verdict = grading.compare(EXPECTED[row["id"]], row["answer"]).verdict
        assert verdict != ("different" if row["outcome"] == "R" else "equal")


@pytest.mark.parametrize("row", [row for row in RECORDING if row["quotes"]], ids=_name)
def test_quoted_outputs_are_the_outputs(row: dict[str, Any]) -> None:
    for output, round_, text in row["quotes"]:
        assert round_ > output
        assert text in row["outputs"][output]
        assert text in row["rounds"][round_]["text"]
