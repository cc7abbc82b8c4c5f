"""FLINT in the sandbox beside python-flint on the machine itself; inside are no 64-bit limbs and no AVX."""

from __future__ import annotations

import json
import subprocess

import mathforge

from .measure import Row
from .rivals import environments

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


# The same jobs natively, the best of three in processor seconds; jobs come as JSON on stdin.
NATIVE = (
    "import json, sys, time\n"
    "import flint\n"
    "def taken(code):\n"
    "    start = time.process_time(); exec(code, {'flint': flint}); return time.process_time() - start\n"
    "jobs = json.load(sys.stdin).items()\n"
    "print(json.dumps({name: min(taken(code) for _ in range(3)) for name, code in jobs}))"
)


def rows() -> list[Row]:
    """CPU seconds of each job, the best of three, and the price of the sandbox."""
    outside = native()
    table = []
    with mathforge.Sandbox() as box, box.session() as session:
        session.run("import flint")
        for what, code in WORK.items():
            inside = min(session.run(code, timeout_s=300).cpu_s for _ in range(3))
            rival = f"native {outside[what] * 1000:.1f} ms" if what in outside else ""
            ratio = f"{outside[what] / inside:.2f}x" if what in outside else ""
            table.append(Row(what, f"{inside * 1000:.1f} ms", rival, ratio))
    return table


def native() -> dict[str, float]:
    """CPU seconds of each job in an environment with python-flint; empty where it cannot be made."""
    try:
        python = environments.interpreter("flint")
        done = subprocess.run(
            [python, "-c", NATIVE], input=json.dumps(WORK), capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
