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


def problem(number: int) -> dict[str, str]:
    """One benchmark row."""
    return {
        "id": f"sum-{number}",
        "problem": f"What is the sum of the first {number + 10} positive integers?",
        "expected_answer": str((number + 10) * (number + 11) // 2),
    }


def sample(number: int, seed: int) -> dict[str, object]:
    """One recorded sample; which answer it gives depends on problem and seed."""
    asked = problem(number)
    right = asked["expected_answer"]
    kind = (number + seed) % 4
    answer = {2: f"\\boxed{{{int(right) + 1}}}", 3: "I cannot tell."}.get(kind, f"\\boxed{{{right}}}")
    texts = [
        THOUGHT.format("Let me add them up.")
        + CALL.format(f"import time  # {number}/{seed}/0\ntime.sleep(0.05)\nn = {number + 10}"),
        THOUGHT.format("Now the sum.")
        + CALL.format(f"time.sleep(0.05)  # {number}/{seed}/1\nsum(range(n + 1))"),
        THOUGHT.format("That settles it.") + FINAL.format(f"The sum is {answer}"),
    ]
    reasons = [200012, 200012, None]
    rounds = [
        {"text": t, "finish_reason": "stop", "stop_reason": r} for t, r in zip(texts, reasons, strict=True)
    ]
    fields = {"id": asked["id"], "problem": asked["problem"], "seed": seed, "tool": True, "model": "m"}
    return fields | {"rounds": rounds}


def calls() -> set[str]:
    """The names of all calls, as they stand in their code: problem/seed/call."""
    return {f"{number}/{seed}/{at}" for number in range(PROBLEMS) for seed in range(SEEDS) for at in (0, 1)}


def write(folder: Path) -> Path:
    """Write the benchmark and its recording; gives the recording's path."""
    rows = [problem(n) for n in range(PROBLEMS)]
    (folder / f"{BENCHMARK}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    recording = folder / "recording.jsonl"
    samples = [sample(n, seed) for n in range(PROBLEMS) for seed in range(SEEDS)]
    recording.write_text("".join(json.dumps(s) + "\n" for s in samples))
    return recording
