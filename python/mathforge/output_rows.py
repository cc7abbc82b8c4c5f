"""The row a sample becomes in a file: NeMo-Skills' fields, and which of the input's are carried through."""

from __future__ import annotations

from .config import Evaluation
from .samples import Grade, Sample, to_row

_UNGRADED = Grade(None, False, "")
_GRADE_FIELDS = frozenset({"predicted_answer", "symbolic_correct", "grade_reason"})


def cut_thoughts(sample: Sample, config: Evaluation) -> None:
    """Set a sample's generation to what follows its thoughts; to nothing if they never end."""
    if not config.parse_reasoning or sample.full_generation is not None:
        return
    _, end, answer = sample.generation.rpartition(config.end_reasoning_string)
    sample.full_generation = sample.generation
    sample.generation = answer if end else ""


def output_row(sample: Sample, grade: Grade | None, config: Evaluation) -> dict[str, object]:
    """Result fields first, then the remaining fields of the input row as they are.

    Args:
        sample: finished.
        grade: None where answers are not graded; an input row's own grade is then carried through.
        config: names the key of the generation, and says whether counts and times are wanted.
    """
    row = to_row(sample, grade or _UNGRADED)
    left_out = {"generation"} if grade else {"generation", *_GRADE_FIELDS}
    if not config.add_generation_stats:
        # A judgement is a remark on a sample, whose own counts stay what they are.
        left_out |= row.keys() - _GRADE_FIELDS - ({"error"} if sample.error else set())
    given = sample.problem.row
    made: dict[str, object] = {config.generation_key: sample.generation}
    made |= {key: value for key, value in row.items() if key not in left_out}
    if sample.full_generation is not None:
        made["_full_generation"] = sample.full_generation
        made["_generation_finished_thinking"] = config.end_reasoning_string in sample.full_generation
    made |= {"id": given["id"]} if "id" in given else {}
    return {**made, **{key: value for key, value in given.items() if key not in made}}
