"""Calls of functions: reading what a model sent, and writing calls and results into a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import harmony

NAMESPACE = "functions."


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call as a model wrote it.

    Attributes:
        name: without `functions.`.
        arguments: the JSON object, or None when the text is none.
        text: the arguments as written.
        error: why `arguments` is None, in words that a model can be told; else None.
    """

    name: str
    arguments: dict[str, Any] | None
    text: str
    error: str | None = None


def function_calls(messages: Iterable[harmony.Message]) -> list[FunctionCall]:
    """The function calls among messages, in order; calls of python and the browser are none.

    Never raises on what a model wrote: arguments that are no JSON object leave `error` behind, and the
    message has the diagnostic `malformed_arguments`.
    """
    return [
        _read(message)
        for message in messages
        if message.tool is not None and message.tool != "python" and not message.tool.startswith("browser.")
    ]


def function_call(name: str, arguments: Mapping[str, Any] | str) -> harmony.Message:
    """A call of a function, as the assistant's message.

    Args:
        name: with or without `functions.`.
        arguments: an object, or its JSON text as it stands.
    """
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return harmony.Message(
        "assistant",
        text,
        channel="commentary",
        recipient=NAMESPACE + name.removeprefix(NAMESPACE),
        content_type="<|constrain|>json",
    )


def function_result(name: str, text: str, *, layout: harmony.Layout = "openai-0.0.8") -> harmony.Message:
    """What a function answered.

    Args:
        name: with or without `functions.`.
        text: its output.
        layout: "hf" writes the output as a JSON string, as the chat template does.
    """
    content = json.dumps(text, ensure_ascii=False) if layout == "hf" else text
    return harmony.tool_result(content, tool=NAMESPACE + name.removeprefix(NAMESPACE), channel="commentary")


def _read(message: harmony.Message) -> FunctionCall:
    name = (message.tool or "").removeprefix(NAMESPACE)
    try:
        arguments = json.loads(message.content)
    except (ValueError, RecursionError) as error:
        return FunctionCall(name, None, message.content, f"the arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        return FunctionCall(name, None, message.content, "the arguments are not a JSON object")
    return FunctionCall(name, arguments, message.content)
