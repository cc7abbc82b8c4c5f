"""From a dataset's rows to a benchmark's: one function per dataset."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


class UnusableRowError(ValueError):
    """A row that cannot become a problem; says why."""


def _text(row: Row, *keys: str) -> str:
    """The first of these fields that is there, as text."""
    for key in keys:
        value = row.get(key)
        if value is not None and str(value).strip():
            return str(value).strip()
    raise UnusableRowError(f"none of the fields {', '.join(keys)} is there")


def _optional(row: Row, **names: str) -> Row:
    return {name: row[key] for name, key in names.items() if row.get(key) is not None and row[key] != ""}


def aime(row: Row) -> Row:
    """Answers are whole numbers; some sources print them with leading zeros."""
    answer = _text(row, "expected_answer", "answer", "Answer")
    problem = _text(row, "problem", "question", "Problem")
    extra = _optional(row, reference_solution="solution", source="url")
    return {
        "problem": problem,
        "expected_answer": str(int(answer)) if answer.isdecimal() else answer,
        **extra,
    }


def competition(row: Row) -> Row:
    """Problem and answer, with the kind of problem where it is told."""
    extra = _optional(row, problem_type="problem_type", source="source")
    return {
        "problem": _text(row, "problem", "question"),
        "expected_answer": _text(row, "expected_answer", "answer"),
        **extra,
    }


def math_500(row: Row) -> Row:
    """With subject, level and the worked solution."""
    extra = _optional(row, id="unique_id", reference_solution="solution", subject="subject", level="level")
    return {
        "problem": _text(row, "problem"),
        "expected_answer": _text(row, "answer", "expected_answer"),
        **extra,
    }


def gsm8k(row: Row) -> Row:
    """The solution ends with `#### ANSWER`; thousands have commas there."""
    solution = _text(row, "answer", "reference_solution")
    head, mark, answer = solution.rpartition("####")
    if not mark:
        raise UnusableRowError("the field answer has no `####`")
    return {
        "problem": _text(row, "question", "problem"),
        "expected_answer": answer.strip().replace(",", ""),
        "reference_solution": head.strip(),
    }


def hle(row: Row) -> Row | None:
    """Questions with images are left out, as in NeMo-Skills."""
    if row.get("image"):
        return None
    extra = _optional(
        row,
        answer_type="answer_type",
        reference_solution="rationale",
        raw_subject="raw_subject",
        subset_for_metrics="category",
    )
    problem = _text(row, "question", "problem")
    return {"id": _text(row, "id"), "problem": problem, "expected_answer": _text(row, "answer"), **extra}


def any_row(row: Row) -> Row:
    """A file of anyone's: the usual names of the two fields, everything else as it is."""
    problem = _text(row, "problem", "question", "Problem", "Question", "prompt")
    answer = _text(row, "expected_answer", "answer", "final_answer", "Answer", "target")
    return {
        "problem": problem,
        "expected_answer": answer,
        **{k: v for k, v in row.items() if k != "expected_answer"},
    }
