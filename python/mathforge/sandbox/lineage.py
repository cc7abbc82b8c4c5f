"""Differences between two runs of a session that come from the cells before, not from the cell that shows
them.

A cell that ended differently has left other values behind, and what uses them differs too. And what a set
gives first depends on hashes and addresses, which no two kernels share: where a program takes only a part of
it, even the words of its output are others. `Judge` follows both through the names of a session. It reads
names alone: a statement that uses a marked name marks all that it binds or changes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from .comparing import ERROR, TIMED_OUT, Kind, classify, normalise

Mark = Literal["inherited", "ordering"]

MAKE_SETS = {"set", "frozenset"}
GIVE_SETS = {"free_symbols", "atoms"}  # of sympy
# What these make of a set does not depend on its order.
WITHOUT_ORDER = {"sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset"}
CHANGE = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popleft", "remove"),
    *("reverse", "setdefault", "sort", "update"),
}
REPLACE = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
# Differences of words, which leave the same values behind.
IN_WORDS_ONLY = {"equal", "platform", "version", "layout", "rounding"}


class Judge:
    """Classifies the outputs of one session's cells; give it every cell, in order."""

    def __init__(self) -> None:
        self._source = ""
        self._marks: dict[str, set[Mark]] = {}

    def __call__(self, code: str, recorded: str | None, ours: str) -> Kind | None:
        """The kind of a cell's difference; None without a recorded output.

        Beyond what `classify` says, a difference that would be "other", or "version" with the same exceptions
        of other messages, is

        * ordering, when the cell, or one whose names it uses, goes through a set without sorting it;
        * inherited, when it uses a name bound by a cell that was stopped or whose output differed in more
          than words.
        """
        self._source += code + "\n"
        marks, bound = self._follow(code)
        if recorded is None:
            return None
        kind = classify(recorded, ours, code=self._source)
        if kind == "other" or (kind == "version" and ERROR.findall(recorded) == ERROR.findall(ours)):
            kind = "ordering" if "ordering" in marks else "inherited" if "inherited" in marks else kind
        if kind not in IN_WORDS_ONLY or TIMED_OUT in normalise(recorded):
            for name in bound:
                self._marks.setdefault(name, set()).add("inherited")
        return kind

    def _follow(self, code: str) -> tuple[set[Mark], set[str]]:
        """All marks that reach the cell, and the names that it binds or changes."""
        try:
            statements = ast.parse(code).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set(), set()
        marks: set[Mark] = set()
        bound: set[str] = set()
        for statement in statements:
            reached = self._reaching(statement)
            for name in _bound(statement):
                bound.add(name)
                if isinstance(statement, REPLACE) and name not in _changed(statement):
                    self._marks[name] = set(reached)
                else:
                    self._marks.setdefault(name, set()).update(reached)
            marks |= reached
        return marks, bound

    def _reaching(self, statement: ast.stmt) -> set[Mark]:
        found: set[Mark] = set()
        if any("inherited" in self._marks.get(name, ()) for name in _used(ast.walk(statement))):
            found.add("inherited")
        in_order = list(_where_order_counts(statement))
        if any(map(_is_set, in_order)) or any(
            "ordering" in self._marks.get(name, ()) for name in _used(in_order)
        ):
            found.add("ordering")
        return found


def _used(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return (node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _where_order_counts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and those below it, but for the arguments of functions that forget the order."""
    yield node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WITHOUT_ORDER:
        return
    for child in ast.iter_child_nodes(node):
        yield from _where_order_counts(child)


def _is_set(node: ast.AST) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in MAKE_SETS
        case ast.Attribute(attr=name):
            return name in GIVE_SETS
    return False


def _bound(statement: ast.stmt) -> set[str]:
    """Names that the statement binds or whose values it changes; modules are the same for all."""
    found = _changed(statement)
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
    return found


def _changed(statement: ast.stmt) -> set[str]:
    """Names whose values it changes in place."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Subscript(value=value, ctx=ast.Store()) | ast.Attribute(value=value, ctx=ast.Store()):
                found.update(_used([value]))
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in CHANGE:
                found.update(_used(ast.walk(value)))
            case ast.AugAssign(target=ast.Name(id=name)):
                found.add(name)
    return found
