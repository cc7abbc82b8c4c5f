"""Code calls and tool outputs, found in a model's stream while it arrives.

gpt-oss is read by the Harmony parser (`mathforge.harmony`), from token ids or text; the styles of other
models are tags in the text. Text is not safe from whoever wrote part of it: a tool output can imitate tags.
Ids are.
"""

from __future__ import annotations

from . import _native
from ._native import Detector
from ._native import StreamEvent as Event

__all__ = ["TAGS", "Detector", "Event"]

TAGS: tuple[str, ...] = tuple(_native.STREAM_TAGS)
"""Names of the known styles."""
