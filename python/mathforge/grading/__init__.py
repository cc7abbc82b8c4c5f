"""Extract final answers and decide whether two answers say the same.

`compare` decides natively and returns at once. `Grader` hands what stays undecided to sympy in a process of
its own, with hard limits.
"""

from .._native import Verdict, compare_batch, extract_answer, normalize_answer
from .._native import answer_classes as classes
from .._native import compare_answers as compare
from .grader import UNDECIDED_REASONS, Grader

__all__ = [
    "UNDECIDED_REASONS",
    "Grader",
    "Verdict",
    "classes",
    "compare",
    "compare_batch",
    "extract_answer",
    "normalize_answer",
]
