"""FLINT in the sandbox beside python-flint on the machine itself: no 64-bit limbs, assembly or AVX in there.

The native figures need `pip install python-flint` in this environment; without it that column stays empty.
"""

from __future__ import annotations

import importlib.util
import time

import mathforge

from .measure import Row

WORK = {
    "factor a product of two 95-bit primes": (
        "flint.fmpz(39614081257132168796771975177 * 39614081257132168796771975219).factor()"
    ),
    "multiply polynomials of degree 2,000": (
        "a = flint.fmpz_poly(list(range(2000)))\nfor _ in range(20): a * (a + 1)"
    ),
    "determinant of a 100 x 100 matrix": (
        "flint.fmpz_mat(100, 100, [(i * 7919 + 13) % 1009 for i in range(10_000)]).det()"
    ),
    "gamma(1.25) to 2,000 digits": "flint.ctx.dps = 2000\nflint.arb('1.25').gamma()",
    "200,000 small additions": "s = flint.fmpz(0)\nfor k in range(200_000): s += k * k",
}


def rows() -> list[Row]:
    """CPU seconds of each job, the best of three, and the price of the sandbox."""
    is_native = importlib.util.find_spec("flint") is not None
    table = []
    with mathforge.Sandbox() as box, box.session() as session:
        session.run("import flint")
        for what, code in WORK.items():
            inside = min(session.run(code, timeout_s=120).cpu_s for _ in range(3))
            outside = min(native(code) for _ in range(3)) if is_native else 0.0
            rival = f"native {outside * 1000:.1f} ms" if is_native else ""
            ratio = f"{outside / inside:.2f}x" if is_native else ""
            table.append(Row(what, f"{inside * 1000:.1f} ms", rival, ratio))
    return table


def native(code: str) -> float:
    """CPU seconds of the same code here."""
    names = {"flint": importlib.import_module("flint")}
    start = time.process_time()
    exec(compile(code, "<native>", "exec"), names)
    return time.process_time() - start
