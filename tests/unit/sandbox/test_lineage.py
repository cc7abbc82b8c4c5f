import ast

import pytest

from mathforge.sandbox.lineage import Judge

STOPPED = "[TIMEOUT] Execution interrupted."


def kinds(*cells: tuple[str, str | None, str]) -> list[str | None]:
    judge = Judge()
    return [judge(*cell) for cell in cells]


def test_what_a_stopped_cell_left_is_inherited_by_those_that_use_it():
    assert kinds(
        ("found = []\nfor n in range(10**9): found.append(n)", f"1\n{STOPPED}", f"1\n{STOPPED}"),
        ("other = 3", "", ""),
        ("len(found)", "7000", "5000"),
        ("half = [n for n in found if n % 2]\nhalf[-1]", "6999", "4999"),
        ("half[0], other", "(1, 3)", "(1, 3)"),
        ("print(half[-1])", "6999", "4999"),
        ("other", "3", "4"),
    ) == ["equal", "equal", "inherited", "inherited", "equal", "inherited", "other"]


def test_a_name_that_is_bound_anew_inherits_nothing():
    assert kinds(
        ("a = f()", "1", STOPPED),
        ("b = a", "", ""),
        ("a = 5", "", ""),
        ("a", "5", "6"),
        ("b", "5", "6"),
    ) == ["timeout", "equal", "equal", "other", "inherited"]


def test_errors_in_other_words_leave_the_same_behind():
    first = ("a = 3\nb = {}[:1]", "TypeError: unhashable type: 'slice'", "KeyError: slice(None, 1, None)")
    assert kinds(first, ("a", "3", "4")) == ["version", "other"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("next(iter({1, 2}))", "ordering"),
        ("s = {n % 7 for n in range(9)}\nfor n in s:\n    print(n)\n    break", "ordering"),
        ("s = set('abc')\nt = sorted(s)\nt[0]", "ordering"),
        ("list(frozenset(x))[0]", "ordering"),
        ("min(e.free_symbols, key=str)", "other"),
        ("list(e.free_symbols)[0]", "ordering"),
        ("def f():\n    return set().pop()\nf()", "ordering"),
        ("len({1, 2})", "other"),
        ("d = {1: 2}\nnext(iter(d))", "other"),
        ("this is no Python {", "other"),
    ],
)
def test_what_a_set_gives_first(code, kind):
    assert kinds((code, "1", "2")) == [kind]


def test_order_goes_from_cell_to_cell_and_ends_where_things_are_sorted():
    assert kinds(
        ("s = {(1, 2), (3, 4)}", "", ""),
        ("bad = []\nfor t in s: bad.append(t)", "", ""),
        ("good = sorted(bad)", "", ""),
        ("good[0]", "(1, 2)", "(3, 4)"),
        ("bad[0]", "(1, 2)", "(3, 4)"),
        ("d = {}\nd[bad[0]] = 1\nd.popitem()", "(1, 1)", "(3, 1)"),
    ) == ["equal", "equal", "equal", "other", "ordering", "ordering"]


def test_the_same_exception_over_another_element_of_a_set():
    code = "for n in {1, 2}: raise ValueError(n)"
    assert kinds((code, "ValueError: 1", "ValueError: 2")) == ["ordering"]
    assert kinds((code, "ValueError: 1", "TypeError: 1")) == ["version"]
    assert kinds(("f(1)", "ValueError: 1", "ValueError: 2")) == ["version"]


def test_without_a_recording_only_the_names_are_followed():
    assert kinds(("s = {1, 2}", None, "anything"), ("s.pop()", "1", "2")) == [None, "ordering"]


def test_code_that_cannot_be_read_is_no_error():
    deep = "(" * 5000 + ")" * 5000
    with pytest.raises((SyntaxError, RecursionError, MemoryError)):
        ast.parse(deep)
    found = kinds((deep, "1", "2"), ("\0", "1", "2"), ("print(\ud800)", "1", "1"))
    assert found == ["other", "other", "equal"]
