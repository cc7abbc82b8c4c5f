"""The expressions give, in eager and lazy frames, what the functions give row by row."""

from __future__ import annotations

import polars as pl
import pytest

import mathforge.polars as mathforge_polars
from mathforge import harmony
from mathforge.grading import PRESETS

COMPLETION = (
    "<|channel|>analysis to=python code<|message|>1 + 1<|call|><|start|>python to=assistant"
    "<|channel|>analysis<|message|>2<|end|>"
    "<|start|>assistant<|channel|>final<|message|>So \\boxed{2}.<|return|>"
)
FRAME = pl.DataFrame(
    {"generation": [COMPLETION, None, "", "I am sorry<|end|>"], "gold": ["2.0", "1", None, "x"]}
)


def answers(frame: pl.LazyFrame) -> pl.LazyFrame:
    text = pl.col("generation").mathforge  # type: ignore[attr-defined]
    answer = text.final_text().mathforge.extract_answer()
    return frame.select(
        "generation",
        "gold",
        final=text.final_text(),
        answer=answer,
        calls=text.python_calls(),
        tokens=text.count_tokens(),
        back=text.encode().mathforge.decode(),
        verdict=pl.col("gold").mathforge.compare(answer).struct.field("verdict"),  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_lazy_frame(engine: str) -> None:
    query = answers(FRAME.lazy())
    found = query.collect(engine=engine)  # type: ignore[call-overload]
    assert found.schema == query.collect_schema()
    assert found["final"].to_list() == ["So \\boxed{2}.", None, None, None]
    assert found["answer"].to_list() == ["2", None, None, None]
    assert found["calls"].to_list() == [["1 + 1"], None, [], []]
    assert found["tokens"].to_list() == [len(harmony.encode(COMPLETION)), None, 0, 4]
    assert found["back"].to_list() == FRAME["generation"].to_list()
    assert found["verdict"].to_list()[0] == "equal"


def test_messages_explode_into_rows() -> None:
    expression = pl.col("generation").mathforge.harmony_messages()  # type: ignore[attr-defined]
    frame = FRAME.with_row_index("row").lazy().select("row", message=expression)
    assert frame.collect_schema()["message"] == mathforge_polars.MESSAGES
    assert frame.collect()["message"].list.len().to_list() == [3, None, 0, 1]
    rows = frame.explode("message").collect().unnest("message").drop_nulls("message")
    table = pl.DataFrame(harmony.parse_batch(FRAME["generation"]))
    assert rows.drop("row").equals(table.drop("row"))


def test_columns_of_ids_and_groups() -> None:
    ids = pl.DataFrame({"ids": [harmony.encode(COMPLETION), None]})
    found = ids.select(pl.col("ids").mathforge.final_text())  # type: ignore[attr-defined]
    assert found["ids"].to_list() == ["So \\boxed{2}.", None]
    counted = FRAME.group_by(pl.col("gold").is_null()).agg(
        pl.col("generation").mathforge.count_tokens().sum()  # type: ignore[attr-defined]
    )
    assert counted["generation"].sum() == len(harmony.encode(COMPLETION)) + 4


def test_a_column_of_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a column of text"):
        pl.DataFrame({"x": [1.5]}).select(pl.col("x").mathforge.count_tokens())  # type: ignore[attr-defined]


def test_equality_of_answers_is_a_column_of_booleans() -> None:
    frame = pl.DataFrame({"gold": ["1/2", "35", "x", None], "answer": ["0.5", r"35\%", "7", "1"]})
    equal = pl.col("gold").mathforge.equals("answer")  # type: ignore[attr-defined]
    assert frame.select(equal).to_series().to_list() == [True, True, False, False]
    strict = pl.col("gold").mathforge.equals(pl.col("answer"), PRESETS["strict"])  # type: ignore[attr-defined]
    assert frame.lazy().select(strict).collect().to_series().to_list() == [True, False, False, False]
