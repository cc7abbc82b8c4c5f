"""Real gpt-oss-120b runs with a Python tool, made into a benchmark and a recording to play.

The source is `gpt_oss_traces.jsonl.gz`, whole conversations as Harmony text. One benchmark row and one
recorded sample (seed 0, with the tool) come out of each run. Rounds are split at the tool's outputs. What an
evaluation's own loop would never do is made part of what the model says, so that every round stays whole:

* where the harness answered a message with a user follow-up of its own, the follow-up stays inside the round,
  and the `<|return|>` or stray `<|call|>` before it, at which a server would stop, becomes `<|end|>`;
* the harness cut every stream once it saw a boxed integer, so no last round has a stop token; it gets
  `<|return|>`. The answer is the last box either way.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

BENCHMARK = "gpt-oss-traces"
TOOL_RESULT = re.compile(
    r"<\|start\|>python to=assistant<\|channel\|>analysis<\|message\|>(.*?)<\|end\|><\|start\|>assistant",
    re.DOTALL,
)
# Where a problem comes from: questions 9 and 10 of the third AIMO's reference problems with other numbers;
# the other reference problems; olympiad problems asked for one number.
GROUPS = {"aimo3-q9-": "aimo3-q9", "aimo3-q10-": "aimo3-q10", "aimo3-": "aimo3-reference", "imo-": "imo"}


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The recorded runs, in the file's order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def group_of(run: dict[str, Any]) -> str:
    """The source group of a run's problem."""
    return next(group for prefix, group in GROUPS.items() if run["problem_id"].startswith(prefix))


def benchmark_row(run: dict[str, Any]) -> dict[str, Any]:
    """One problem; what the recording's own grader said rides along."""
    return {
        "id": run["id"],
        "problem": run["problem"],
        "expected_answer": str(run["expected_answer"]),
        "subset_for_metrics": group_of(run),
        "recorded_answer": str(run["recorded_answer"]),
        "recorded_reward": run["reward"],
    }


def rounds_of(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What the model said before, between and after the tool's outputs, and those outputs."""
    *pieces, last = TOOL_RESULT.split(text)
    calls, outputs = pieces[::2], pieces[1::2]
    assert all(call.endswith("<|call|>") for call in calls)
    texts = [go_on(call.removesuffix("<|call|>")) + "<|call|>" for call in calls]
    rounds = [{"text": text, "finish_reason": "stop", "stop_reason": 200012} for text in texts]
    rounds.append({"text": go_on(last) + "<|return|>", "finish_reason": "stop", "stop_reason": None})
    return rounds, outputs


def go_on(text: str) -> str:
    """Text at which no server stops before its end."""
    return text.replace("<|return|>", "<|end|>").replace("<|call|>", "<|end|>")


def recording_row(run: dict[str, Any]) -> dict[str, Any]:
    """One recorded sample."""
    rounds, outputs = rounds_of(run["text"])
    fields = {"id": run["id"], "problem": run["problem"], "seed": 0, "tool": True, "model": run["model"]}
    return fields | {"rounds": rounds, "outputs": outputs}


def convert(runs: Iterable[dict[str, Any]], folder: Path) -> tuple[Path, Path]:
    """Write `<folder>/gpt-oss-traces.jsonl` and `<folder>/recording.jsonl`; gives both paths."""
    runs = list(runs)
    benchmark, recording = folder / f"{BENCHMARK}.jsonl", folder / "recording.jsonl"
    benchmark.write_text("".join(json.dumps(benchmark_row(run)) + "\n" for run in runs))
    recording.write_text("".join(json.dumps(recording_row(run)) + "\n" for run in runs))
    return benchmark, recording
