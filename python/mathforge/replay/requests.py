"""Completion requests: read, checked, and refused in vLLM's words and shapes.

Errors are `{"error": {"message", "type", "param", "code"}}`. An option the replay cannot honour (several
choices, log probabilities, echo) is refused rather than ignored.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from mathforge import harmony
from mathforge.replay.playing import Sampling

UNSUPPORTED = {
    "n": (None, 1),
    "best_of": (None, 1),
    "echo": (None, False),
    "logprobs": (None, False),
    "suffix": (None, ""),
}


class RequestError(Exception):
    """A request that is answered with an HTTP error."""

    def __init__(self, status: int, kind: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def bad_request(message: str, param: str | None = None) -> RequestError:
    """HTTP 400."""
    return RequestError(400, "BadRequestError", message, param)


@dataclass(frozen=True, slots=True)
class Completion:
    """A checked request of either endpoint: what to continue, how long, and how to answer."""

    prompt: array[int]
    sampling: Sampling
    seed: int | None
    stream: bool
    include_usage: bool
    return_token_ids: bool


def read_completion(
    body: dict[str, Any], prompt: array[int], max_tokens: int, max_model_len: int
) -> Completion:
    """The options both endpoints share.

    Args:
        body: the request's JSON.
        prompt: its prompt as ids.
        max_tokens: how many tokens it asks for at most.
        max_model_len: prompt and completion tokens the served model has room for.

    Raises:
        RequestError: HTTP 400.
    """
    for name, allowed in UNSUPPORTED.items():
        if body.get(name) not in allowed:
            raise bad_request(f"A replay cannot honour {name}={body[name]!r}.", name)
    if len(prompt) >= max_model_len or len(prompt) + max_tokens > max_model_len:
        raise bad_request(
            f"This model's maximum context length is {max_model_len} tokens. However, you requested "
            f"{max_tokens} output tokens and your prompt contains {len(prompt)} input tokens, for a total "
            f"of {len(prompt) + max_tokens} tokens. Please reduce the length of the input prompt or the "
            "number of requested output tokens.",
            "input_tokens",
        )
    if max_tokens < 1:
        raise bad_request(f"max_tokens must be at least 1, got {max_tokens}.", "max_tokens")
    stop = typed(body, "stop", str | list) or []
    stop_ids = typed(body, "stop_token_ids", list) or []
    if not all(isinstance(id_, int) for id_ in stop_ids):
        raise bad_request("stop_token_ids must be a list of ids.", "stop_token_ids")
    stream_options = typed(body, "stream_options", dict) or {}
    sampling = Sampling(
        max_tokens=max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        stop_token_ids=frozenset(stop_ids),
        include_stop=bool(body.get("include_stop_str_in_output", False)),
        skip_special=bool(body.get("skip_special_tokens", True)),
    )
    if not all(isinstance(s, str) and s for s in sampling.stop):
        raise bad_request("stop must be a non-empty string or a list of them.", "stop")
    return Completion(
        prompt=prompt,
        sampling=sampling,
        seed=typed(body, "seed", int),
        stream=bool(body.get("stream", False)),
        include_usage=bool(stream_options.get("include_usage", False)),
        return_token_ids=bool(body.get("return_token_ids", False)),
    )


def typed(body: dict[str, Any], name: str, kind: Any) -> Any:
    """A field of the request, or None; another type than `kind` is HTTP 400."""
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise bad_request(f"{name} has the wrong type: {type(value).__name__}.", name)
    return value


def completion_prompt(body: dict[str, Any]) -> array[int]:
    """The prompt of `/v1/completions`: a text, a list of ids, or a list of one of these."""
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str | list):
        prompt = prompt[0]
    if isinstance(prompt, str):
        return array("I", harmony.encode(prompt))
    if not isinstance(prompt, list) or not prompt:
        raise bad_request("prompt must be one text or one non-empty list of token ids.", "prompt")
    try:
        ids = array("I", prompt)
    except (TypeError, OverflowError):
        raise bad_request("prompt must be one text or one list of token ids.", "prompt") from None
    if max(ids) >= harmony.VOCABULARY_SIZE:
        raise bad_request(f"Token id {max(ids)} is out of vocabulary", "prompt")
    return ids


def chat_prompt(body: dict[str, Any]) -> array[int]:
    """The prompt of `/v1/chat/completions`, rendered as vLLM renders it for gpt-oss.

    A client's system message becomes the developer message; the effort comes from `reasoning_effort` alone.
    """
    messages = typed(body, "messages", list)
    if not messages:
        raise bad_request("messages must be a non-empty list.", "messages")
    rendered = [harmony.system(typed(body, "reasoning_effort", str) or "medium")]
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in {"system", "developer", "user", "assistant"}:
            raise bad_request(f"A replay does not know the message role {role!r}.", "messages")
        text = content_text(message.get("content"))
        if role == "assistant":
            rendered.append(harmony.Message("assistant", text, channel="final"))
        else:
            rendered.append(harmony.user(text) if role == "user" else harmony.developer(text))
    return array("I", harmony.render(rendered))


def content_text(content: Any) -> str:
    """A chat message's text: a string, or the text parts of a list."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def usage(prompt_tokens: int, completion_tokens: int, reasoning_tokens: int | None = None) -> dict[str, Any]:
    """The `usage` object; reasoning tokens only where the endpoint counts them."""
    counts: dict[str, Any] = {
        "prompt_tokens": prompt_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "completion_tokens": completion_tokens,
        "prompt_tokens_details": None,
    }
    if reasoning_tokens is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": reasoning_tokens}
    return counts
