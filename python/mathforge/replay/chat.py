"""The answers of `/v1/chat/completions` for gpt-oss, as vLLM gives them.

The final channel becomes `content`, analysis becomes `reasoning`. A call of a tool that the request did not
declare is dropped without a word and `content` is null: vLLM without its tool flags does the same.
"""

from __future__ import annotations

import json
import time
from typing import Any

from mathforge import harmony
from mathforge.replay.playing import Step
from mathforge.replay.requests import Completion, chat_prompt, read_completion, typed, usage

THINKING = frozenset({"analysis", "commentary"})


def read(body: dict[str, Any], max_model_len: int) -> Completion:
    """A checked request. Without a limit it is what the context leaves."""
    prompt = chat_prompt(body)
    asked = typed(body, "max_completion_tokens", int)
    asked = typed(body, "max_tokens", int) if asked is None else asked
    return read_completion(
        body, prompt, max_model_len - len(prompt) if asked is None else asked, max_model_len
    )


def field_of(message: harmony.Message | None) -> str | None:
    """Where a message's text goes: "reasoning", "content" or, for tool calls, nowhere."""
    if message is None or message.role != "assistant" or message.recipient is not None:
        return None
    return "reasoning" if message.channel == "analysis" else "content"


class ChatAnswer:
    """Builds the response to one request."""

    def __init__(self, request: Completion, model: str, answer_id: str) -> None:
        self._request = request
        self._model = model
        self._id = f"chatcmpl-{answer_id}"
        self._created = int(time.time())
        self._parser = harmony.StreamParser()
        self._field: str | None = None
        self._thinking = False
        self._reasoning_tokens = 0

    def opening(self) -> str:
        """The first event names the role; it carries the prompt's ids if asked for."""
        prompt_ids = self._request.prompt.tolist() if self._request.return_token_ids else None
        return self._event({"role": "assistant", "content": ""}, extra={"prompt_token_ids": prompt_ids})

    def event(self, step: Step) -> str:
        """One server-sent event for one token; none for one that shows nothing, unless ids are asked for."""
        delta = self._take(step.id)
        if not delta and step.finish_reason is None and not self._request.return_token_ids:
            return ""
        return self._event(delta, step)

    def _take(self, id_: int) -> dict[str, str]:
        """The text one more token shows, by field; tokens inside a thinking message are counted."""
        delta: dict[str, str] = {}
        was_thinking = self._thinking
        for event in self._parser.push([id_]):
            if event.kind == "message_start":
                self._field = field_of(event.message)
                self._thinking = event.message is not None and event.message.channel in THINKING
            elif event.kind == "message_end":
                self._thinking = False
            elif self._field is not None:
                delta[self._field] = delta.get(self._field, "") + event.text
        self._reasoning_tokens += was_thinking and self._thinking
        return delta

    def closing(self, count: int) -> str:
        """The last event: usage and no choice, if the request asked for it."""
        if not self._request.include_usage:
            return ""
        counts = usage(len(self._request.prompt), count, self._reasoning_tokens)
        return self._data({"choices": [], "usage": counts}, "chat.completion.chunk")

    def whole(self, steps: list[Step]) -> dict[str, Any]:
        """The response of a request without streaming."""
        ids = [step.id for step in steps]
        texts: dict[str | None, list[str]] = {}
        for message in harmony.parse(ids):
            texts.setdefault(field_of(message), []).append(message.content)
        for id_ in ids:
            self._take(id_)
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "".join(texts["content"]) if "content" in texts else None,
                "refusal": None,
                "tool_calls": [],
                "reasoning": "\n".join(texts["reasoning"]) if "reasoning" in texts else None,
            },
            "logprobs": None,
            "finish_reason": steps[-1].finish_reason,
            "stop_reason": steps[-1].stop_reason,
            "token_ids": ids if self._request.return_token_ids else None,
        }
        return self._fields("chat.completion") | {
            "choices": [choice],
            "usage": usage(len(self._request.prompt), len(ids), self._reasoning_tokens),
            "prompt_token_ids": self._request.prompt.tolist() if self._request.return_token_ids else None,
        }

    def _event(
        self, delta: dict[str, str], step: Step | None = None, extra: dict[str, Any] | None = None
    ) -> str:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": step.finish_reason if step else None,
            "stop_reason": step.stop_reason if step else None,
            "token_ids": [step.id] if step and self._request.return_token_ids else None,
        }
        return self._data({"choices": [choice]} | (extra or {}), "chat.completion.chunk")

    def _data(self, fields: dict[str, Any], kind: str) -> str:
        return f"data: {json.dumps(self._fields(kind) | fields)}\n\n"

    def _fields(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}
