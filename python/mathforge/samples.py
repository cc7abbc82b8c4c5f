"""A sample: one finished completion with its rounds, and the row it is written as (NeMo-Skills fields, then
ours)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from .problems import Problem

ToolStatus = Literal["ok", "error", "timeout", "memory", "lost"]


@dataclass(slots=True)
class Round:
    """One request of a sample and what followed it.

    Attributes:
        token_ids: exactly the ids the server sampled; None when the server gave none (chat).
        finish_reason: as the server said, `stop` or `length`; `repetition` when we ended the request.
        stop_reason: the stop token id or string, as the server said.
        output: tool output as the model saw it, or None.
        output_token_ids: every id appended after the sampled ones before the next round (end tokens that were
            missing, tool messages, the request for a final answer), or None.
        tool_status: how the Python cell ended, or None.
    """

    token_ids: list[int] | None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    output: str | None = None
    output_token_ids: list[int] | None = None
    tool_status: ToolStatus | None = None


_ROUND_FIELDS = tuple(one.name for one in fields(Round))


@dataclass(slots=True)
class Sample:
    """One finished completion of one problem.

    Attributes:
        problem: what was asked.
        seed: None for a greedy sample.
        generation: chat: the answer's content; text: everything after the prompt, tool output and special
            tokens included.
        reasoning: analysis text, when the server gives it apart.
        finish_reason: of the last round.
        num_generated_tokens: tokens the model sampled, over all rounds.
        num_tool_output_tokens: tokens appended by us between rounds.
        started_at, ended_at: Unix time in seconds.
        code_rounds_executed: cells run.
        code_execution_time: seconds spent in cells.
        num_code_timeouts: cells stopped by the time limit.
        stopped_on_repetition: the model had fallen into a loop, and was asked for its final answer.
        error: stable code of what cut the sample short (`context_window_exceeded`, `malformed_output`), or
            None.
        full_generation: the generation with the thoughts that were taken off it, or None.
        rounds: in order.
    """

    problem: Problem
    seed: int | None
    generation: str = ""
    reasoning: str | None = None
    finish_reason: str | None = None
    num_generated_tokens: int = 0
    num_tool_output_tokens: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    code_rounds_executed: int = 0
    code_execution_time: float = 0.0
    num_code_timeouts: int = 0
    stopped_on_repetition: bool = False
    error: str | None = None
    full_generation: str | None = None
    rounds: list[Round] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grade:
    """An extracted answer and its verdict.

    Attributes:
        predicted_answer: None where no answer was found.
        is_correct: True only for the verdict `equal`.
        reason: stable code of the verdict.
    """

    predicted_answer: str | None
    is_correct: bool
    reason: str


def to_row(sample: Sample, grade: Grade) -> dict[str, object]:
    """The output row: result fields first, then the remaining fields of the input row."""
    row: dict[str, object] = {
        "generation": sample.generation,
        "num_generated_tokens": sample.num_generated_tokens,
        "num_tool_output_tokens": sample.num_tool_output_tokens,
        "generation_start_time": sample.started_at,
        "generation_end_time": sample.ended_at,
        "generation_time": sample.ended_at - sample.started_at,
        "finish_reason": sample.finish_reason,
        "code_rounds_executed": sample.code_rounds_executed,
        "code_execution_time": round(sample.code_execution_time, 3),
        "num_code_timeouts": sample.num_code_timeouts,
        "stopped_on_repetition": sample.stopped_on_repetition,
        "predicted_answer": grade.predicted_answer,
        "symbolic_correct": grade.is_correct,
        "grade_reason": grade.reason,
        "error": sample.error,
        # Not `asdict`, which copies every id by itself.
        "rounds": [{name: getattr(one, name) for name in _ROUND_FIELDS} for one in sample.rounds],
    }
    if sample.reasoning is not None:
        row["reasoning_content"] = sample.reasoning
    row["id"] = sample.problem.id
    return {**row, **{key: value for key, value in sample.problem.row.items() if key not in row}}
