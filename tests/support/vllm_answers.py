"""Requests whose answers by a real vLLM are kept in a file, to hold the replay server against."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mathforge import harmony
from support.replaying import exchange, prompt_text
from support.sums import CALL_ROUND, PROBLEM

PATH = Path(__file__).resolve().parents[1] / "vllm" / "answers.json"
# What no two answers share, or no client reads.
VOLATILE = frozenset({"id", "created", "system_fingerprint"})

_PLAIN = harmony.encode(prompt_text(PROBLEM))
_TOOL = harmony.encode(prompt_text(PROBLEM, tool=True))
_NEXT = harmony.encode(prompt_text(PROBLEM, tool=True, results=(exchange(CALL_ROUND, "1024"),)))
_IDS = {"return_token_ids": True, "skip_special_tokens": False, "include_stop_str_in_output": True}
_STREAM = {"stream": True, "stream_options": {"include_usage": True}}
_ASK = {"messages": [{"role": "user", "content": PROBLEM}], "max_tokens": 64}

# name -> path and body
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ids": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 64, **_IDS}),
    "ids streamed": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 64, **_IDS, **_STREAM}),
    "call": ("/v1/completions", {"prompt": _TOOL, "max_tokens": 64, **_IDS}),
    "call streamed": ("/v1/completions", {"prompt": _TOOL, "max_tokens": 64, **_IDS, **_STREAM}),
    "after the call": ("/v1/completions", {"prompt": _NEXT, "max_tokens": 64, **_IDS}),
    "stop ids": (
        "/v1/completions",
        {"prompt": _TOOL, "max_tokens": 64, **_IDS, "stop_token_ids": [200002, 200012, 199999]},
    ),
    "cut": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 5, **_IDS}),
    "cut streamed": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 5, **_IDS, **_STREAM}),
    "plain": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 64}),
    "stop string": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 64, "stop": ["tenth"], **_IDS}),
    "chat": ("/v1/chat/completions", {**_ASK, "return_token_ids": True}),
    "chat streamed": ("/v1/chat/completions", {**_ASK, **_STREAM}),
    "too long": ("/v1/completions", {"prompt": _PLAIN * 200, "max_tokens": 64}),
    "unknown model": ("/v1/completions", {"prompt": _PLAIN, "max_tokens": 4, "model": "other"}),
}


def ask(url: str, name: str) -> dict[str, Any]:
    """Status and answer of one of the requests; a streamed answer is the list of its events."""
    path, body = REQUESTS[name]
    data = json.dumps({"model": "m", "seed": 0, "temperature": 0} | body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    if text.startswith("data:"):
        events = [line[5:].strip() for line in text.splitlines() if line]
        return {"status": status, "events": [e if e == "[DONE]" else stable(json.loads(e)) for e in events]}
    return {"status": status, "answer": stable(json.loads(text))}


def stable(value: Any) -> Any:
    """A JSON value without what differs between two answers to the same request."""
    if isinstance(value, dict):
        return {key: stable(below) for key, below in value.items() if key not in VOLATILE}
    return [stable(below) for below in value] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """Names and types of a JSON value; of lists the shapes that occur."""
    if isinstance(value, dict):
        return {key: shape(below) for key, below in sorted(value.items())}
    if isinstance(value, list):
        shapes = {json.dumps(shape(below), sort_keys=True) for below in value}
        return [json.loads(one) for one in sorted(shapes)]
    return type(value).__name__
