"""sympy objects from exported answer trees. Runs only in the sympy process; nothing is ever parsed from
text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp  # type: ignore[import-untyped]

Tree = list[Any]


class UnsupportedError(Exception):
    """A tree with a part that has no sympy counterpart here."""


_CONSTANTS = {"pi": sp.pi, "e": sp.E, "i": sp.I, "infinity": sp.oo}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "cot": sp.cot,
    "sec": sp.sec,
    "csc": sp.csc,
    "arcsin": sp.asin,
    "arccos": sp.acos,
    "arctan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "ln": sp.log,
    "log": sp.log,
    "lg": lambda x: sp.log(x, 10),
    "exp": sp.exp,
    "abs": sp.Abs,
    "floor": sp.floor,
    "ceiling": sp.ceiling,
    "factorial": sp.factorial,
    "double_factorial": sp.factorial2,
    "binomial": sp.binomial,
    "gcd": sp.gcd,
    "lcm": sp.lcm,
    "max": sp.Max,
    "min": sp.Min,
    "ratio": lambda a, b: a / b,
}
_ANGLES = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
_MAX_EXPONENT = 10_000


def scalar(tree: Tree) -> Any:  # noqa: PLR0911  one return per kind of node
    """The sympy expression of a tree of numbers, symbols and functions.

    Raises:
        UnsupportedError: a unit, a list, words, or an exponent too large to write out.
    """
    tag, *parts = tree
    match tag:
        case "num":
            return sp.Rational(int(parts[0]), int(parts[1]))
        case "sym":
            return sp.Symbol(parts[0], real=True)
        case "const":
            return _CONSTANTS[parts[0]]
        case "neg":
            return -scalar(parts[0])
        case "sum":
            return sp.Add(*map(scalar, parts))
        case "product":
            return sp.Mul(*map(scalar, parts))
        case "quotient":
            return scalar(parts[0]) / scalar(parts[1])
        case "percent":
            return scalar(parts[0]) / 100
        case "power":
            return _power(scalar(parts[0]), scalar(parts[1]))
        case "root":
            return _root(scalar(parts[0]), scalar(parts[1]))
        case "call" if parts[0] in _ANGLES:
            return _FUNCTIONS[parts[0]](*map(_angle, parts[1:]))
        case "call" if parts[0] in _FUNCTIONS:
            return _FUNCTIONS[parts[0]](*map(scalar, parts[1:]))
    raise UnsupportedError(tag)


def decimal_logs(tree: Tree) -> Tree:
    """The tree with every `log` that has no base read as the decimal logarithm."""
    parts = [decimal_logs(part) if isinstance(part, list) else part for part in tree]
    is_bare = parts[:2] == ["call", "log"] and len(parts) == 3
    return ["call", "lg", parts[2]] if is_bare else parts


def _angle(tree: Tree) -> Any:
    """The argument of a trigonometric function; degrees are pi/180."""
    if tree[0] == "measured" and tree[1] == "degree":
        return scalar(tree[2]) * sp.pi / 180
    return scalar(tree)


def _power(base: Any, exponent: Any) -> Any:
    if exponent.is_number and not abs(exponent) <= _MAX_EXPONENT:
        raise UnsupportedError("power")
    return sp.Pow(base, exponent)


def _root(radicand: Any, degree: Any) -> Any:
    odd = degree.is_Integer and degree % 2 == 1
    if odd and radicand.is_negative:
        return -sp.root(-radicand, degree)
    return sp.root(radicand, degree)
