"""How a verdict came about, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from .._native import Verdict, explain_answers
from .options import Options


@dataclass(frozen=True)
class Step:
    """One step of a decision.

    Attributes:
        stage: which part of the comparison speaks: `normalize`, `read`, `compare`, ...
        detail: what it did.
    """

    stage: str
    detail: str


@dataclass(frozen=True)
class Explanation:
    """A verdict and the steps to it, in their order.

    Attributes:
        gold, answer: as given.
        verdict: the same as `compare` gives.
        steps: from normalisation to the verdict.
    """

    gold: str
    answer: str
    verdict: Verdict
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        width = max(len(step.stage) for step in self.steps)
        lines = [f"{self.verdict.verdict} ({self.verdict.reason})"]
        return "\n".join([*lines, *(f"  {step.stage:<{width}}  {step.detail}" for step in self.steps)])

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "gold": self.gold,
            "answer": self.answer,
            "verdict": self.verdict.verdict,
            "reason": self.verdict.reason,
            "steps": [{"stage": step.stage, "detail": step.detail} for step in self.steps],
        }


def explain(gold: str, answer: str, options: Options | None = None) -> Explanation:
    """Compare two answers and tell the steps: how each was normalised and read, and which rules decided."""
    verdict, steps = explain_answers(gold, answer, options)
    return Explanation(gold, answer, verdict, tuple(Step(*step) for step in steps))
