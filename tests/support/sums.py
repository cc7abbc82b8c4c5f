"""A recording of two small problems, with and without the tool, one sample of it cut by its limit."""

import json
from pathlib import Path
from typing import Any

THOUGHT = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>{}<|return|>"
CALL_ROUND = THOUGHT.format("Let's compute.") + "<|channel|>analysis to=python code<|message|>2**10<|call|>"
LAST_ROUND = THOUGHT.format("So ∎🧮.") + FINAL.format("It is \\boxed{1024}.")
PLAIN_ROUND = THOUGHT.format("Two to the tenth.") + FINAL.format("Thus \\boxed{1024}.")
CUT_ROUND = "<|channel|>analysis<|message|>I wonder whether"
PROBLEM = "What is 2 to the power 10?"
LONGER = PROBLEM + " Give it modulo 7."


def row(rounds: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """One recorded sample of the first problem."""
    return {
        "id": "p/1",
        "problem": PROBLEM,
        "seed": 0,
        "tool": False,
        "model": "m",
        "rounds": rounds,
    } | fields


def rows() -> list[dict[str, Any]]:
    """The recording: four samples of two problems."""
    call = {"text": CALL_ROUND, "finish_reason": "stop", "stop_reason": 200012}
    return [
        row([call, {"text": LAST_ROUND}], tool=True),
        row([{"text": PLAIN_ROUND}]),
        row([{"text": CUT_ROUND, "finish_reason": "length"}], seed=1),
        row([{"text": FINAL.format(6)}], id="p/2", problem=LONGER),
    ]


def write_recording(path: Path) -> Path:
    """Write the recording."""
    path.write_text("".join(json.dumps(r) + "\n" for r in rows()))
    return path
