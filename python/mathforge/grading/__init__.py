"""Extract final answers and decide whether two answers say the same.

`compare` decides natively and returns at once. `Grader` hands what stays undecided to sympy in processes of
their own, with hard limits.
"""

from .._native import (
    Extraction,
    ExtractOptions,
    Verdict,
    classes_batch,
    compare_batch,
    extract_answer,
    extract_batch,
    find_answer,
    normalize_answer,
)
from .._native import answer_classes as classes
from .._native import compare_answers as compare
from .explaining import Explanation, Step, explain
from .grader import UNDECIDED_REASONS, Grader, default_cache
from .options import PRESETS, Options

__all__ = [
    "PRESETS",
    "UNDECIDED_REASONS",
    "Explanation",
    "ExtractOptions",
    "Extraction",
    "Grader",
    "Options",
    "Step",
    "Verdict",
    "classes",
    "classes_batch",
    "compare",
    "compare_batch",
    "default_cache",
    "explain",
    "extract_answer",
    "extract_batch",
    "find_answer",
    "normalize_answer",
]
