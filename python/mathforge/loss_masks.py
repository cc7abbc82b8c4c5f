"""Which ids of a Harmony conversation a model is trained to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from . import harmony

Convention = Literal["sampled", "assistant", "from-channel"]
CONVENTIONS: tuple[Convention, ...] = ("sampled", "assistant", "from-channel")

# `<|start|>assistant`; written out because encoding it would load the vocabulary at import.
_OPENING = [harmony.START, 173781]


def loss_mask(
    ids: Sequence[int],
    convention: Convention = "sampled",
    *,
    channels: Collection[str | None] | None = None,
    malformed: bool = True,
) -> list[bool]:
    """A mask of `len(ids)`: True where the loss counts.

    Ids of system, developer, user and tool messages never count.

    Args:
        ids: a conversation, or a completion that begins after `<|start|>assistant`.
        convention: which ids of an assistant message count.
            "sampled": those that the model sampled. `<|start|>assistant` is one of its own after its own
            `<|end|>`; after a prompt, a tool's output, `<|call|>` or `<|return|>` the harness wrote it.
            "assistant": all of the message, `<|start|>assistant` included (the training template of TRL).
            "from-channel": from `<|channel|>` on, from `<|message|>` on where there is no channel
            (Megatron-Bridge).
        channels: only messages of these channels count; None in it stands for messages without one.
        malformed: False leaves out messages with a diagnostic of severity "warning".

    Raises:
        ValueError: unknown convention.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is one of {', '.join(CONVENTIONS)}, not {convention!r}")
    mask = [False] * len(ids)
    before: harmony.Message | None = None
    for message in harmony.parse(ids):
        start, end = message.token_start, message.token_end
        if start is None or end is None:
            continue
        if message.role == "assistant" and _counts(message, channels, malformed):
            first = start + _skipped(ids[start:end], convention, before)
            mask[first:end] = [True] * (end - first)
        before = message
    return mask


def _counts(message: harmony.Message, channels: Collection[str | None] | None, malformed: bool) -> bool:
    if channels is not None and message.channel not in channels:
        return False
    return malformed or all(found.severity != "warning" for found in message.diagnostics)


def _skipped(ids: Sequence[int], convention: Convention, before: harmony.Message | None) -> int:
    """How many ids at the start of an assistant message do not count."""
    if convention == "assistant":
        return 0
    if convention == "from-channel":
        marks = (harmony.CHANNEL, harmony.MESSAGE)
        return next((at for at, token in enumerate(ids) if token in marks), 0)
    went_on = before is not None and before.role == "assistant" and before.end not in {"call", "return"}
    return 0 if went_on or list(ids[: len(_OPENING)]) != _OPENING else len(_OPENING)
