"""CPU time of the replay server itself: per token streamed, and per request answered whole."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from .measure import Row

REQUESTS = 100
TOKENS = 2000
PROMPT_TOKENS = 20000


def rows() -> list[Row]:
    """Figures for requests with a long prompt of ids, as the late rounds of a sample with tools have."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.jsonl"
        rounds = [{"token_ids": [1000 + i for i in range(TOKENS - 1)] + [200002]}]
        recording.write_text(json.dumps({"id": "1", "problem": "", "tool": False, "rounds": rounds}))
        floor = server_cpu_seconds(recording, 0, stream=False)
        whole = server_cpu_seconds(recording, REQUESTS, stream=False) - floor
        streamed = server_cpu_seconds(recording, REQUESTS, stream=True) - floor
    what = f"{TOKENS} tokens behind a prompt of {PROMPT_TOKENS} ids"
    return [
        Row(f"replay, answered whole: {what}", f"{whole / REQUESTS * 1e3:.1f} ms per request"),
        Row(f"replay, streamed: {what}", f"{streamed / REQUESTS / TOKENS * 1e6:.1f} us per event"),
    ]


def server_cpu_seconds(recording: Path, requests: int, *, stream: bool) -> float:
    """User and system seconds of a server process that answers so many requests, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "mathforge",
        "serve",
        "--replay",
        str(recording),
        "--port",
        "0",
        "--model",
        "m",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        body = {"model": "m", "prompt": [500] * PROMPT_TOKENS, "max_tokens": TOKENS, "stream": stream}
        data = json.dumps(body | {"return_token_ids": True}).encode()
        headers = {"Content-Type": "application/json", "X-Request-Id": "bench/1/rs0/0"}
        for _ in range(requests):
            request = urllib.request.Request(address + "/v1/completions", data, headers)
            with urllib.request.urlopen(request) as answer:
                answer.read()
        server.terminate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
