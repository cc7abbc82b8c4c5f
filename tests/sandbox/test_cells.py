"""What an honest cell sees: an interactive Python with state."""

import pytest


def test_state_is_kept_between_cells(run):
    assert run("x = 20\ndef double(n): return 2 * n").status == "ok"
    assert run("double(x) + 2").stdout == "42\n"


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("1 + 1", "2\n"),
        ("'text'", "'text'\n"),
        ("None", ""),
        ("3;", ""),
        ("print('a'); 'b'", "a\n'b'\n"),
        ("x = 3", ""),
        ("for i in range(2):\n    i", ""),
        ("  y = 1\n  y + 1", "2\n"),
        ("# only a comment", ""),
        ("", ""),
        ("'é😀'", "'é😀'\n"),
        ("display(1, 'a')", "1\n'a'\n"),
        ("__name__", "'__main__'\n"),
    ],
)
def test_last_expression_is_echoed(run, code, stdout):
    outcome = run(code)
    assert (outcome.status, outcome.stdout, outcome.stderr) == ("ok", stdout, "")


def test_underscore_is_the_last_value(run):
    run("6 * 7")
    assert run("_ + 1").stdout == "43\n"


def test_traceback_shows_the_users_frames_and_lines_only(run):
    run("def inverse(n):\n    return 1 / n")
    outcome = run("print('before')\ninverse(0)")
    assert outcome.status == "error"
    assert outcome.stdout == "before\n"
    assert outcome.stderr == (
        "Traceback (most recent call last):\n\n"
        "  Cell In[2], line 2\n    inverse(0)\n\n"
        "  Cell In[1], line 2 in inverse\n    return 1 / n\n\n"
        "ZeroDivisionError: division by zero\n"
    )


def test_traceback_hides_the_library_and_keeps_the_cause(run):
    outcome = run(
        "import json\ntry:\n    json.loads('{')\nexcept ValueError as e:\n    raise KeyError('k') from e"
    )
    assert "/lib/" not in outcome.stderr
    assert "JSONDecodeError" in outcome.stderr
    assert "direct cause" in outcome.stderr
    assert outcome.stderr.endswith("KeyError: 'k'\n")


def test_syntax_errors_point_at_the_line(run):
    outcome = run("x = 1\ny = = 2")
    assert outcome.status == "error"
    assert "line 2" in outcome.stderr
    assert "SyntaxError" in outcome.stderr
    assert run("x").stderr.endswith("NameError: name 'x' is not defined\n")


@pytest.mark.parametrize("code", ["!pip install numpy", "import math\n%time 1"])
def test_shell_and_magic_lines_are_explained(run, code):
    outcome = run(code)
    assert outcome.status == "error"
    assert "do not exist in this sandbox" in outcome.stderr


@pytest.mark.parametrize("question", ["inverse?", "?inverse", "inverse ??", "if True:\n    inverse?"])
def test_questions_are_answered_and_the_rest_of_the_cell_runs(run, question):
    outcome = run(f'def inverse(n):\n    "One over n."\n    return 1 / n\nis_it = "so?"\n{question}')
    assert outcome.status == "ok"
    assert outcome.stdout == "Signature: inverse(n)\nDocstring: One over n.\n"
    assert run("inverse(2), is_it").stdout == "(0.5, 'so?')\n"
    assert run("import sympy\nsympy?").stdout.startswith("Type: module\nDocstring: SymPy is a Python library")
    assert run("math.gcd?").stderr.endswith("NameError: name 'math' is not defined\n")
    assert run("1 + ?").stderr.endswith("SyntaxError: invalid syntax\n")


def test_top_level_await(run):
    assert run("import asyncio\nawait asyncio.sleep(0.01, 'done')").stdout == "'done'\n"
    assert run("asyncio.run(asyncio.sleep(0.01, 'again'))").stdout == "'again'\n"


def test_input_is_at_its_end(run):
    assert run("input('name? ')").stderr.endswith("EOFError\n")


def test_exit_is_an_outcome_and_the_session_lives(run):
    run("x = 1")
    assert run("raise SystemExit").status == "ok"
    assert run("import sys; sys.exit('no')").stderr == "SystemExit: no\n"
    assert run("exit(3)").status == "error"
    assert run("x").stdout == "1\n"


def test_closing_the_streams_silences_nothing(run):
    run("import sys\nsys.stdout.close(); sys.stderr.close()")
    assert run("print(1)").stdout == "1\n"
    assert run("import os; os.close(1); os.close(2)").status == "ok"
    assert run("1/0").stderr.endswith("division by zero\n")


def test_user_keyboard_interrupt_is_an_error_not_a_timeout(run):
    assert run("raise KeyboardInterrupt").status == "error"


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("factor(x**6 - 1)", "(x - 1)*(x + 1)*(x**2 - x + 1)*(x**2 + x + 1)\n"),
        ("solve(x**2 - 2, x)", "[-sqrt(2), sqrt(2)]\n"),
        ("integrate(exp(-x**2), (x, -oo, oo))", "sqrt(pi)\n"),
        ("N(pi, 30)", "3.14159265358979323846264338328\n"),
    ],
)
def test_sympy(run, code, stdout):
    assert run(f"from sympy import *\nx = symbols('x')\n{code}").stdout == stdout


@pytest.mark.parametrize(
    "module", ["sqlite3", "lzma", "bz2", "zlib", "hashlib", "decimal", "ctypes", "fractions", "statistics"]
)
def test_the_standard_library_imports(run, module):
    assert run(f"import {module}").stderr == ""


def test_c_callbacks(run):
    code = (
        "import ctypes as c\n"
        "class P(c.Structure): _fields_ = [('x', c.c_int), ('y', c.c_double)]\n"
        "add = c.CFUNCTYPE(c.c_double, P, c.c_longlong, c.c_short)(lambda p, n, s: p.x + p.y + n + s)\n"
        "add(P(1, .5), 1 << 40, -3)"
    )
    assert run(code).stdout == f"{1 + 0.5 + (1 << 40) - 3}\n"
    many = "sum(f(1) for f in [c.CFUNCTYPE(c.c_int, c.c_int)(lambda x, i=i: x + i) for i in range(500)])"
    for _ in range(3):
        assert run(many).stdout == f"{500 + sum(range(500))}\n"


def test_files_stay_in_the_session(box, run):
    code = (
        "import os, pathlib, tempfile\n"
        "os.makedirs('d/e'); pathlib.Path('d/e/f.txt').write_text('héllo\\n' * 3)\n"
        "with open('d/e/f.txt', 'a') as f: f.write('end')\n"
        "os.rename('d', 'g')\n"
        "with tempfile.TemporaryDirectory() as t: pathlib.Path(t, 'x').write_bytes(b'1')\n"
        "sorted(os.listdir()), os.listdir('g/e'), open('g/e/f.txt').read().splitlines(), os.path.exists(t)"
    )
    assert run(code).stdout == "(['g'], ['f.txt'], ['héllo', 'héllo', 'héllo', 'end'], False)\n"
    assert box.session().run("import os; os.listdir()", 10).stdout == "[]\n"


def test_the_clock_runs(run):
    outcome = run("import time; a = time.monotonic(); time.sleep(0.2); 0.19 < time.monotonic() - a < 0.5")
    assert outcome.stdout == "True\n"
    assert outcome.cpu_s < 0.1
    assert (
        run("time.localtime(0)[:6], time.gmtime(951782400)[:3]").stdout
        == "((1970, 1, 1, 0, 0, 0), (2000, 2, 29))\n"
    )
