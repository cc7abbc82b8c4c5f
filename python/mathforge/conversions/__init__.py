"""Conversions between the forms in which people keep conversations.

Harmony messages are the hub: every form is read into them and written from them, and every conversion says
what it could not carry over, as a list of `Loss`. Without a loss the way back gives the same messages.

    chat = to_openai(harmony.parse(ids))
    chat.value  # {"messages": [...]}
    chat.losses  # [Loss("token_ids", None, ...), ...]
"""

from __future__ import annotations

from .losses import MEANINGS, Converted, Loss
from .nemo_text import from_nemo, to_nemo
from .openai_chat import from_openai, to_openai
from .rows import FORMS, convert_row
from .sharegpt import from_sharegpt, to_sharegpt

__all__ = [
    "FORMS",
    "MEANINGS",
    "Converted",
    "Loss",
    "convert_row",
    "from_nemo",
    "from_openai",
    "from_sharegpt",
    "to_nemo",
    "to_openai",
    "to_sharegpt",
]
