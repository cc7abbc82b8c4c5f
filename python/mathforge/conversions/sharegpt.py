"""Harmony messages to ShareGPT turns and back, in the dialect that trainers read for reasoning and tools.

    system, human, gpt, function_call, observation

Reasoning stands in `<think>` before the text of a `gpt` or `function_call` turn; a call is `{"name": ...,
"arguments": {...}}`, several are a list of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import harmony
from .losses import Converted, Loss
from .openai_chat import from_openai, to_openai

_THOUGHT = re.compile(r"<think>\n(.*?)\n</think>\n\n(.*)", re.DOTALL)
_SPEAKERS = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
}


def to_sharegpt(messages: Sequence[harmony.Message]) -> Converted[dict[str, Any]]:
    """Turns of a conversation: `{"conversations": [{"from": ..., "value": ...}]}`."""
    chat = to_openai(messages)
    losses = list(chat.losses)
    turns: list[dict[str, str]] = []
    callers: dict[str, str] = {}
    waiting: list[str] = []
    for message in chat.value["messages"]:
        if message["role"] == "assistant":
            turns += _assistant_turns(message, losses)
            for call in message.get("tool_calls", ()):
                callers[call["id"]] = call["function"]["name"]
                waiting.append(call["id"])
            continue
        if message["role"] == "tool":
            if waiting and waiting[0] == message["tool_call_id"]:
                waiting.pop(0)
            else:
                name = callers.get(message["tool_call_id"], "an unknown tool")
                losses.append(Loss("tool_name", None, f"an answer of {name} out of turn"))
                waiting = [call for call in waiting if call != message["tool_call_id"]]
            turns.append({"from": "observation", "value": message["content"]})
            continue
        if message["role"] == "developer" and "# Tools" in message["content"]:
            losses.append(Loss("tools", None, "they stay TypeScript within the system text"))
        if "name" in message:
            losses.append(Loss("author", None, message["name"]))
        role = {"system": "system", "developer": "system"}.get(message["role"], "human")
        turns.append({"from": role, "value": message["content"]})
    return Converted({"conversations": turns}, losses)


def _assistant_turns(message: dict[str, Any], losses: list[Loss]) -> list[dict[str, str]]:
    reasoning, content = message.get("reasoning_content"), message["content"]
    thought = "" if reasoning is None else f"<think>\n{reasoning}\n</think>\n\n"
    calls = message.get("tool_calls")
    if any("<think>" in text or "</think>" in text for text in (reasoning or "", content or "")):
        losses.append(Loss("think_tag", None, "the text holds a tag of its own"))
    if calls is None:
        if content == "" and reasoning is not None:
            losses.append(Loss("field", None, "an empty content"))
        return [{"from": "gpt", "value": thought + (content or "")}]
    turns = []
    if content is not None:  # a turn holds text or calls
        losses.append(Loss("channel", None, "a preamble becomes an answer of its own"))
        turns.append({"from": "gpt", "value": thought + content})
        thought = ""
    written = [_shown_call(call["function"], losses) for call in calls]
    value = json.dumps(written[0] if len(written) == 1 else written, ensure_ascii=False)
    return [*turns, {"from": "function_call", "value": thought + value}]


def _shown_call(function: dict[str, str], losses: list[Loss]) -> dict[str, Any]:
    try:
        arguments = json.loads(function["arguments"])
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        losses.append(Loss("arguments", None, "no JSON object: kept as text"))
        arguments = function["arguments"]
    elif json.dumps(arguments, ensure_ascii=False) != function["arguments"]:
        losses.append(Loss("arguments", None, "spacing of the JSON"))
    return {"name": function["name"], "arguments": arguments}


def from_sharegpt(row: Mapping[str, Any]) -> Converted[list[harmony.Message]]:
    """Harmony messages of `{"conversations": [...], "system": ..., "tools": ...}`.

    Raises:
        ValueError: a turn that is none; says which.
    """
    given = row.get("conversations")
    if not isinstance(given, list):
        raise ValueError("`conversations` is not a list")
    chat: list[dict[str, Any]] = []
    if row.get("system"):
        chat.append({"role": "system", "content": row["system"]})
    waiting: list[str] = []
    calls = 0
    for index, turn in enumerate(given):
        speaker, value = (turn.get("from"), turn.get("value")) if isinstance(turn, dict) else (None, None)
        role = _SPEAKERS.get(speaker) if isinstance(speaker, str) else None
        if role is None or not isinstance(value, str):
            raise ValueError(f"turn {index} is not a known `from` ({speaker!r}) with a text `value`")
        if role == "tool":
            chat.append({"role": role, "tool_call_id": waiting.pop(0) if waiting else None, "content": value})
            continue
        message: dict[str, Any] = {"role": role, "content": value}
        if role == "assistant" and (thought := _THOUGHT.fullmatch(value)):
            message |= {"reasoning_content": thought[1], "content": thought[2] or None}
        if speaker == "function_call":
            message["tool_calls"] = _read_calls(index, message["content"], calls)
            message["content"] = None
            ids = [call["id"] for call in message["tool_calls"]]
            calls += len(ids)
            waiting += ids
        chat.append(message)
    tools = row.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools) if tools.strip() else None
        except ValueError as error:
            raise ValueError(f"`tools` is not JSON: {error}") from error
    converted = from_openai({"messages": chat, "tools": tools})
    shift = int(bool(row.get("system")))
    moved = [
        loss if loss.message is None else Loss(loss.code, max(0, loss.message - shift), loss.detail)
        for loss in converted.losses
    ]
    return Converted(converted.value, moved)


def _read_calls(index: int, value: str | None, before: int) -> list[dict[str, Any]]:
    try:
        given = json.loads(value or "")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"turn {index} is no JSON of a call: {error}") from error
    calls = given if isinstance(given, list) else [given]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        raise ValueError(f"turn {index} is a call without a name")
    return [
        {
            "id": f"call_{before + number}",
            "function": {"name": call["name"], "arguments": _arguments(call.get("arguments"))},
        }
        for number, call in enumerate(calls)
    ]


def _arguments(given: object) -> str:
    return given if isinstance(given, str) else json.dumps({} if given is None else given, ensure_ascii=False)
