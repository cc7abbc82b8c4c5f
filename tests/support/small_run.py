"""A small recorded evaluation with the Python tool, paced so that there is time to break it.

Six problems, three samples each: two calls that take a moment, then a right, a wrong or no answer.
"""

from __future__ import annotations

import json
from pathlib import Path

BENCHMARK = "sums"
SEEDS = 3
PROBLEMS = 6
THOUGHT = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
CALL = "<|channel|>analysis to=python code<|message|>{}<|call|>"
FINAL = "<|channel|>final<|message|>{}<|return|>"
# How each style of model writes: a thought, a call, the answer, and what the server stops at.
STYLES: dict[str, tuple[str, str, str, str | int]] = {
    "gpt-oss": (THOUGHT, CALL, FINAL, 200012),
    "openmath": ("{}\n", "<tool_call>\n{}\n</tool_call>", "{}", "</tool_call>"),
    "llama3": ("{}\n", "<|python_tag|>{}<|eom_id|>", "{}", "<|eom_id|>"),
}


def problem(number: int) -> dict[str, str]:
    """One benchmark row."""
    return {
        "id": f"sum-{number}",
        "problem": f"What is the sum of the first {number + 10} positive integers?",
        "expected_answer": str((number + 10) * (number + 11) // 2),
    }


def sample(number: int, seed: int, style: str = "gpt-oss") -> dict[str, object]:
    """One recorded sample; which answer it gives depends on problem and seed."""
    thought, call, final, stop = STYLES[style]
    asked = problem(number)
    right = asked["expected_answer"]
    kind = (number + seed) % 4
    answer = {2: f"\\boxed{{{int(right) + 1}}}", 3: "I cannot tell."}.get(kind, f"\\boxed{{{right}}}")
    texts = [
        thought.format("Let me add them up.")
        + call.format(f"import time  # {number}/{seed}/0\ntime.sleep(0.05)\nn = {number + 10}"),
        thought.format("Now the sum.")
        + call.format(f"time.sleep(0.05)  # {number}/{seed}/1\nsum(range(n + 1))"),
        thought.format("That settles it.") + final.format(f"The sum is {answer}"),
    ]
    reasons = [stop, stop, None]
    rounds = [
        {"text": t, "finish_reason": "stop", "stop_reason": r} for t, r in zip(texts, reasons, strict=True)
    ]
    fields = {"id": asked["id"], "problem": asked["problem"], "seed": seed, "tool": True, "model": "m"}
    return fields | {"rounds": rounds}


def calls() -> set[str]:
    """The names of all calls, as they stand in their code: problem/seed/call."""
    return {f"{number}/{seed}/{at}" for number in range(PROBLEMS) for seed in range(SEEDS) for at in (0, 1)}


def write(folder: Path, style: str = "gpt-oss") -> Path:
    """Write the benchmark and its recording; gives the recording's path."""
    rows = [problem(n) for n in range(PROBLEMS)]
    (folder / f"{BENCHMARK}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    recording = folder / "recording.jsonl"
    samples = [sample(n, seed, style) for n in range(PROBLEMS) for seed in range(SEEDS)]
    recording.write_text("".join(json.dumps(s) + "\n" for s in samples))
    return recording
