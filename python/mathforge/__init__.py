"""Evaluate math models and make math training data.

Names are loaded on first use, so that `import mathforge` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import InputError, MathforgeError, SandboxError, ServerError, StoreError

if TYPE_CHECKING:
    from . import harmony, metrics, stream
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
    "compare",
    "compare_batch",
    "compare_runs",
    "evaluate",
    "extract_answer",
    "generate",
    "harmony",
    "metrics",
    "stream",
]

# Public name -> (module, attribute); None stands for the module itself.
_LAZY: dict[str, tuple[str, str | None]] = {
    "__version__": ("_native", "__version__"),
    "harmony": ("harmony", None),
    "stream": ("stream", None),
    "metrics": ("metrics", None),
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
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = import_module(f"{__name__}.{module_name}")
    value: object = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
