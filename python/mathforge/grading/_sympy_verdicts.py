"""Verdicts on pairs of trees with sympy: separate numerically, else prove equal by simplification, else stay
undecided."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp  # type: ignore[import-untyped]
from sympy.core.random import seed as sympy_seed  # type: ignore[import-untyped]

from ._sympy_trees import Tree, UnsupportedError, decimal_logs, scalar

EQUAL = "equal", "sympy_equal"
DIFFERENT = "different", "sympy_separated"
UNDECIDED = "undecided", "sympy_undecided"

_DIGITS = 60
_TOLERANCE = sp.Float("1e-40")
_POINTS = (sp.Rational(137, 97), sp.Rational(271, 311), sp.Rational(-613, 173))


@dataclass(frozen=True)
class Rules:
    """The conventions that reach this far, as in `mathforge.grading.Options`."""

    rounded_from: int | None
    name_bare: bool
    log_base: str


def decide(gold: Tree, answer: Tree, rules: Rules) -> tuple[str, str]:
    """The verdict on two trees.

    Raises:
        UnsupportedError: a part of a tree has no sympy counterpart.
    """
    # `equals` draws test points; the same ones for the same pair.
    random.seed(0)
    sympy_seed(0)
    if rules.log_base == "ten":
        gold, answer = decimal_logs(gold), decimal_logs(answer)
    return _decide(gold, answer, rules)


def _decide(gold: Tree, answer: Tree, rules: Rules) -> tuple[str, str]:
    if gold[0] != answer[0] and rules.name_bare:
        gold, answer = _unnamed(gold), _unnamed(answer)
    kinds = gold[0], answer[0]
    if kinds == ("bracketed", "bracketed") and gold[1] == answer[1] and gold[1] != "{}":
        return _in_order(gold[2:], answer[2:], rules)
    if kinds in {("list", "list"), ("bracketed", "bracketed")}:
        return _in_any_order(_items(gold), _items(answer), rules)
    if kinds == ("chain", "chain"):
        return _equations(gold, answer)
    if "plusminus" in kinds:
        return _in_any_order(_signs(gold), _signs(answer), rules)
    return _scalars(gold, answer, rules)


def _unnamed(tree: Tree) -> Tree:
    """`x = value` is its value."""
    if tree[0] == "chain" and tree[1] == "eq" and tree[2][0] == "sym":
        return list(tree[3])
    return tree


def _items(tree: Tree) -> list[Tree]:
    if tree[0] == "bracketed" and tree[1] != "{}":
        raise UnsupportedError("bracketed")
    return tree[2:] if tree[0] == "bracketed" else tree[1:]


def _signs(tree: Tree) -> list[Tree]:
    if tree[0] == "list":
        return tree[1:]
    if tree[0] != "plusminus":
        return [tree]
    *left, right = tree[1:]
    return [["sum", *left, right], ["sum", *left, ["neg", right]]]


def _in_order(gold: list[Tree], answer: list[Tree], rules: Rules) -> tuple[str, str]:
    if len(gold) != len(answer):
        return DIFFERENT
    verdicts = [_decide(*pair, rules) for pair in zip(gold, answer, strict=True)]
    for kind in (DIFFERENT, UNDECIDED):
        if kind in verdicts:
            return kind
    return EQUAL


def _in_any_order(gold: list[Tree], answer: list[Tree], rules: Rules) -> tuple[str, str]:
    named = [sum(item[0] == "chain" for item in items) for items in (gold, answer)]
    if len(gold) != len(answer) or named[0] != named[1]:
        return UNDECIDED
    left = list(answer)
    for item in gold:
        match = next((other for other in left if _decide(item, other, rules)[0] == "equal"), None)
        if match is None:
            lonely = all(_decide(item, other, rules) == DIFFERENT for other in answer)
            return DIFFERENT if lonely else UNDECIDED
        left.remove(match)
    return EQUAL


def _equations(gold: Tree, answer: Tree) -> tuple[str, str]:
    """The same zero set up to a factor that is a nonzero constant; anything else is not decided here."""
    if gold[1] != "eq" or answer[1] != "eq":
        return UNDECIDED
    first, second = (scalar(tree[2]) - scalar(tree[3]) for tree in (gold, answer))
    if first == 0 or second == 0:
        return UNDECIDED
    factor = sp.simplify(first / second)
    return EQUAL if factor.is_number and factor.is_finite and factor.is_zero is False else UNDECIDED


def _scalars(gold: Tree, answer: Tree, rules: Rules) -> tuple[str, str]:
    left, right = scalar(gold), scalar(answer)
    if any(value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for value in (left, right)):
        return UNDECIDED
    if _rounds(gold, left, right, rules) or _rounds(answer, right, left, rules):
        return "equal", "sympy_rounded"
    if _separated(left, right):
        return DIFFERENT
    difference = left - right
    if sp.simplify(difference) == 0 or difference.equals(0):
        return EQUAL
    return UNDECIDED


def _separated(left: Any, right: Any) -> bool:
    """Numerically different at a point where both sides are real, far outside the error of evaluation.

    Constants may be complex. The last point is negative, which tells `sqrt(x^2)` from `x`.
    """
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for shift in range(len(_POINTS) if symbols else 1):
        point = {symbol: _POINTS[(at + shift) % len(_POINTS)] + at for at, symbol in enumerate(symbols)}
        values = [side.evalf(_DIGITS, subs=point) for side in (left, right)]
        if not all(
            value.is_number and value.is_finite and (value.is_real or not symbols) for value in values
        ):
            continue
        difference = (left - right).evalf(_DIGITS, subs=point)
        if sp.Abs(difference) > _TOLERANCE * (1 + sp.Abs(values[0])):
            return True
    return False


def _rounds(tree: Tree, decimal: Any, exact: Any, rules: Rules) -> bool:
    """Whether the tree is a decimal literal that rounds or truncates `exact` at its last digit."""
    negative = tree[0] == "neg"
    number = tree[1] if negative else tree
    if rules.rounded_from is None or number[0] != "num" or number[2].strip("0") != "1":
        return False
    if len(number[1].lstrip("0")) < rules.rounded_from:
        return False
    decimals = len(number[2]) - 1
    if decimals == 0 or exact.free_symbols or exact.is_Rational:
        return False
    error = ((exact - decimal) * sp.Integer(10) ** decimals).evalf(_DIGITS)
    if not error.is_real:
        return False
    ends = sorted((0, -1 if negative else 1))
    return bool(abs(error) <= sp.Rational(1, 2) or all(a <= error <= b for a, b in pairwise(ends)))
