"""The answers of `/v1/completions`, whole and in pieces, field by field as vLLM gives them."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

from mathforge.replay.playing import Step
from mathforge.replay.requests import Completion, completion_prompt, read_completion, typed, usage

COMPLETION_MAX_TOKENS = 16


def read(body: dict[str, Any], max_model_len: int) -> Completion:
    """A checked request. Without `max_tokens` it is 16; with null it is what the context leaves."""
    prompt = completion_prompt(body)
    asked = typed(body, "max_tokens", int) if "max_tokens" in body else COMPLETION_MAX_TOKENS
    return read_completion(
        body, prompt, max_model_len - len(prompt) if asked is None else asked, max_model_len
    )


@lru_cache(maxsize=1 << 18)
def quoted(value: str | int | None) -> str:
    """A field as JSON; token texts repeat, so most are quoted once."""
    return json.dumps(value)


class CompletionAnswer:
    """Builds the response to one request.

    Events are assembled from text pieces: a JSON encoder per token would cost more than everything else.
    """

    def __init__(self, request: Completion, model: str, answer_id: str) -> None:
        self._request = request
        self._head = {
            "id": f"cmpl-{answer_id}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        self._event_head = f'data: {json.dumps(self._head)[:-1]}, "choices": '
        self._opened = False

    def opening(self) -> str:
        """Nothing: the first event carries the first token."""
        return ""

    def event(self, step: Step) -> str:
        """One server-sent event; the prompt's ids are in the first only."""
        first, self._opened = not self._opened, True
        # A list of integers prints as JSON, at half the cost of encoding it.
        shown = self._request.return_token_ids
        prompt_ids = str(self._request.prompt.tolist()) if first and shown else "null"
        ids = f"[{step.id}]" if shown else "null"
        return (
            f'{self._event_head}[{{"index": 0, "text": {quoted(step.text)}, "logprobs": null, '
            f'"finish_reason": {quoted(step.finish_reason)}, "stop_reason": {quoted(step.stop_reason)}, '
            f'"prompt_token_ids": {prompt_ids}, "token_ids": {ids}}}], "usage": null}}\n\n'
        )

    def closing(self, count: int) -> str:
        """The last event: usage and no choice, if the request asked for it."""
        if not self._request.include_usage:
            return ""
        return f'{self._event_head}[], "usage": {json.dumps(usage(len(self._request.prompt), count))}}}\n\n'

    def whole(self, steps: list[Step]) -> dict[str, Any]:
        """The response of a request without streaming."""
        ids = self._request.return_token_ids
        choice = {
            "index": 0,
            "text": "".join(step.text for step in steps),
            "logprobs": None,
            "finish_reason": steps[-1].finish_reason,
            "stop_reason": steps[-1].stop_reason,
            "token_ids": [step.id for step in steps] if ids else None,
            "prompt_logprobs": None,
            "prompt_token_ids": self._request.prompt.tolist() if ids else None,
        }
        return self._head | {"choices": [choice], "usage": usage(len(self._request.prompt), len(steps))}
