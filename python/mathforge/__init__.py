"""Evaluate math models and make math training data.

Names are loaded on first use, so that `import mathforge` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import InputError, MathforgeError, SandboxError, ServerError, StoreError

if TYPE_CHECKING:
    from . import (
        clusters,
        columns,
        comparing,
        conversions,
        function_calls,
        grading,
        harmony,
        loss_masks,
        merging,
        metrics,
        partials,
        polars,
        sandbox,
        stream,
        tokenizers,
    )
    from ._native import __version__
    from .aggregating import aggregate
    from .comparing import compare_runs
    from .evaluating import evaluate
    from .grading import Grader, classes, compare, compare_batch, extract_answer
    from .judging import Judge
    from .sandbox import Sandbox
    from .synthesizing import generate

__all__ = [
    "Grader",
    "InputError",
    "Judge",
    "MathforgeError",
    "Sandbox",
    "SandboxError",
    "ServerError",
    "StoreError",
    "__version__",
    "aggregate",
    "classes",
    "clusters",
    "columns",
    "compare",
    "compare_batch",
    "compare_runs",
    "comparing",
    "conversions",
    "evaluate",
    "extract_answer",
    "function_calls",
    "generate",
    "grading",
    "harmony",
    "loss_masks",
    "merging",
    "metrics",
    "partials",
    "polars",
    "sandbox",
    "stream",
    "tokenizers",
]

# Public name -> (module, attribute); the other names of `__all__` are modules.
_LAZY = {
    "__version__": ("_native", "__version__"),
    "extract_answer": ("grading", "extract_answer"),
    "compare": ("grading", "compare"),
    "compare_batch": ("grading", "compare_batch"),
    "classes": ("grading", "classes"),
    "Grader": ("grading", "Grader"),
    "Sandbox": ("sandbox", "Sandbox"),
    "aggregate": ("aggregating", "aggregate"),
    "compare_runs": ("comparing", "compare_runs"),
    "Judge": ("judging", "Judge"),
    "evaluate": ("evaluating", "evaluate"),
    "generate": ("synthesizing", "generate"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _LAZY:
        return import_module(f"{__name__}.{name}")
    module_name, attribute = _LAZY[name]
    value: object = getattr(import_module(f"{__name__}.{module_name}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
