"""Code calls and tool outputs, found in a model's stream while it arrives, and the driver of a tool loop.

gpt-oss is read by the Harmony parser (`mathforge.harmony`), from token ids or text; the styles of other
models are tags in the text, which `mathforge.tokenizers.TokenText` makes of ids. Text is not safe from
whoever wrote part of it: a tool output can imitate tags. Ids are.

    driver = Driver("gpt-oss")
    for ids in stream:
        step = driver.feed(ids)  # "continue", "needs_tool" or "done"
        if step.kind != "continue":
            break
    step = driver.finish()  # a call whose stop token the server kept back is a call, too
    for call in step.calls:
        driver.answer(closing_and_answer(call, run(call.code)))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _native
from ._native import Call, Detector, Driver, Repetition, Span, Step
from ._native import StreamEvent as Event

if TYPE_CHECKING:
    from .columns import TokenIds

__all__ = [
    "TAGS",
    "Call",
    "Detector",
    "Driver",
    "Event",
    "Repetition",
    "Span",
    "Step",
    "find_repetition",
]

TAGS: tuple[str, ...] = tuple(_native.STREAM_TAGS)
"""Names of the known styles."""


def find_repetition(
    ids_or_text: TokenIds | str | bytes,
    *,
    longest_period: int | None = None,
    least_repeats: int | None = None,
    least_length: int | None = None,
) -> Repetition | None:
    """The first loop in what a model wrote, or None.

    A loop is a run in which every unit equals the one `period` places before it, and which is long: at least
    `least_repeats` blocks and at least `least_length` units. Units are token ids, or bytes of text. Nothing
    is said of repetition with changes ("Case 1: no. Case 2: no."): that may be work.

    Args:
        ids_or_text: sampled ids or text.
        longest_period: longest block looked for; 1024 ids, 4096 bytes.
        least_repeats: 4.
        least_length: 512 ids, 2048 bytes: short blocks have to repeat more often.
    """
    return _native.stream_find_repetition(
        ids_or_text,
        longest_period=longest_period,
        least_repeats=least_repeats,
        least_length=least_length,
    )
