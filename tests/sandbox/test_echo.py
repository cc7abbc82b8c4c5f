"""Echoes and error texts, character by character as a notebook writes them."""

import pytest


def numbered(count, indent, end=","):
    return f"{end}\n{' ' * indent}".join(str(number) for number in range(count))


ECHOES = {
    "[1, (2,), {3: 'a'}, {4}, frozenset({5}), set()]": "[1, (2,), {3: 'a'}, {4}, frozenset({5}), set()]",
    "list(range(40))": f"[{numbered(40, 1)}]",
    "{1: [2], 'k': list(range(40))}": f"{{1: [2],\n 'k': [{numbered(40, 2)}]}}",
    "[list(range(40)), (1,)]": f"[[{numbered(40, 2)}],\n (1,)]",
    "[(i, i * i) for i in range(12)]": "[(0, 0),\n "
    + ",\n ".join(f"({i}, {i * i})" for i in range(1, 12))
    + "]",
    "('a' * 70, 'b' * 70)": f"('{'a' * 70}',\n '{'b' * 70}')",
    "{3, 1, 2}": "{1, 2, 3}",
    "{(2, 1), (1, 2)}": "{(1, 2), (2, 1)}",
    "from fractions import Fraction\n[Fraction(1, 2)] * 2": "[Fraction(1, 2), Fraction(1, 2)]",
    "from collections import *\nCounter('hello')": "Counter({'l': 2, 'h': 1, 'e': 1, 'o': 1})",
    "from collections import *\ndefaultdict(int, {i: i for i in range(20)})": (
        "defaultdict(int,\n            {" + ",\n             ".join(f"{i}: {i}" for i in range(20)) + "})"
    ),
    "from collections import *\ndeque([1, 2], maxlen=3)": "deque([1, 2], maxlen=3)",
    "from collections import *\nnamedtuple('P', 'x y')(1, list(range(40)))": f"P(x=1, y={list(range(40))})",
    "r = []; r.append(r); r": "[[...]]",
    "int, ValueError, KeyError('k')": "(int, ValueError, KeyError('k'))",
    "def f(x, y=1): pass\nf": "<function __main__.f(x, y=1)>",
    "class A: pass\nA": "__main__.A",
    "{1: 2}.keys()": "dict_keys([1])",
    "from sympy import *\n[Matrix([[1, 2], [3, 4]]), 1]": "[Matrix([\n [1, 2],\n [3, 4]]),\n 1]",
    "from sympy import *\nx = symbols('x')\n{x**2: 1, 'r': sqrt(2)}": "{x**2: 1, 'r': sqrt(2)}",
    "10**30, 1.5, 2j, None, True, b'x', ...": (
        "(1000000000000000000000000000000, 1.5, 2j, None, True, b'x', Ellipsis)"
    ),
    "5; 6  # the last": "6",
    "'a;'": "'a;'",
    ">>> n = 2\n>>> n": "2",
}


@pytest.mark.parametrize("code", ECHOES)
def test_echo(run, code):
    outcome = run(code)
    assert (outcome.stderr, outcome.stdout) == ("", ECHOES[code] + "\n")


def test_long_sequences_are_cut_at_a_thousand_items(run):
    assert run("list(range(1001))").stdout == f"[{numbered(1000, 1)},\n ...]\n"
    assert run("dict.fromkeys(range(1001))").stdout.endswith("\n 999: None,\n ...}\n")


@pytest.mark.parametrize("code", ["3; # no echo", "3 ;", "x = 4;"])
def test_a_semicolon_silences_the_echo(run, code):
    assert run(code).stdout == ""


WARNED = {
    "unknown escape": r"print('\d')",
    "unknown escape in a longer cell": "a = '\\d'\na",
    "comparison with a literal": "1 is 1",
    "unknown escape in an expression of several lines": "(\n'\\d'\n)",
}


@pytest.mark.parametrize("name", WARNED)
def test_a_warning_of_the_parser_is_shown_once(run, name):
    outcome = run(WARNED[name])
    assert (outcome.status, outcome.stderr.count("SyntaxWarning")) == ("ok", 1)


def test_one_line_is_read_as_any_other_cell(run):
    assert run("import asyncio; run = asyncio.sleep").status == "ok"
    assert run("await run(0, 'done')").stdout == "'done'\n"
    assert run("from __future__ import annotations").status == "ok"
    assert run("(lambda: 1).__annotations__\n").stdout == "{}\n"
    assert run("  3 + 4  # indented").stdout == "7\n"
    assert run("yield 1").stderr.endswith("SyntaxError: 'yield' outside function\n")
    assert run("1 +").stderr.endswith("SyntaxError: invalid syntax\n")
    assert "Cell In[8], line 1\n    1 / 0\n" in run("1 / 0").stderr


def test_objects_print_themselves_where_they_can(run):
    code = (
        "class P:\n    def _repr_pretty_(self, p, cycle):\n        with p.group(2, 'P<', '>'):\n"
        "            for i in range(30):\n                if i: p.text(','); p.breakable()\n"
        "                p.pretty(i)\nP()"
    )
    assert run(code).stdout == f"P<{numbered(30, 2)}>\n"


def test_last_three_values_have_names_until_the_user_takes_them(run):
    for code in ("1", "2", "3"):
        run(code)
    assert run("[_, __, ___]").stdout == "[3, 2, 1]\n"
    run("for _ in range(5): pass")
    run("'other'")
    assert run("_").stdout == "4\n"


def test_statements_before_an_error_of_the_compiler_are_run(run):
    outcome = run("print(1)\nreturn 3")
    assert outcome.stdout == "1\n"
    assert (
        outcome.stderr
        == "  Cell In[1], line 2\n    return 3\n    ^\nSyntaxError: 'return' outside function\n"
    )


def test_syntax_errors_show_the_line(run):
    outcome = run("if True:\n    y = = 2")
    assert outcome.stderr == "  Cell In[1], line 2\n    y = = 2\n        ^\nSyntaxError: invalid syntax\n"


def test_an_echo_that_fails_is_an_error(run):
    outcome = run("10**5000")
    assert outcome.status == "error"
    assert "Exceeds the limit (4300 digits)" in outcome.stderr


def test_chained_exceptions(run):
    outcome = run("try:\n    1 / 0\nexcept ZeroDivisionError:\n    int('x')")
    assert "\n\nDuring handling of the above exception, another exception occurred:\n\n" in outcome.stderr
    assert "from None" not in run("try:\n    1/0\nexcept ValueError:\n    pass").stderr
    outcome = run("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError(1) from None")
    assert "ZeroDivisionError: " not in outcome.stderr


def test_runaway_recursion_is_told_in_a_few_lines(run):
    outcome = run("def f(n): return f(n + 1)\nf(0)")
    assert outcome.stderr.endswith("RecursionError: maximum recursion depth exceeded\n")
    assert "[the same frame " in outcome.stderr
    assert len(outcome.stderr.splitlines()) < 30


def test_future_imports_hold_for_later_cells(run):
    run("from __future__ import annotations")
    assert run("def g(x: not_there): pass\ng.__annotations__").stdout == "{'x': 'not_there'}\n"


def test_source_and_pickles_of_the_users_own_classes(run):
    run("class A:\n    n = 5")
    run("def f():\n    return 1")
    assert run("import inspect; print(inspect.getsource(f))").stdout == "def f():\n    return 1\n"
    assert run("import pickle; pickle.loads(pickle.dumps(A())).n").stdout == "5\n"


@pytest.mark.parametrize(
    "code",
    [
        "import threading; t = threading.Thread(target=print); t.start()",
        "import subprocess; subprocess.run(['ls'])",
        "import multiprocessing; multiprocessing.Pool(2)",
    ],
)
def test_threads_and_processes_are_errors_and_the_session_lives(run, code):
    assert run(code).status == "error"
    assert run("1 + 1").stdout == "2\n"


def test_echo_is_seen_when_the_user_has_taken_stdout(run):
    assert run("import io, sys\nsys.stdout = io.StringIO()\nprint('hidden')\n7").stdout == "7\n"


def test_the_cap_counts_characters(image):
    from mathforge import _native

    box = _native.Sandbox(str(image), memory_mib=256, max_output_chars=100)
    outcome = box.session().run("print('é😀' * 49)", 20)
    assert outcome.stdout == "é😀" * 49 + "\n"
    assert not outcome.truncated
    outcome = box.session().run("print('é😀' * 1000)", 20)
    assert outcome.truncated
    assert "[1901 characters of output removed]" in outcome.stdout
