"""The package's front door: light to open, and everything it promises is behind it."""

import subprocess
import sys

import mathforge

HEAVY = {"polars", "pyarrow", "aiohttp", "rich", "sympy", "submitit", "ray", "asyncio"}


def test_importing_loads_nothing_heavy():
    program = "import mathforge, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(loaded.stdout.split())


def test_every_public_name_is_there():
    for name in mathforge.__all__:
        assert getattr(mathforge, name) is not None, name


def test_an_unknown_name_is_told_as_of_any_module():
    assert not hasattr(mathforge, "no_such_name")
