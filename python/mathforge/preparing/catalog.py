"""The benchmarks that can be prepared by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import rows

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One benchmark.

    Attributes:
        repository: on the hub; None where it is in none.
        files: patterns of the files in it.
        row: a row of those files as a problem; None leaves it out.
        columns: the columns that are read of a table; None is all.
        problems: how many there are, where that is known.
        splits: splits made of the rows beside the main one: name -> which rows.
        main: the main split.
        where: what to do where there is no repository.
    """

    repository: str | None
    files: tuple[str, ...]
    row: Callable[[Row], Row | None]
    columns: tuple[str, ...] | None = None
    problems: int | None = None
    splits: dict[str, Callable[[Row], bool]] = field(default_factory=dict)
    main: str = "test"
    where: str = ""


def _of_category(*words: str) -> Callable[[Row], bool]:
    return lambda row: any(word in str(row.get("subset_for_metrics", "")).lower() for word in words)


_HLE_SPLITS = {
    "math": _of_category("math"),
    "other": _of_category("other"),
    "human": _of_category("human"),
    "phy": _of_category("physics"),
    "cs": _of_category("computer"),
    "bio": _of_category("bio"),
    "chem": _of_category("chem"),
    "eng": _of_category("engineering"),
}
_HLE_COLUMNS = ("id", "question", "image", "answer", "answer_type", "rationale", "raw_subject", "category")

CATALOG = {
    "aime24": Dataset("HuggingFaceH4/aime_2024", ("data/train-*.parquet",), rows.aime, problems=30),
    "aime25": Dataset("MathArena/aime_2025", ("data/train-*.parquet",), rows.aime, problems=30),
    "comp-math-24-25": Dataset(
        None,
        (),
        rows.competition,
        problems=256,
        where="no hub repository has it: NeMo-Skills ships nemo_skills/dataset/comp-math-24-25/test.txt; "
        "give that file with --from",
    ),
    "gsm8k": Dataset("openai/gsm8k", ("main/test-*.parquet",), rows.gsm8k, problems=1319),
    "hle": Dataset(
        "cais/hle", ("data/test-*.parquet",), rows.hle, columns=_HLE_COLUMNS, splits=_HLE_SPLITS, main="text"
    ),
    "hmmt_feb25": Dataset(
        "MathArena/hmmt_feb_2025", ("data/train-*.parquet",), rows.competition, problems=30
    ),
    "math-500": Dataset("HuggingFaceH4/MATH-500", ("test.jsonl",), rows.math_500, problems=500),
}
ALIASES = {"hmmt": "hmmt_feb25", "math500": "math-500", "aime-24": "aime24", "aime-25": "aime25"}
GROUPS = {"math": tuple(CATALOG)}
