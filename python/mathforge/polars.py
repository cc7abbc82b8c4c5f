"""Expressions for polars: `import mathforge.polars`, then `pl.col("generation").mathforge.final_text()`.

They work on columns of text and, the Harmony ones, on columns of token ids (lists of integers); in eager and
lazy frames, row by row, so that a streaming engine may cut the frame as it likes. The work is done without
the GIL, on all cores.

    import polars as pl
    import mathforge.polars

    frame = pl.read_ndjson("output-rs0.jsonl")
    frame.with_columns(
        answer=pl.col("generation").mathforge.final_text().mathforge.extract_answer(),
        calls=pl.col("generation").mathforge.python_calls().list.len(),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from . import _native, grading, harmony
from .columns import Column

__all__ = ["MESSAGES", "MathforgeExpressions"]

_MESSAGE: dict[str, pl.DataType | type[pl.DataType]] = {
    "message": pl.UInt64,
    **dict.fromkeys(["role", "author", "channel", "recipient", "content_type"], pl.String),
    "constrained": pl.Boolean,
    "tool": pl.String,
    "end": pl.String,
    "complete": pl.Boolean,
    **dict.fromkeys(["start", "stop", "content_start", "content_stop"], pl.UInt64),
    "content": pl.String,
    "diagnostics": pl.List(pl.Struct({"code": pl.String, "severity": pl.String, "position": pl.UInt64})),
}
MESSAGES = pl.List(pl.Struct(_MESSAGE))
"""What `harmony_messages` gives: a list of messages per row, with the columns of `harmony.parse_batch`."""


@pl.api.register_expr_namespace("mathforge")
class MathforgeExpressions:
    """The expressions; see the module."""

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def _mapped(
        self, function: Callable[[pl.Series], Column], dtype: pl.DataType | type[pl.DataType]
    ) -> pl.Expr:
        def of_series(series: pl.Series) -> pl.Series:
            return pl.Series(series.name, function(series)).cast(dtype)

        return self._expression.map_batches(of_series, return_dtype=dtype, is_elementwise=True)

    def harmony_messages(self, *, role: harmony.Role = "assistant", tools: Iterable[str] = ()) -> pl.Expr:
        """Messages of every completion, as a list of structs; `explode` and `unnest` give a row per message.

        Args:
            role: author of the first message of a completion.
            tools: names of tools beside the built-in ones, to recognise them in damaged headers.
        """
        names = list(tools)
        return self._mapped(
            lambda series: _native.harmony_message_lists(series, role=role, tools=names), MESSAGES
        )

    def final_text(self) -> pl.Expr:
        """Text of the last message on the final channel of a Harmony completion, null where there is none."""
        return self._mapped(harmony.final_texts, pl.String)

    def python_calls(self) -> pl.Expr:
        """Codes of all python calls of a Harmony completion, as a list of text."""
        return self._mapped(harmony.python_calls, pl.List(pl.String))

    def count_tokens(self, *, escape: bool = False) -> pl.Expr:
        """Number of o200k_harmony ids of a text; `escape` as in `harmony.encode`."""
        return self._mapped(lambda series: harmony.count_tokens(series, escape=escape), pl.UInt64)

    def encode(self, *, escape: bool = False) -> pl.Expr:
        """Token ids of a text, as a list; `escape` as in `harmony.encode`."""
        return self._mapped(lambda series: harmony.encode_batch(series, escape=escape), pl.List(pl.UInt32))

    def decode(self) -> pl.Expr:
        """Text of a list of token ids."""
        return self._mapped(harmony.decode_batch, pl.String)

    def extract_answer(self, options: grading.ExtractOptions | None = None) -> pl.Expr:
        """The final answer that a text states, null where it states none; see `grading.extract_answer`."""
        return self._mapped(lambda series: grading.extract_batch(series, options), pl.String)

    def compare(self, answer: pl.Expr | str, options: grading.Options | None = None) -> pl.Expr:
        """Whether answers equal these gold answers: a struct of `verdict` and `reason`.

        Args:
            answer: the other column, or its name.
            options: as in `grading.compare`.
        """
        other = pl.col(answer) if isinstance(answer, str) else answer
        dtype = pl.Struct({"verdict": pl.String, "reason": pl.String})

        def of_series(columns: Sequence[pl.Series]) -> pl.Series:
            golds, answers = columns
            table = pl.DataFrame(grading.compare_batch(golds, answers, options))
            return table.select("verdict", "reason").to_struct(golds.name).cast(dtype)

        return pl.map_batches([self._expression, other], of_series, return_dtype=dtype, is_elementwise=True)

    def equals(self, answer: pl.Expr | str, options: grading.Options | None = None) -> pl.Expr:
        """Whether answers are proved equal to these gold answers; what is undecided is false, as in a grade.

        Args:
            answer, options: as in `compare`.
        """
        return self.compare(answer, options).struct.field("verdict") == "equal"
