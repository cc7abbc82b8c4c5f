"""Columns cross the border in every Arrow form, in place, with nulls and in chunks."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from mathforge import harmony

TEXTS = ["<|start|>assistant", None, "", "a longer text, which no view holds inline: x² + y²", "b"]
COUNTS = [None if text is None else len(harmony.encode(text)) for text in TEXTS]
IDS = [None if text is None else harmony.encode(text) for text in TEXTS]


def chunked(array: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([array[:2], array[2:2], array[2:]])


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        tuple(TEXTS),
        pl.Series(TEXTS),
        pl.concat([pl.Series(TEXTS[:1]), pl.Series(TEXTS[1:])]),
        pl.Series(TEXTS, dtype=pl.Categorical),
        pa.array(TEXTS, pa.string()),
        pa.array(["dropped", *TEXTS], pa.large_string())[1:],
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        chunked(pa.array(TEXTS, pa.string())),
    ],
    ids=lambda column: f"{type(column).__name__}-{getattr(column, 'type', getattr(column, 'dtype', ''))}",
)
def test_text_columns(column: object) -> None:
    counts = harmony.count_tokens(column)  # type: ignore[arg-type]
    assert pl.Series(counts).to_list() == COUNTS
    assert pa.array(counts).to_pylist() == COUNTS
    assert pl.Series(harmony.encode_batch(column)).to_list() == IDS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "column",
    [
        IDS,
        pl.Series(IDS),
        pl.Series(IDS, dtype=pl.List(pl.UInt32)),
        pa.array(IDS, pa.list_(pa.uint32())),
        pa.array([[1], *IDS], pa.large_list(pa.int64()))[1:],
        chunked(pa.array(IDS, pa.list_(pa.int32()))),
    ],
    ids=lambda column: f"{type(column).__name__}-{getattr(column, 'type', getattr(column, 'dtype', ''))}",
)
def test_id_columns(column: object) -> None:
    assert pl.Series(harmony.decode_batch(column)).to_list() == TEXTS  # type: ignore[arg-type]


def test_empty_columns() -> None:
    assert len(harmony.count_tokens([])) == 0
    assert len(harmony.count_tokens(pa.chunked_array([], pa.string()))) == 0
    assert pl.Series(harmony.decode_batch(pa.array([None, None], pa.null()))).to_list() == [None, None]


def test_what_is_no_column_of_text_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a column of text, not of Int64"):
        harmony.count_tokens(pa.array([1, 2]))
    with pytest.raises(TypeError, match="expected a column of text"):
        harmony.count_tokens("one text is no column")
    with pytest.raises(TypeError):
        harmony.count_tokens([1])  # type: ignore[list-item]


def test_what_are_no_ids_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1: token id 201088 at position 1"):
        harmony.decode_batch([[1], [1, 201_088]])
    with pytest.raises(ValueError, match="-1"):
        harmony.decode_batch(pa.array([[-1]]))
    with pytest.raises(ValueError, match="never null"):
        harmony.decode_batch(pa.array([[1, None]]))
    with pytest.raises(TypeError, match="expected a column of token ids, not of Utf8"):
        harmony.decode_batch(pa.array(["1"]))


def test_a_column_keeps_its_memory_alive() -> None:
    column = harmony.encode_batch(pl.Series(["many " * 1000] * 50))
    series = pl.Series(column)
    del column
    assert series.list.len().to_list() == [1001] * 50
