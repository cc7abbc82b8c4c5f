"""Harmony over whole columns: no object per message, no GIL, all cores.

The functions are also names of `mathforge.harmony`; `mathforge.polars` offers them as expressions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import _native

if TYPE_CHECKING:
    from .columns import Column, IdsColumn, Table, TextColumn, TokenIds

__all__ = [
    "count_tokens",
    "decode_batch",
    "encode_batch",
    "final_texts",
    "parse_batch",
    "python_calls",
    "spans",
]


def parse_batch(
    column: TextColumn | IdsColumn,
    *,
    role: str = "assistant",
    tools: Iterable[str] = (),
    content: bool = True,
    threads: int = 0,
) -> Table:
    """`parse` of every row, as one table with a row per message.

    Columns of the table:
        row, message: the number of the row in `column` and of the message in it; a null row has none.
        role, author, channel, recipient, content_type, constrained, tool, end, complete: as in `Message`.
        start, stop: the message covers `range(start, stop)` of its row, counted in ids for a column of ids
            and in bytes for text; the messages of a row cover all of it, without overlap.
        content_start, content_stop: where its content lies, in the same units.
        content: the text. For text it is a view of the input, not a copy.
        diagnostics: a list of {code, severity, position}.

    Args:
        column: completions as text or token ids (see `mathforge.columns`). In text whoever wrote part of it
            can imitate special tokens; in ids nobody can. Bytes that are not UTF-8 count as U+FFFD.
        role: author of the first message of a completion.
        tools: as in `parse`.
        content: False leaves the column `content` out; for ids that saves the decoding.
        threads: the most threads to use; 0 is one per core.
    """
    return _native.harmony_parse_batch(column, role=role, tools=list(tools), content=content, threads=threads)


def spans(ids_or_text: TokenIds | str, *, role: str = "assistant", tools: Iterable[str] = ()) -> Table:
    """Where the messages of one completion lie: the table of `parse_batch` without `content`."""
    return _native.harmony_spans(ids_or_text, role=role, tools=list(tools))


def final_texts(column: TextColumn | IdsColumn, *, threads: int = 0) -> Column:
    """Text of the last message on the final channel of every row, null where there is none."""
    return _native.harmony_final_text(column, threads=threads)


def python_calls(column: TextColumn | IdsColumn, *, threads: int = 0) -> Column:
    """Codes of all calls of the python tool in every row, as lists of text in their order.

    What counts as a call is told at `python_call`.
    """
    return _native.harmony_python_calls(column, threads=threads)


def encode_batch(texts: TextColumn, *, escape: bool = False, threads: int = 0) -> Column:
    """`encode` of every row: a column of large_list<uint32>; null gives null.

    Args:
        texts: a column of text (see `mathforge.columns`).
        escape: as in `encode`.
        threads: the most threads to use; 0 is one per core.
    """
    return _native.harmony_encode_batch(texts, escape=escape, threads=threads)


def count_tokens(texts: TextColumn, *, escape: bool = False, threads: int = 0) -> Column:
    """Number of ids that `encode_batch` gives for every row, as a column of uint64."""
    return _native.harmony_count_tokens(texts, escape=escape, threads=threads)


def decode_batch(ids: IdsColumn, *, threads: int = 0) -> Column:
    """`decode` of every row: a column of large_string; null gives null.

    Args:
        ids: a column of token ids (see `mathforge.columns`).
        threads: the most threads to use; 0 is one per core.

    Raises:
        ValueError: an id is outside the vocabulary; the message names row and position.
    """
    return _native.harmony_decode_batch(ids, threads=threads)
