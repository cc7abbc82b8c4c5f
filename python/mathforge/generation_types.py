"""What `mathforge generate` can make of rows: answers, or judgements of answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .overrides import Override, parse_override
from .problems import Problem

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class GenerationType:
    """One kind.

    Attributes:
        defaults: its configuration; the user's comes after.
        change: made to every input row.
        ready_row: the output row of a problem that needs no model, or None; told the field to write.
    """

    defaults: tuple[Override, ...]
    change: Callable[[Row], Row] = lambda row: row
    ready_row: Callable[[Problem, str], Row | None] | None = None


def with_answer(row: Row) -> Row:
    """The row with its `predicted_answer`, taken from the generation where it is missing."""
    if "predicted_answer" in row:
        return row
    from .grading import ExtractOptions, extract_answer

    text = row.get("generation")
    return {
        **row,
        "predicted_answer": extract_answer(text, ExtractOptions.boxes()) if isinstance(text, str) else None,
    }


def ready_judgement(problem: Problem, made: str) -> Row | None:
    """The judgement of an answer that is missing, or that is the expected one letter by letter."""
    predicted, expected = problem.row.get("predicted_answer"), problem.row.get("expected_answer")
    answer = "" if predicted is None else str(predicted).strip()
    if not answer:
        text = "Reasoning: No answer was provided.\nJudgement: No"
    elif expected is not None and answer == str(expected).strip():
        text = "Reasoning: The two answers are identical.\nJudgement: Yes"
    else:
        return None
    return {made: text, **{key: value for key, value in problem.row.items() if key != made}}


def _set(*arguments: str) -> tuple[Override, ...]:
    return tuple(parse_override(argument) for argument in arguments)


GENERATION_TYPES = {
    "generate": GenerationType(_set("++eval_type=null")),
    "math_judge": GenerationType(
        _set(
            *("++eval_type=null", "++prompt_config=judge/math"),
            *("++generation_key=judgement", "++add_generation_stats=false"),
        ),
        with_answer,
        ready_judgement,
    ),
}
