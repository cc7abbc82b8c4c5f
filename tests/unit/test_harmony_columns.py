"""Messages of whole columns are those of `parse`, row by row, whatever the form of the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathforge import harmony

THOUGHT = "<|channel|>analysis<|message|>We count, modulo 7: é中.<|end|>"
CALL = "<|start|>assistant<|channel|>analysis to=python code<|message|>total = 0\ntotal<|call|>"
RESULT = "<|start|>python to=assistant<|channel|>analysis<|message|>13<|end|>"
ANSWER = "<|start|>assistant<|channel|>final<|message|>The answer is $\\boxed{13}$.<|return|>"
TEXTS = [
    THOUGHT + CALL + RESULT + ANSWER,
    None,
    "",
    THOUGHT + CALL[:-8],
    CALL + "commentary" + RESULT,
    "<|channel|>final<|message|>a<|message|>b<|constrain|>c<|return|><|return|>",
    "I'm sorry<|end|>",
    "<|channel|>" + "x" * 300,
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|end|>',
]

PIECES = ["<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|call|>", "<|return|>", "<|endoftext|>"]
PIECES += ["assistant", "analysis", "final", " to=python", " code", "commentary", "é中", "a longer text, "]
completions = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def of_parse(rows: list[Any], unit: str) -> list[dict[str, Any]]:
    """What `parse_batch` should give."""
    return [
        {
            "row": row,
            "message": number,
            **{name: getattr(message, name) for name in ("role", "author", "channel", "recipient")},
            **{name: getattr(message, name) for name in ("content_type", "constrained", "tool", "end")},
            "complete": message.complete,
            "start": getattr(message, f"{unit}_start"),
            "stop": getattr(message, f"{unit}_end"),
            "content": message.content,
            "diagnostics": [
                {"code": found.code, "severity": found.severity, "position": getattr(found, f"{unit}_offset")}
                for found in message.diagnostics
            ],
        }
        for row, completion in enumerate(rows)
        if completion is not None
        for number, message in enumerate(harmony.parse(completion))
    ]


def of_batch(column: Any, **options: Any) -> list[dict[str, Any]]:
    frame = pl.DataFrame(harmony.parse_batch(column, **options))
    return frame.drop("content_start", "content_stop").to_dicts()


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        pl.Series(TEXTS),
        pa.array(TEXTS, pa.string()),
        pa.array(["before", *TEXTS], pa.large_string())[1:],
        pa.array(TEXTS, pa.string_view()),
        pa.array([text and text.encode() for text in TEXTS], pa.binary()),
        pa.array([text and text.encode() for text in TEXTS], pa.binary_view()),
        pa.chunked_array([pa.array(TEXTS[:4]), pa.array(TEXTS[4:])]),
    ],
    ids=lambda column: f"{type(column).__name__}-{getattr(column, 'type', '')}",
)
def test_text_columns(column: object) -> None:
    assert of_batch(column) == of_parse(TEXTS, "byte")


def test_id_columns() -> None:
    ids = [text if text is None else harmony.encode(text) for text in TEXTS]
    expected = of_parse(ids, "token")
    for column in (ids, pl.Series(ids), pa.array(ids, pa.list_(pa.uint32())), pa.array(ids)):
        assert of_batch(column) == expected
    spans = pl.DataFrame(harmony.parse_batch(ids, content=False))
    assert "content" not in spans.columns
    assert spans.drop("content_start", "content_stop").to_dicts() == [
        {name: value for name, value in row.items() if name != "content"} for row in expected
    ]


def test_spans_of_one_completion() -> None:
    text = TEXTS[0]
    assert text is not None
    ids = harmony.encode(text)
    for completion, unit in ((ids, ids), (np.array(ids, np.uint32), ids), (text, text.encode())):
        frame = harmony.spans(completion).to_polars()
        contents = [unit[a:b] for a, b in zip(frame["content_start"], frame["content_stop"], strict=True)]
        whole = [part if isinstance(part, bytes) else harmony.decode_bytes(part) for part in contents]
        assert [part.decode() for part in whole] == [message.content for message in harmony.parse(text)]


@settings(max_examples=150)
@given(st.lists(st.none() | completions, max_size=6), st.integers(1, 4))
def test_batch_is_a_loop_of_parse_on_any_number_of_threads(rows: list[str | None], threads: int) -> None:
    assert of_batch(rows, threads=threads) == of_parse(rows, "byte")
    ids = [row if row is None else harmony.encode(row) for row in rows]
    if any(ids):
        assert of_batch(ids, threads=threads) == of_parse(ids, "token")


def test_contents_of_text_are_views_of_the_input() -> None:
    text = THOUGHT + CALL + RESULT + ANSWER
    column = pa.array([text] * 1000, pa.large_string())
    contents = pa.table(harmony.parse_batch(column, threads=1))["content"].chunk(0)
    assert [buffer.address for buffer in contents.buffers()[2:]] == [column.buffers()[2].address]


def test_a_table_outlives_its_input() -> None:
    table = harmony.parse_batch(pl.Series([TEXTS[0]] * 100))
    assert pl.DataFrame(table)["content"].to_list()[-1] == "The answer is $\\boxed{13}$."


def test_bytes_that_are_no_text() -> None:
    bad = b"<|channel|>final<|message|>\xff\xe4\xb8<|return|>"
    (row,) = of_batch(pa.array([bad], pa.large_binary()))
    assert row["content"] == "\ufffd\ufffd"


def test_final_texts_and_python_calls() -> None:
    for column in (TEXTS, [text if text is None else harmony.encode(text) for text in TEXTS]):
        assert pl.Series(harmony.final_texts(column)).to_list() == [
            "The answer is $\\boxed{13}$.", None, None, None, None, "ab<|constrain|>c", None, None, None,
        ]  # fmt: skip
        assert pl.Series(harmony.python_calls(column)).to_list() == [
            ["total = 0\ntotal"], None, [], ["total = 0\ntotal"], ["total = 0\ntotal"], [], [], [], [],
        ]  # fmt: skip


def test_options_and_refusals() -> None:
    row = of_batch(["<|message|>Hello<|end|>"], role="user")[0]
    assert (row["role"], row["content"]) == ("user", "Hello")
    with pytest.raises(ValueError, match="role is one of"):
        harmony.parse_batch([""], role="nobody")
    with pytest.raises(TypeError, match="expected a column"):
        harmony.parse_batch("a text is no column")
    with pytest.raises(TypeError, match="not of Float64"):
        harmony.parse_batch(pl.Series([1.5]))
