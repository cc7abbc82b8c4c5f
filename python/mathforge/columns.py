"""Columns in and out: the Arrow types that the batch functions take and give.

A column of text is a polars Series, a pyarrow Array or ChunkedArray of string, large_string or string_view,
any other object with `__arrow_c_array__` or `__arrow_c_stream__`, or a list of str and None. A column of
token ids is the same with lists of integers. Arrow input is read in place.

What comes back is a `Table` or a `Column`; `polars.DataFrame(table)`, `pyarrow.table(table)` and
`polars.Series(column)` read it without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ._native import Column, Table

if TYPE_CHECKING:
    from typing_extensions import Buffer

    TokenIds: TypeAlias = Sequence[int] | Buffer

__all__ = ["ArrowArray", "ArrowStream", "Column", "IdsColumn", "Table", "TextColumn"]


class ArrowArray(Protocol):
    """Whatever exports one Arrow array."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...


class ArrowStream(Protocol):
    """Whatever exports a stream of Arrow arrays."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


TextColumn: TypeAlias = ArrowArray | ArrowStream | Sequence[str | None]
IdsColumn: TypeAlias = ArrowArray | ArrowStream | Sequence[Sequence[int] | None]
