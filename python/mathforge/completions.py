"""What a server's answer means: completions and chat completions, whole or streamed, and the errors in their
place."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

_CONTEXT_OVERFLOW = re.compile(
    r"maximum context length|context window|maximum model length|max_model_len|max_tokens must be at least|"
    r"maximum input length|input is too long|prompt is too long|longer than the model's context",
    re.IGNORECASE,
)
# vLLM's Harmony parser gives up on malformed model output with a 400 that says so.
_MALFORMED_OUTPUT = re.compile(
    r"output messages \(reasoning and final\)|HarmonyError|unexpected tokens remaining", re.I
)


class RefusedError(Exception):
    """The server answered a request with an error, as an HTTP status or inside a stream.

    Attributes:
        status: HTTP status; 500 for an error inside a stream that names none.
        message: what the server said.
        retry_after_s: how long it asks to wait, or None.
    """

    def __init__(
        self, status: int, message: str, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status = status
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def is_context_overflow(self) -> bool:
        """Whether prompt and budget do not fit into the context window."""
        return self.status in {400, 413, 422} and (
            self.param == "input_tokens" or _CONTEXT_OVERFLOW.search(self.message) is not None
        )

    @property
    def is_malformed_output(self) -> bool:
        """Whether the server could not parse what the model wrote."""
        return self.status in {400, 500} and _MALFORMED_OUTPUT.search(self.message) is not None

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status == 429 or self.status >= 500


@dataclass(slots=True)
class Answer:
    """One finished answer of the server, collected from one or many chunks.

    Attributes:
        texts: pieces of `text`.
        reasonings: pieces of `reasoning`.
        token_ids: sampled ids, or None when the server sends none.
        finish_reason: `stop`, `length` or what the server says.
        stop_reason: stop token id or string, None for the primary end token.
        completion_tokens: as counted by the server, or None.
        reasoning_tokens: likewise, of the reasoning alone.
        prompt_token_ids: chat: the prompt as the server rendered it, where it tells.
        has_tool_calls: chat: whether the server found calls of tools.
    """

    texts: list[str] = field(default_factory=list)
    reasonings: list[str] = field(default_factory=list)
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    prompt_token_ids: list[int] | None = None
    has_tool_calls: bool = False

    @property
    def text(self) -> str:
        """Completions: sampled text; chat: content of the message."""
        self.texts = ["".join(self.texts)]
        return self.texts[0]

    @property
    def reasoning(self) -> str | None:
        """Chat: analysis text, or None."""
        if not self.reasonings:
            return None
        self.reasonings = ["".join(self.reasonings)]
        return self.reasonings[0]

    def add(self, chunk: dict[str, Any]) -> int:
        """Take in a whole answer or one chunk of a stream; returns the number of new tokens it shows."""
        if chunk.get("error"):
            raise read_error(500, json.dumps(chunk))
        usage = chunk.get("usage")
        if usage:
            self._add_usage(usage)
        if chunk.get("prompt_token_ids"):
            self.prompt_token_ids = chunk["prompt_token_ids"]
        choices = chunk.get("choices")
        if not choices:
            return 0
        choice = choices[0]
        text = choice.get("text")
        message = None
        if text is None:
            message = choice.get("message") or choice.get("delta") or {}
            self._add_message(message)
        elif text:
            self.texts.append(text)
        reason = choice.get("finish_reason")
        if reason:
            self.finish_reason = reason
        stop = choice.get("stop_reason", choice.get("matched_stop"))  # vLLM's name, SGLang's
        if stop is not None:
            self.stop_reason = stop
        ids = choice.get("token_ids")
        if ids is None:
            return 1 if text or message else 0
        if self.token_ids is None:
            self.token_ids = ids
        else:
            self.token_ids += ids
        return len(ids)

    def _add_message(self, message: dict[str, Any]) -> None:
        if message.get("content"):
            self.texts.append(message["content"])
        if reasoning := message.get("reasoning") or message.get("reasoning_content"):
            self.reasonings.append(reasoning)
        if message.get("tool_calls"):
            self.has_tool_calls = True

    def _add_usage(self, usage: dict[str, Any]) -> None:
        if isinstance(usage.get("completion_tokens"), int):
            self.completion_tokens = usage["completion_tokens"]
        details = usage.get("completion_tokens_details")
        if isinstance(details, dict) and isinstance(details.get("reasoning_tokens"), int):
            self.reasoning_tokens = details["reasoning_tokens"]


@dataclass(slots=True)
class EventLines:
    """Server-sent events out of arbitrary byte chunks: yields the JSON objects of `data:` lines, stops at
    `[DONE]`."""

    _tail: bytearray = field(default_factory=bytearray)

    def push(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Take in bytes; yields each object that became complete."""
        self._tail += data
        end = self._tail.rfind(b"\n")
        if end < 0:
            return
        complete, self._tail = self._tail[:end], self._tail[end + 1 :]
        for line in complete.splitlines():
            if not line.startswith(b"data:"):
                continue
            payload = line[5:].strip()
            if payload and payload != b"[DONE]":
                yield json.loads(payload)


def read_error(status: int, body: str, retry_after: str | None = None) -> RefusedError:
    """The error in a response body: `{"error": {...}}`, vLLM's older flat form, or plain text."""
    message, param = " ".join(body.split())[:500] or "no message", None
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        error = parsed.get("error", parsed)
        if isinstance(error, dict):
            message = str(error.get("message") or error.get("detail") or message)
            param = error.get("param")
            if status == 500 and isinstance(error.get("code"), int) and 400 <= error["code"] < 600:
                status = error["code"]
        else:
            message = str(error)
    return RefusedError(status, message, param, _seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """The Retry-After header: seconds, or a date (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())
