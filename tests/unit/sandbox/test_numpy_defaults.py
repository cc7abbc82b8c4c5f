"""The prelude for numpy, on a numpy made narrow: 32-bit default integers, solvers that never raise."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
PRELUDE = Path(__file__).parents[3] / "sandbox_wasm/guest/numpy_defaults.py"


def narrow_maker(function: Any) -> Any:
    """The function with 32-bit integers where numpy chooses, as on a 32-bit platform."""

    def made(*args: Any, **kwargs: Any) -> Any:
        dtype = kwargs.get("dtype")
        if dtype is int:
            kwargs["dtype"] = np.int32
        result = function(*args, **kwargs)
        chosen = dtype is None and len(args) < 2 and not (args and hasattr(args[0], "dtype"))
        fits = result.size == 0 or np.abs(result).max() < 2**31
        return result.astype(np.int32) if chosen and result.dtype == np.int64 and fits else result

    return made


def narrow_sum(function: Any) -> Any:
    def summed(a: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        a = np.asarray(a)
        if dtype is None and a.dtype.kind in "bi" and a.dtype.itemsize <= 4:
            dtype = np.int32
        return function(a, *args, dtype=dtype, **kwargs)

    return summed


def silent_solve(a: Any, b: Any) -> Any:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full(np.shape(b), np.nan)


@pytest.fixture
def narrow(monkeypatch) -> types.SimpleNamespace:
    """A stand-in with the prelude installed."""
    creators = ("arange", "array", "asarray", "full", "ones", "zeros")
    fake = types.SimpleNamespace(
        dtype=lambda kind: np.dtype(np.int32 if kind is int else kind),
        int64=np.int64,
        isnan=np.isnan,
        random=types.SimpleNamespace(randint=np.random.randint),
        linalg=types.SimpleNamespace(solve=silent_solve, LinAlgError=np.linalg.LinAlgError),
        **{name: narrow_maker(getattr(np, name)) for name in creators},
        **{name: narrow_sum(getattr(np, name)) for name in ("sum", "prod", "cumsum", "cumprod", "trace")},
    )
    silent_solve.__name__ = "solve"
    prelude: dict[str, Any] = {}
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "numpy")
        exec(compile(PRELUDE.read_text(), str(PRELUDE), "exec"), prelude)
    prelude["install"](fake)
    return fake


def test_sums_and_products_do_not_overflow(narrow):
    assert narrow.arange(100_000).sum() == 4_999_950_000
    assert narrow.sum(narrow.array([2**31 - 1, 1])) == 2**31
    assert narrow.prod(narrow.arange(1, 21)) == 2_432_902_008_176_640_000
    assert narrow.sum([2**30, 2**30, 2**30]) == 3 * 2**30
    assert narrow.cumsum(np.full(3, 2**30, np.int32))[-1] == 3 * 2**30


def test_the_default_integer_is_wide_whichever_way_it_is_asked_for(narrow):
    for made in (
        narrow.array([1, 2]),
        narrow.asarray([1, 2], int),
        narrow.zeros(3, dtype=int),
        narrow.ones(3, int),
        narrow.full(3, 7),
        narrow.zeros(2, dtype=narrow.int_),
    ):
        assert made.dtype == np.int64
    assert narrow.random.randint(0, 5, size=3).dtype == np.int64


def test_types_of_their_own_are_kept(narrow):
    assert narrow.array([1.5, 2]).dtype == np.float64
    assert narrow.array([True]).dtype == np.bool_
    assert narrow.array([1, 2], dtype=np.int32).dtype == np.int32
    assert narrow.array(np.array([1], np.int32)).dtype == np.int32
    assert narrow.zeros(3).dtype == np.float64
    assert narrow.sum(np.array([1.5])) == 1.5


def test_a_singular_system_is_an_error_and_a_regular_one_is_solved(narrow):
    assert narrow.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).tolist() == [1.0, 1.0]
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        narrow.linalg.solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0])


def test_nan_in_nan_out_is_no_error(narrow):
    assert np.isnan(narrow.linalg.solve([[1.0, 0.0], [0.0, 1.0]], [np.nan, 1.0])).any()
