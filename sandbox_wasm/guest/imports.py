"""Explains imports that fail: why the package is not here, and how it can be added."""

import sys

# Import names that differ from the package's.
PACKAGES = {
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "cvxpy": "cvxpy-base",
    "dateutil": "python-dateutil",
    "flint": "python-flint",
    "PIL": "pillow",
    "pysat": "python-sat",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Packages that cannot be added, with what to do instead.
IMPOSSIBLE = {
    "cplex": "its solver is native code",
    "cupy": "there is no GPU",
    "gurobipy": "its solver is native code",
    "jax": "it is native code; mpmath, sympy and numpy are there or can be added",
    "js": "there is no JavaScript",
    "mip": "its solver is a native program; scipy (scipy.optimize.milp) or highspy can be added instead",
    "numba": "it compiles to native code; plain Python runs here",
    "ortools": "its solvers are native code; the packages highspy and python-sat can be added instead",
    "pulp": "its solver is a native program; scipy (scipy.optimize.milp) or highspy can be added instead",
    "pyodide": "there is no JavaScript",
    "pyodide_js": "there is no JavaScript",
    "pyscipopt": "its solver is native code; the package highspy can be added instead",
    "sage": "it is native code; sympy and flint are here",
    "tensorflow": "it is native code",
    "torch": "it is native code",
    "z3": "its solver is native code; the package python-sat can be added instead",
}


def remedy(name):
    """One line on a missing top-level module; None for one that is not a package's."""
    if name in IMPOSSIBLE:
        return f"{name} cannot be used in this sandbox: {IMPOSSIBLE[name]}"
    if name in sys.stdlib_module_names:
        return f"this sandbox has no {name} module: it needs an operating system"
    package = PACKAGES.get(name, name)
    return f"{name} is not in this sandbox; add it with `mathforge sandbox prepare --packages {package}`"


def explain(error):
    """Adds a note to an exception that says a package is missing; it may be a cell's own."""
    try:
        if not isinstance(error, ModuleNotFoundError) or getattr(error, "__notes__", None):
            return
        top = error.name.partition(".")[0]
        # A module missing from a package that is here is a mistake in the name, not a missing package.
        if top not in sys.modules:
            error.add_note(remedy(top))
    except Exception:
        pass
