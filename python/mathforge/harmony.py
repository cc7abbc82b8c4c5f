"""The Harmony format of gpt-oss: text to token ids, messages to prompts, model output to messages.

Parsing never raises on what a model wrote. Damaged headers are repaired by fixed rules, and every repair
leaves a `Diagnostic` in the message.

Ids are the safe form. In ids a user or a tool cannot imitate a special token: the characters `<|end|>` in
their text are ordinary tokens. In text they can, so parse text only when nobody hostile wrote part of it,
and encode foreign text with `escape=True`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _native
from ._native import Diagnostic, Event, Message, StreamParser
from .errors import MalformedOutputError
from .harmony_columns import (
    count_tokens,
    decode_batch,
    encode_batch,
    final_texts,
    parse_batch,
    python_calls,
    spans,
)

if TYPE_CHECKING:
    from .columns import TokenIds

__all__ = [
    "CALL",
    "CHANNEL",
    "CONSTRAIN",
    "END",
    "ENDOFTEXT",
    "MESSAGE",
    "PYTHON_TOOL",
    "RETURN",
    "START",
    "VOCABULARY_SIZE",
    "Diagnostic",
    "Event",
    "Message",
    "StreamParser",
    "count_tokens",
    "decode",
    "decode_batch",
    "decode_bytes",
    "developer",
    "encode",
    "encode_batch",
    "final_texts",
    "parse",
    "parse_batch",
    "python_call",
    "python_calls",
    "render",
    "spans",
    "system",
    "tool_result",
    "user",
]

ENDOFTEXT = 199999
RETURN = 200002
CONSTRAIN = 200003
CHANNEL = 200005
START = 200006
END = 200007
MESSAGE = 200008
CALL = 200012
VOCABULARY_SIZE: int = _native.HARMONY_VOCABULARY_SIZE
PYTHON_TOOL: str = _native.HARMONY_PYTHON_TOOL

Role = Literal["system", "developer", "user", "assistant", "tool"]
Effort = Literal["low", "medium", "high"]
Layout = Literal["openai-0.0.8", "oss-0.0.11", "hf", "nemo", "as-parsed"]
DropRule = Literal["none", "first-final", "last-final"]

_IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."


def encode(text: str, escape: bool = False) -> list[int]:
    """Token ids of a text, in the o200k_harmony vocabulary.

    Args:
        text: any text.
        escape: leave the texts of special tokens (`<|start|>`, ...) ordinary text. By default they become
            special ids; use True for everything that a user or a tool wrote.
    """
    return _native.harmony_encode(text, escape)


def decode(ids: TokenIds) -> str:
    """Text of token ids; special tokens give their text, each maximal invalid UTF-8 sequence one U+FFFD.

    Args:
        ids: a list or other sequence of int, `array("I")` or a numpy array of unsigned 32-bit or signed
            64-bit ints.

    Raises:
        ValueError: an id is outside the vocabulary (0 to 201087).
    """
    return _native.harmony_decode(ids)


def decode_bytes(ids: TokenIds) -> bytes:
    """Like `decode`, but the exact bytes."""
    return _native.harmony_decode_bytes(ids)


def parse(
    ids_or_text: TokenIds | str,
    *,
    role: Role = "assistant",
    tools: Iterable[str] = (),
    strict: bool = False,
    unmarked: bool = False,
) -> list[Message]:
    """Messages of a completion or of a whole conversation.

    A completion begins inside the header that the prompt opened with `<|start|>assistant`; a conversation
    begins with `<|start|>`. Both are recognised. Every id belongs to exactly one message.

    Text parsing is not injection-safe: whoever wrote part of the text can imitate special tokens. Id
    parsing is safe.

    Args:
        ids_or_text: token ids (see `decode`; unknown ids become U+FFFD) or text.
        role: author of a completion's first message.
        tools: names of tools (`functions.f`) beside the built-in ones, to recognise them in damaged headers.
        strict: raise at the first diagnostic of severity "warning" instead of repairing.
        unmarked: read text whose special tokens were taken off (`analysis...assistantfinal...`). A guess,
            made only where no marker is left; its messages carry the warning `unmarked`. Ids keep their
            special tokens and are read as ever.

    Raises:
        MalformedOutputError: `strict`, and something would have to be repaired; names code and offset.
    """
    guessed = (
        _native.harmony_parse_unmarked(ids_or_text) if unmarked and isinstance(ids_or_text, str) else None
    )
    messages = guessed or _native.harmony_parse(ids_or_text, role=role, tools=list(tools))
    if strict:
        _refuse_damage(messages)
    return messages


def _refuse_damage(messages: Iterable[Message]) -> None:
    for message in messages:
        for found in message.diagnostics:
            if found.severity == "warning":
                at = f"byte {found.byte_offset}"
                at = at if found.token_offset is None else f"token {found.token_offset} ({at})"
                raise MalformedOutputError(f"malformed Harmony at {at}: {found.code}", diagnostic=found)


def render(
    messages: Sequence[Message],
    *,
    layout: Layout = "openai-0.0.8",
    drop: DropRule = "none",
    for_completion: bool = True,
    for_training: bool = False,
) -> list[int]:
    """Token ids of a conversation.

    An assistant message to a recipient ends with `<|call|>`, every other one with `<|end|>`; how the
    message ended when it was parsed plays no part, except "as-parsed".

    Args:
        messages: the conversation; contents are encoded as ordinary text.
        layout: how headers are written.
            "openai-0.0.8": `assistant to=python<|channel|>analysis code`.
            "oss-0.0.11": `<|constrain|>` before every content type; on commentary the channel comes first.
            "hf": like "openai-0.0.8", never `<|constrain|>`. The chat template also writes tool results as
            JSON strings; contents are left alone here.
            "nemo": `assistant<|channel|>analysis to=python code`, and results by `python code to=assistant`.
            "as-parsed": parsed messages as they stood in the input, id for id, damage and ids outside the
            vocabulary included (text: byte for byte); messages that were not parsed as "openai-0.0.8".
        drop: which analysis of earlier turns is left out, python calls on that channel and their results
            included. "none": nothing. "first-final": openai-harmony's rule; if the last assistant message is
            a final answer, what is before the first one. "last-final": vLLM's rule; what is before the last
            final answer.
        for_completion: append `<|start|>assistant`, so that the model continues.
        for_training: append nothing, and end a last message on the final channel with `<|return|>`.

    Raises:
        ValueError: unknown layout or drop rule.
    """
    return _native.harmony_render(
        list(messages),
        layout=layout,
        drop=drop,
        for_completion=for_completion,
        for_training=for_training,
    )


def system(
    effort: str = "medium",
    *,
    python: bool | str = False,
    browser: bool = False,
    current_date: str | None = None,
    knowledge_cutoff: str | None = "2024-06",
    identity: str | None = _IDENTITY,
    functions: bool = False,
) -> Message:
    """The system message, in the wording of openai-harmony 0.0.8. Lines whose argument is None are left out.

    Args:
        effort: "low", "medium" or "high".
        python: True offers the python tool with the text the model was trained on (`PYTHON_TOOL`); a string
            is another description of it.
        browser: offer the browser tool: search, open, find.
        current_date: `YYYY-MM-DD`.
        knowledge_cutoff: `YYYY-MM`.
        identity: the first line.
        functions: the developer message defines functions; adds the line that sends their calls to
            commentary.

    Raises:
        ValueError: unknown effort.
    """
    return _native.harmony_system(
        effort,
        python=python,
        browser=browser,
        current_date=current_date,
        knowledge_cutoff=knowledge_cutoff,
        identity=identity,
        functions=functions,
    )


def developer(
    instructions: str | None = None,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    layout: Layout = "openai-0.0.8",
) -> Message:
    """The developer message: `# Instructions` and the given text, then `# Tools` as TypeScript.

    Args:
        instructions: None leaves the section out.
        tools: functions as OpenAI's API takes them: `{"type": "function", "function": {"name": ...,
            "description": ..., "parameters": {JSON Schema}}}`, or the inner object alone. Tell the system
            message of them too: `system(functions=True)`.
        layout: "hf" writes schemas as the chat template does, every other one as openai-harmony.

    Raises:
        ValueError: unknown layout, or a tool without a name.
    """
    written = json.dumps(list(tools), ensure_ascii=False) if tools else None
    return _native.harmony_developer(instructions, tools=written, layout=layout)


def user(text: str) -> Message:
    """A user message."""
    return _native.harmony_user(text)


def tool_result(text: str, *, tool: str = "python", channel: str = "analysis") -> Message:
    """What a tool answered.

    Args:
        text: its output.
        tool: its name, the author of the message.
        channel: the channel of the call.
    """
    return _native.harmony_tool_result(text, tool=tool, channel=channel)


def python_call(messages: Sequence[Message]) -> str | None:
    """Code of the last message if it calls the python tool, else None.

    Every way of writing the call counts: recipient before or after the channel, any channel, `python`,
    `functions.python` or `python.x`, with or without a content type, and code without a recipient that
    `<|call|>` ended. So does every ending, also none, when the stream was cut; look at `end` and `complete`
    to be stricter. A header that was cut before its content is no call.
    """
    return _native.harmony_python_call(list(messages[-1:]))
