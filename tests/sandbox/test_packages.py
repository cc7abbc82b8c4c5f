"""Packages of the image: what is there, what is missing and says so, and what a cell cannot load."""

from __future__ import annotations

import pytest


def test_flint_is_there_and_right(run):
    assert run("import flint\nflint.fmpz(2)**100").stdout == f"{2**100}\n"
    assert run("flint.fmpz(10**40 + 1).factor()").stdout == (
        "[(17, 1), (5070721, 1), (5882353, 1), (19721061166646717498359681, 1)]\n"
    )
    assert run("flint.fmpz_poly([1, 2, 1]).factor()").stdout == "(1, [(x + 1, 2)])\n"
    assert run("flint.fmpz_mat([[2, 1], [1, 3]]).inv()").stdout == "[ 3/5, -1/5]\n[-1/5,  2/5]\n"
    assert run("flint.ctx.dps = 30\nflint.arb.pi()").stdout.startswith("[3.1415926535897932384626433832")
    assert run("flint.nmod(3, 7)**-1").stdout == "5\n"
    assert run("flint.fmpq(1, 3) + flint.fmpq(1, 6)").stdout == "1/2\n"


def test_an_error_in_compiled_code_is_an_exception(run):
    outcome = run("flint.fmpz(1) / flint.fmpz(0)" if run("import flint").status == "ok" else "")
    assert outcome.status == "error"
    assert not outcome.state_lost
    assert run("flint.fmpz(7) // 2").stdout == "3\n"


def test_sessions_have_compiled_state_of_their_own(box):
    with_context = box.session()
    without = box.session()
    with_context.run("import flint\nflint.ctx.dps = 77", 20.0)
    assert without.run("import flint\nflint.ctx.dps", 20.0).stdout == "15\n"
    assert with_context.run("flint.ctx.dps", 20.0).stdout == "77\n"


def test_sympy_computes_with_flint_and_shows_its_own_numbers(run):
    assert (
        run("import sympy\nfrom sympy.external.gmpy import GROUND_TYPES\nGROUND_TYPES").stdout == "'flint'\n"
    )
    assert run("x = sympy.Symbol('x')\nsympy.Poly(x**2 / 2 - 3, x).all_coeffs()").stdout == "[1/2, 0, -3]\n"
    assert run("[type(number).__name__ for number in sympy.factorint(720720)][:1]").stdout == "['int']\n"
    assert run("import os\n'SYMPY_GROUND_TYPES' in os.environ").stdout == "False\n"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("numpy", "numpy is not in this sandbox; add it with `mathforge sandbox prepare --packages numpy`"),
        (
            "scipy.optimize",
            "scipy is not in this sandbox; add it with `mathforge sandbox prepare --packages scipy`",
        ),
        ("pulp", "pulp cannot be used in this sandbox: its solver is a native program; scipy"),
        ("cvxpy", "add it with `mathforge sandbox prepare --packages cvxpy-base`"),
        ("sklearn", "add it with `mathforge sandbox prepare --packages scikit-learn`"),
        ("ortools.sat", "ortools cannot be used in this sandbox: its solvers are native code"),
        ("z3", "z3 cannot be used in this sandbox: its solver is native code"),
        ("js", "js cannot be used in this sandbox: there is no JavaScript"),
    ],
)
def test_a_missing_package_says_what_can_be_done(run, name, remedy):
    outcome = run(f"import {name}")
    assert outcome.status == "error"
    assert f"ModuleNotFoundError: No module named '{name.partition('.')[0]}'" in outcome.stderr
    assert remedy in outcome.stderr


def test_code_that_asks_whether_a_package_is_there_gets_plain_answers(run):
    assert run("import importlib.util\nimportlib.util.find_spec('numpy')").stdout == ""
    caught = run("try:\n    import numpy\nexcept ImportError as error:\n    print(error)")
    assert caught.stdout == "No module named 'numpy'\n"
    assert "prepare" not in run("import sympy.no_such_module").stderr


@pytest.mark.parametrize("path", ["/tmp/own.so", "/home/user/own.cpython-314-wasm32-emscripten.so", "own.so"])
def test_a_cell_cannot_bring_machine_code(run, path):
    module = "bytes.fromhex('0061736d01000000') + bytes(100)"
    run(f"open({path!r}, 'wb').write({module})")
    outcome = run(f"import ctypes\nctypes.CDLL({path!r})")
    assert "is not a library of this sandbox image" in outcome.stderr
    assert not outcome.state_lost


def test_an_extension_written_by_a_cell_is_not_imported(run):
    run("open('/tmp/evil.cpython-314-wasm32-emscripten.so', 'wb').write(b'\\0asm')")
    outcome = run("import sys\nsys.path.insert(0, '/tmp')\nimport evil")
    assert outcome.status == "error"
    assert "not a library of this sandbox image" in outcome.stderr


def test_forged_handles_reach_nothing(run):
    libraries = "/lib/python3.14/site-packages/python_flint.libs/libgmp.so"
    assert "has no such symbol" in run(f"import ctypes\nctypes.CDLL({libraries!r}).system").stderr
    outcome = run("import ctypes, _ctypes\n_ctypes.dlsym(12345678, 'PyInit_fmpz')")
    assert outcome.status == "error"
    assert run("1 + 1").stdout == "2\n"
