"""A replay server on loopback, in a thread of this process, and the requests to speak to it with."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mathforge import harmony
from mathforge.replay.recording import load
from mathforge.replay.server import ReplayServer, Settings

from .listening import listening

SYSTEM = "<|start|>system<|message|>You are ChatGPT.{tool}<|end|>"
TOOL = "\n\n# Tools\n\n## python\n\nUse this tool."


@contextlib.contextmanager
def replaying(*recordings: Path, log: list[str] | None = None, **settings: Any) -> Iterator[str]:
    """Serve recordings; gives the address."""
    server = ReplayServer(
        load(recordings), Settings(**{"model": "m"} | settings), (log if log is not None else []).append
    )
    with listening(server.application()) as address:
        yield address


def prompt_text(
    problem: str, *, tool: bool = False, results: tuple[str, ...] = (), tail: str = "<|start|>assistant"
) -> str:
    """A conversation as an evaluation would send it, after the given (call, result) texts."""
    text = SYSTEM.format(tool=TOOL if tool else "") + f"<|start|>user<|message|>{problem}<|end|>"
    return text + "".join(results) + tail


def exchange(call: str, output: str) -> str:
    """A sampled round that calls Python, and the tool's answer, as they stand in the next prompt."""
    return (
        f"<|start|>assistant{call}<|start|>python to=assistant<|channel|>analysis<|message|>{output}<|end|>"
    )


def post(
    url: str,
    body: dict[str, Any] | bytes,
    headers: dict[str, str] | None = None,
    path: str = "/v1/completions",
) -> tuple[int, dict[str, Any]]:
    """POST without streaming: (HTTP status, JSON answer)."""
    data = body if isinstance(body, bytes) else json.dumps({"model": "m"} | body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def stream(url: str, body: dict[str, Any], path: str = "/v1/completions") -> list[dict[str, Any]]:
    """POST with streaming: the events up to [DONE], which must come last."""
    data = json.dumps({"model": "m", "stream": True} | body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        events = [line[6:] for line in response.read().decode().splitlines() if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def ids_of(text: str) -> list[int]:
    """Harmony text as ids."""
    return list(harmony.encode(text))
