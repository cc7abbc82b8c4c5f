"""Harmony messages to OpenAI's chat messages and back.

One chat message holds reasoning, then content, then tool calls. Harmony messages of the assistant are
gathered into one as long as they come in that order; a final answer ends it. So the order of messages
survives.

    analysis                 -> `reasoning_content`
    commentary, nobody called -> `content` beside `tool_calls` (a preamble)
    final                    -> `content`
    call of functions.f      -> `tool_calls`, name `f`, the arguments as written
    call of python           -> `tool_calls`, name `python`, arguments `{"code": ...}`
    answer of a tool         -> role `tool`, `tool_call_id` of the call
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .. import harmony
from .losses import Converted, Loss, written_losses

INSTRUCTIONS = "# Instructions\n\n"
_HEADINGS = (INSTRUCTIONS, "# Tools\n\n")
_SYSTEM_MARK = "# Valid channels: "
_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
_KNOWN_FIELDS = {"role", "content", "name", "tool_calls", "tool_call_id", "refusal", *_REASONING_KEYS}


def to_openai(
    messages: Sequence[harmony.Message], *, reasoning_key: str = "reasoning_content"
) -> Converted[dict[str, Any]]:
    """Chat messages of a conversation: `{"messages": [...]}`.

    Args:
        messages: parsed or built.
        reasoning_key: where the analysis goes: vLLM's older name, or `reasoning`, or `thinking` for the
        chat template.
    """
    writer = _Writer(reasoning_key)
    for index, message in enumerate(messages):
        writer.add(index, message)
    writer.finish()
    losses = written_losses(list(messages)) + writer.losses
    return Converted({"messages": writer.chat}, losses)


class _Writer:
    def __init__(self, reasoning_key: str) -> None:
        self.chat: list[dict[str, Any]] = []
        self.losses: list[Loss] = []
        self._reasoning_key = reasoning_key
        self._open: dict[str, Any] | None = None
        self._preamble: int | None = None  # index of a commentary message no call has followed yet
        self._waiting: list[tuple[str, str, str | None]] = []  # id, author of the answer, channel
        self._calls = 0

    def add(self, index: int, message: harmony.Message) -> None:
        if message.role == "assistant":
            self._assistant(index, message)
            return
        self._close()
        if message.role == "tool":
            self._answer(index, message)
            return
        content = instructions_of(message.content) if message.role == "developer" else message.content
        chat: dict[str, Any] = {"role": message.role, "content": content}
        if message.author != message.role:
            chat["name"] = message.author.partition(":")[2]
        if message.role == "system" and _SYSTEM_MARK not in message.content:
            self._lose(
                "system_role", index, "not a system message of Harmony: it would come back as instructions"
            )
        if message.role == "developer" and not message.content.startswith(_HEADINGS):
            self._lose("author", index, "a developer message without headings")
        for name in ("channel", "recipient", "content_type"):
            self._expect(index, name, getattr(message, name), None)
        self.chat.append(chat)

    def _assistant(self, index: int, message: harmony.Message) -> None:
        if message.author != "assistant":
            self._lose("author", index, message.author)
        if message.recipient is not None and message.tool is not None:
            self._call(index, message)
            return
        self._expect(index, "recipient", message.recipient, None)
        self._expect(index, "content_type", message.content_type, None)
        if message.channel == "analysis":
            self._begin()[self._reasoning_key] = message.content
            return
        is_preamble = message.channel == "commentary"
        if not is_preamble:
            self._expect(index, "channel", message.channel, "final")
        if self._open is None or self._open["content"] is not None or self._open.get("tool_calls"):
            self._begin()
        assert self._open is not None
        self._open["content"] = message.content
        if is_preamble:
            self._preamble = index
        else:
            self._close()

    def _call(self, index: int, message: harmony.Message) -> None:
        recipient = message.recipient or ""
        name, arguments, is_python = recipient, message.content, recipient == "python"
        if is_python:
            arguments = json.dumps({"code": message.content}, ensure_ascii=False)
        elif recipient.startswith("functions."):
            name = recipient.removeprefix("functions.")
            if name == "python" or "." in name or name.startswith("browser"):
                self._lose("recipient", index, recipient)
        elif not recipient.startswith("browser."):
            self._lose("recipient", index, recipient)
        in_analysis = is_python or recipient.startswith("browser.")
        channel = "analysis" if in_analysis else "commentary"
        self._expect(index, "channel", message.channel, channel)
        self._expect(index, "content_type", message.content_type, "code" if in_analysis else "json")
        self._expect(index, "content_type", message.constrained, not in_analysis)
        call_id = f"call_{self._calls}"
        self._calls += 1
        self._preamble = None
        chat = self._open if self._open is not None else self._begin()
        chat.setdefault("tool_calls", []).append(
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        )
        self._waiting.append((call_id, recipient, message.channel))

    def _answer(self, index: int, message: harmony.Message) -> None:
        at = next((at for at, (_, author, _) in enumerate(self._waiting) if author == message.author), None)
        call_id, _, channel = self._waiting.pop(at or 0) if self._waiting else ("", "", None)
        if at is None:
            self._lose("tool_name", index, message.author)
        self._expect(index, "channel", message.channel, channel)
        self._expect(index, "recipient", message.recipient, "assistant")
        self._expect(index, "content_type", message.content_type, None)
        self.chat.append({"role": "tool", "tool_call_id": call_id, "content": message.content})

    def finish(self) -> None:
        self._close()

    def _begin(self) -> dict[str, Any]:
        self._close()
        self._open = {"role": "assistant", "content": None}
        self.chat.append(self._open)
        return self._open

    def _close(self) -> None:
        if self._preamble is not None:
            self._lose("channel", self._preamble, "a preamble that no call follows becomes the answer")
        self._open = self._preamble = None

    def _expect(self, index: int, name: str, value: object, expected: object) -> None:
        if value != expected:
            self._lose(name, index, f"{value!r}, read back as {expected!r}")

    def _lose(self, code: str, index: int, detail: str) -> None:
        self.losses.append(Loss(code, index, detail))


def instructions_of(content: str) -> str:
    """The instructions of a developer message; all of it where there is more than instructions."""
    text = content.removeprefix(INSTRUCTIONS)
    is_plain = content != text and "# Tools\n\n" not in text and not text.startswith(_HEADINGS)
    return text if is_plain else content


def from_openai(row: Mapping[str, Any]) -> Converted[list[harmony.Message]]:
    """Harmony messages of `{"messages": [...], "tools": [...]}`.

    Raises:
        ValueError: a message that is none; says which.
    """
    reader = _Reader()
    given = row.get("messages")
    if not isinstance(given, list):
        raise ValueError("`messages` is not a list")
    for index, message in enumerate(given):
        if not isinstance(message, dict):
            raise ValueError(f"message {index} is not an object")
        reader.add(index, message)
    tools = row.get("tools")
    return Converted(with_tools(reader.messages, tools, reader.losses), reader.losses)


def with_tools(messages: list[harmony.Message], tools: object, losses: list[Loss]) -> list[harmony.Message]:
    """The same messages, the developer's extended by tools.

    Raises:
        ValueError: the tools are no list of functions.
    """
    if not tools:
        return messages
    if not isinstance(tools, list):
        raise ValueError("`tools` is not a list")
    losses.append(Loss("tools", None, f"{len(tools)} schemas"))
    at = next((at for at, message in enumerate(messages) if message.role == "developer"), None)
    if at is None:
        at = sum(message.role == "system" for message in messages[:1])
        return [*messages[:at], harmony.developer(tools=tools), *messages[at:]]
    section = harmony.developer(tools=tools).content
    extended = harmony.Message(
        "developer", f"{messages[at].content}\n\n{section}", author=messages[at].author
    )
    return [*messages[:at], extended, *messages[at + 1 :]]


class _Reader:
    def __init__(self) -> None:
        self.messages: list[harmony.Message] = []
        self.losses: list[Loss] = []
        self._callers: dict[str, harmony.Message] = {}
        self._calls = 0

    def add(self, index: int, chat: dict[str, Any]) -> None:
        role = chat.get("role")
        for name in sorted(chat.keys() - _KNOWN_FIELDS):
            if chat[name] is not None and chat[name] != []:
                self._lose("field", index, name)
        # Not sets: any JSON may stand here, a list as well.
        if role == "assistant":
            self._assistant(index, chat)
        elif role in ("tool", "function"):
            self._answer(index, chat)
        elif role in ("system", "developer", "user"):
            self._speaker(index, chat, role)
        else:
            raise ValueError(f"message {index} has the role {role!r}")

    def _speaker(self, index: int, chat: dict[str, Any], role: str) -> None:
        text = self._text(index, chat.get("content")) or ""
        if role == "system" and _SYSTEM_MARK not in text:
            role = "developer"
            self._lose("system_role", index, "it becomes the developer message")
        if role == "developer" and not text.startswith(_HEADINGS):
            text = INSTRUCTIONS + text
        name = chat.get("name")
        self.messages.append(harmony.Message(role, text, author=f"{role}:{name}" if name else role))

    def _assistant(self, index: int, chat: dict[str, Any]) -> None:
        calls = chat.get("tool_calls") or []
        given = [chat[key] for key in _REASONING_KEYS if chat.get(key) is not None]
        if chat.get("name"):
            self._lose("field", index, "name")
        if given:
            self.messages.append(harmony.Message("assistant", str(given[0]), channel="analysis"))
        text = self._text(index, chat.get("content"))
        if text is None and chat.get("refusal"):
            text = str(chat["refusal"])
        # Servers write an empty content beside calls and thoughts.
        if text or (text == "" and not calls and not given):
            channel = "commentary" if calls else "final"
            self.messages.append(harmony.Message("assistant", text, channel=channel))
        elif text == "":
            self._lose("field", index, "an empty content")
        for call in calls:
            self._call(index, call)

    def _call(self, index: int, call: object) -> None:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not function.get("name"):
            raise ValueError(f"message {index} has a tool call without a function name")
        name, arguments = str(function["name"]), function.get("arguments")
        if not isinstance(arguments, str):
            self._lose("arguments", index, "an object, not its text")
            arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        if call.get("id") != f"call_{self._calls}":
            self._lose("tool_call_id", index, str(call.get("id")))
        self._calls += 1
        message = self._called(index, name, arguments)
        self._callers[str(call.get("id"))] = message
        self.messages.append(message)

    def _called(self, index: int, name: str, arguments: str) -> harmony.Message:
        code = python_code(arguments) if name == "python" else None
        if code is not None:
            if arguments != json.dumps({"code": code}, ensure_ascii=False):
                self._lose("arguments", index, "spacing or order of the JSON")
            return harmony.Message(
                "assistant", code, channel="analysis", recipient="python", content_type="code"
            )
        if name.startswith("browser."):
            return harmony.Message(
                "assistant", arguments, channel="analysis", recipient=name, content_type="code"
            )
        recipient = f"functions.{name.removeprefix('functions.')}"
        return harmony.Message(
            "assistant",
            arguments,
            channel="commentary",
            recipient=recipient,
            content_type="<|constrain|>json",
        )

    def _answer(self, index: int, chat: dict[str, Any]) -> None:
        call = self._callers.get(str(chat.get("tool_call_id")))
        author, channel = chat.get("name") or "python", "commentary"
        if call is not None:
            author, channel = call.recipient or "python", call.channel or channel
        else:
            self._lose("tool_name", index, f"no call {chat.get('tool_call_id')!r} came before")
            author = author if author == "python" or "." in author else f"functions.{author}"
        text = self._text(index, chat.get("content")) or ""
        self.messages.append(harmony.tool_result(text, tool=author, channel=channel))

    def _text(self, index: int, content: object) -> str | None:
        if content is None or isinstance(content, str):
            return content
        if not isinstance(content, list):
            raise ValueError(f"message {index} has a content that is neither text nor a list of parts")
        texts = []
        for part in content:
            if isinstance(part, str):
                texts.append(part)
            elif isinstance(part, dict) and isinstance(part.get("text"), str):
                texts.append(part["text"])
            else:
                self._lose("non_text", index, str(part.get("type")) if isinstance(part, dict) else "")
        if len(content) > 1:
            self._lose("field", index, "the division of the content into parts")
        return "".join(texts)

    def _lose(self, code: str, index: int, detail: str) -> None:
        self.losses.append(Loss(code, index, detail))


def python_code(arguments: str) -> str | None:
    """The code in `{"code": ...}`; None where the arguments are something else."""
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    is_code = isinstance(given, dict) and given.keys() == {"code"} and isinstance(given["code"], str)
    return given["code"] if is_code else None
