"""What a server's answer means: completions and chat completions, whole or streamed, and the errors in their
place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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
        text: completions: sampled text; chat: content of the message.
        reasoning: chat: analysis text, or None.
        token_ids: sampled ids, or None when the server sends none.
        finish_reason: `stop`, `length` or what the server says.
        stop_reason: stop token id or string, None for the primary end token.
        completion_tokens: as counted by the server, or None.
        prompt_token_ids: the prompt as the server rendered it, or None when it does not say.
    """

    text: str = ""
    reasoning: str | None = None
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    completion_tokens: int | None = None
    prompt_token_ids: list[int] | None = None

    def add(self, chunk: dict[str, Any]) -> int:
        """Take in a whole answer or one chunk of a stream; returns the number of new tokens it shows."""
        if chunk.get("error"):
            raise read_error(500, json.dumps(chunk))
        usage = chunk.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("completion_tokens"), int):
            self.completion_tokens = usage["completion_tokens"]
        self.prompt_token_ids = chunk.get("prompt_token_ids") or self.prompt_token_ids
        choices = chunk.get("choices") or []
        if not choices:
            return 0
        choice = choices[0]
        message = choice.get("message") or choice.get("delta") or {}
        self.text += choice.get("text") or message.get("content") or ""
        reasoning = message.get("reasoning") or message.get("reasoning_content")
        if reasoning:
            self.reasoning = (self.reasoning or "") + reasoning
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        if choice.get("stop_reason") is not None:
            self.stop_reason = choice["stop_reason"]
        ids = choice.get("token_ids")
        if ids is None:
            return 1 if choice.get("text") or message else 0
        self.token_ids = (self.token_ids or []) + ids
        return len(ids)


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
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return RefusedError(status, message, param, wait)
