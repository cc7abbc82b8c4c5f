"""The client beside the openai SDK and litellm: its CPU time alone, against a replay server at full speed.

Floor: an HTTP exchange of aiohttp and the JSON of the ids is what a request costs in Python at least. Goals:
2,000 requests/s of one core without streaming; 1,024 requests in flight in 500 MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mathforge import harmony
from mathforge.launching import Launch, launch

from .measure import Row
from .rivals.environments import interpreter

PROBLEM = "What is the sum of the first ten thousand positive integers?"
THOUGHT = "Let us see. " * 30
ANSWER = (
    f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>50005000"
)
PROMPT = (
    f"<|start|>system<|message|>{'You are a model. ' * 40}<|end|><|start|>user<|message|>{PROBLEM}<|end|>"
)
SCRIPT = Path(__file__).parent / "rivals" / "client_requests.py"
RIVALS = ("openai", "litellm")
CONCURRENCY = (1, 64, 1024)
REPEATS = 3  # of ours; the median counts


def rows() -> list[Row]:
    """CPU per request and per token event at three degrees of concurrency, and the memory of the largest."""
    table = []
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.jsonl"
        sample = {"id": "1", "problem": PROBLEM, "seed": 0, "tool": False, "model": "m"}
        recording.write_text(
            json.dumps(sample | {"rounds": [{"text": ANSWER, "finish_reason": "stop"}]}) + "\n"
        )
        with launch(Launch("m", "replay", recordings=(str(recording),)), folder) as [url]:
            for concurrency in CONCURRENCY:
                for mode in ("whole", "stream"):
                    table += _compare(url, concurrency, mode)
    return table


def _compare(url: str, concurrency: int, mode: str) -> list[Row]:
    ours = _figures("mathforge", url, concurrency, mode)
    rivals = {
        name: _figures(name, url, concurrency, mode)
        for name in RIVALS
        if (name, concurrency, mode) != ("litellm", 1024, "stream")  # that takes minutes of processor time
    }
    what = f"{concurrency:>5} at once, {'streamed' if mode == 'stream' else 'whole answers'}"
    table = [_row(what, ours, name, rival, mode) for name, rival in rivals.items()]
    if concurrency == max(CONCURRENCY):
        for name, rival in rivals.items():
            shown = f"{name} {rival['rss_mib']:.0f} MiB" if rival else name
            table.append(Row(f"{what}: peak memory", f"{ours['rss_mib']:.0f} MiB", shown, ""))
    return table


def _row(what: str, ours: dict[str, float], name: str, rival: dict[str, float], mode: str) -> Row:
    def cost(one: dict[str, float]) -> float:
        return one["cpu_s"] / (one["tokens"] if mode == "stream" else one["requests"])

    def shown(one: dict[str, float]) -> str:
        if mode == "stream":
            return f"{cost(one) * 1e6:.1f} us/event"
        return f"{cost(one) * 1e3:.2f} ms ({1 / cost(one):.0f}/s of a core)"

    if not rival:
        return Row(what, shown(ours), f"{name}: not measured", "")
    return Row(what, shown(ours), f"{name} {shown(rival)}", f"{cost(rival) / cost(ours):.1f}x")


def _figures(client: str, url: str, concurrency: int, mode: str) -> dict[str, Any]:
    """The run with the median CPU of several; empty where the client's environment cannot be had."""
    try:
        python = Path(sys.executable) if client == "mathforge" else interpreter("client")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{client} is not measured: {error}", file=sys.stderr)
        return {}
    requests = {1: 300, 64: 2048, 1024: 4096}[concurrency] // (8 if mode == "stream" else 1)
    requests = max(requests // (1 if client == "mathforge" else 4), concurrency)
    prompt = json.dumps(harmony.encode(PROMPT + "<|start|>assistant"))
    command = [python, SCRIPT, client, url, str(concurrency), str(requests), mode, prompt]
    runs = []
    for _ in range(REPEATS if client == "mathforge" else 1):  # a rival's run takes minutes
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode or not done.stdout.strip():
            print(f"{client} failed: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return {}
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return sorted(runs, key=lambda one: one["cpu_s"])[len(runs) // 2]
