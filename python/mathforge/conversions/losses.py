"""What a conversion could not carry over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .. import harmony

T = TypeVar("T")

MEANINGS = {
    "token_ids": "the ids as they were sampled; encoding the text again can give others",
    "ending": "the token that ended a message, where it is not the one that rendering writes",
    "incomplete": "that a message was cut off",
    "repairs": "what a damaged header looked like before it was repaired",
    "author": "the author of a message",
    "channel": "the channel of a message",
    "recipient": "the recipient of a message",
    "content_type": "the content type of a message",
    "tool_name": "which tool an answer comes from",
    "tool_call_id": "the id of a tool call",
    "arguments": "how the arguments of a call were written",
    "system_role": "that instructions stood in a system message: Harmony keeps them in the developer message",
    "tools": "tool schemas: Harmony keeps them as TypeScript, in the developer message",
    "non_text": "content that is not text",
    "field": "a field of a message that has no counterpart",
    "special_text": "that text which looks like a special token is ordinary text",
    "think_tag": "text around `<think>` that the form uses itself",
    "prompt": "how the prompt was written: the text of the problem stands in its place",
}
"""Every code of a loss, and what is lost. Codes are stable."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that was not carried over.

    Attributes:
        code: a key of `MEANINGS`.
        message: index of the message in the source, or None where it concerns all of it.
        detail: what exactly.
    """

    code: str
    message: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Converted(Generic[T]):
    """The result of a conversion.

    Attributes:
        value: the conversation in its new form.
        losses: what it lacks, in the order of the source.
    """

    value: T
    losses: list[Loss] = field(default_factory=list)


def written_losses(messages: list[harmony.Message], *, keeps_end: bool = False) -> list[Loss]:
    """What every form but ids loses of parsed messages."""
    losses = []
    if any(message.token_start is not None for message in messages):
        losses.append(Loss("token_ids", None, "the conversation was parsed from ids"))
    for index, message in enumerate(messages):
        if any(found.severity == "warning" for found in message.diagnostics):
            codes = ", ".join(dict.fromkeys(found.code for found in message.diagnostics))
            losses.append(Loss("repairs", index, codes))
        if keeps_end:
            continue
        if not message.complete:
            losses.append(Loss("incomplete", index, "no ending token"))
        elif message.end is not None and message.end != _usual_end(message):
            losses.append(Loss("ending", index, message.end))
    return losses


def _usual_end(message: harmony.Message) -> str:
    is_call = message.role == "assistant" and message.recipient not in {None, "all"}
    return "call" if is_call else "end"
