"""Does typical work once while an image is being built.

The first `solve` of a process spends most of its time on imports inside functions and on tables built on
demand; done here, every session starts with them. Cached results are dropped, so no answer depends on this.
"""

import importlib
import sys

# Cells import these now and then, and each would take them several milliseconds.
USUAL = ("calendar", "csv", "datetime", "hashlib", "json", "pprint", "secrets", "statistics")


def sympy_work():
    """One call of each function that contest problems use most."""
    import sympy as sp

    x, y = sp.symbols("x y")
    n = sp.symbols("n", integer=True, positive=True)
    sp.factor(x**6 - 1)
    sp.expand((x + y) ** 3)
    sp.simplify(sp.sin(x) ** 2 + sp.cos(x) ** 2 + sp.sqrt(8))
    sp.solve(x**3 - 2 * x + 1, x)
    sp.solve([x + y - 3, x * y - 2], [x, y])
    sp.solveset(sp.sin(x) - 1, x, sp.S.Reals)
    sp.nsolve(sp.cos(x) - x, x, 1)
    sp.integrate(sp.exp(-(x**2)), (x, -sp.oo, sp.oo))
    sp.integrate(x * sp.sin(x) / (x**2 + 1), x)
    sp.limit(sp.sin(x) / x, x, 0)
    sp.series(sp.exp(x), x, 0, 4)
    sp.summation(1 / n**2, (n, 1, sp.oo))
    sp.Matrix([[1, 2], [3, 4]]).eigenvals()
    sp.Matrix([[x, 1], [1, y]]).det()
    sp.groebner([x**2 + y, x * y - 1], x, y)
    sp.factorint(2**61 + 1)
    sp.isprime(10**18 + 9)
    sp.Rational(1, 3) + sp.nsimplify(0.25)
    sp.Poly(x**4 + x + 1, x).nroots()
    sp.minimal_polynomial(sp.sqrt(2) + sp.sqrt(3), x)
    sp.N(sp.pi, 50)
    sp.parse_expr("2*x + 1")
    sp.latex(x / y)
    sp.lambdify(x, x**2)(3)
    sp.core.cache.clear_cache()


for name in USUAL:
    importlib.import_module(name)
if "sympy" in sys.modules:
    sympy_work()
