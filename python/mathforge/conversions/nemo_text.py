"""Harmony messages to the text that NeMo-Skills keeps, and back.

`generation` is everything after the prompt, tool outputs and special tokens included. The prompt itself is
not kept in such rows; the text of the problem is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import harmony
from .losses import Converted, Loss, written_losses

_OPENING = "<|start|>assistant"


def to_nemo(
    messages: Sequence[harmony.Message], *, layout: harmony.Layout = "nemo"
) -> Converted[dict[str, Any]]:
    """`{"problem": ..., "generation": ...}` of a conversation.

    Args:
        messages: parsed or built; the prompt ends before the first message of the assistant.
        layout: how headers are written. "as-parsed" keeps parsed ones as they were.
    """
    given = list(messages)
    first = next((at for at, message in enumerate(given) if message.role == "assistant"), len(given))
    prompt, completion = given[:first], given[first:]
    losses = written_losses(given, keeps_end=layout == "as-parsed")
    ids = harmony.render(completion, layout=layout, for_completion=False, for_training=layout != "as-parsed")
    text = harmony.decode_bytes([token for token in ids if token < harmony.VOCABULARY_SIZE]).decode(
        "utf-8", "replace"
    )
    read_again = harmony.parse(text)
    if [_content(message) for message in read_again] != [_content(message) for message in completion]:
        losses.append(Loss("special_text", None, "the text reads as other messages than were written"))
    asked = [message for message in prompt if message.role == "user"]
    if prompt and (len(prompt) > 1 or not asked):
        losses.append(Loss("prompt", None, ", ".join(message.role for message in prompt)))
    row: dict[str, Any] = {"problem": asked[-1].content} if asked else {}
    return Converted(row | {"generation": text.removeprefix(_OPENING)}, losses)


def _content(message: harmony.Message) -> tuple[object, ...]:
    return (message.role, message.channel, message.recipient, message.content)


def from_nemo(row: Mapping[str, Any]) -> Converted[list[harmony.Message]]:
    """Harmony messages of a row with `generation`; the problem becomes the user's message.

    Text without any marker is the answer: a server had taken the rest off.

    Raises:
        ValueError: `generation` is not text.
    """
    text = row.get("generation")
    if not isinstance(text, str):
        raise ValueError("`generation` is not text")
    losses: list[Loss] = []
    messages: list[harmony.Message] = []
    if isinstance(row.get("problem"), str):
        messages.append(harmony.user(row["problem"]))
        losses.append(Loss("prompt", None, "what the prompt said beside the problem"))
    if "<|" in text or not text:
        return Converted(messages + harmony.parse(text), losses)
    reasoning = row.get("reasoning_content")
    if isinstance(reasoning, str):
        messages.append(harmony.Message("assistant", reasoning, channel="analysis"))
    read = harmony.parse(text, unmarked=True) if reasoning is None else []
    if read and read[0].channel is not None:
        return Converted(messages + read, losses)
    return Converted([*messages, harmony.Message("assistant", text, channel="final")], losses)
