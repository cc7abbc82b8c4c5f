"""Makes a recording of `transcripts.txt`: four samples per problem, each call in another header layout.

Nothing is run here and no output is kept: when the recording is replayed, the sandbox computes the outputs
and the tests compare them with the answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from build_demo.headers import ANALYSIS, CALLS, START_ASSISTANT, ending, stop_id
from build_demo.parts import Cell, Parts, Route, parse_parts

TRANSCRIPTS = Path(__file__).parent / "transcripts.txt"
SAMPLES = 4


def read_transcripts() -> list[Parts]:
    """The problems with a transcript."""
    return parse_parts(TRANSCRIPTS.read_text(encoding="utf-8"))


def sample_row(parts: Parts, number: int, seed: int) -> dict[str, Any]:
    """One row; `answer` is what the sample boxes (None: it never comes to an answer), `calls` its cells."""
    route = parts.tool[seed % len(parts.tool)]
    answer = None if route.endless else route.answer or parts.expected_answer
    rounds = _rounds(route, answer, list(CALLS.values()), number + seed)
    return {
        "id": parts.id,
        "problem": "",  # matched by its id alone
        "seed": seed,
        "tool": True,
        "model": "gpt-oss-120b",
        "rounds": [{"text": text, "finish_reason": "stop", "stop_reason": stop_id(text)} for text in rounds],
        "calls": sum(isinstance(block, Cell) for block in route.blocks),
        "answer": answer,
    }


def _rounds(route: Route, answer: str | None, headers: list[str], turn: int) -> list[str]:
    rounds, prose = [], ""
    for block in route.blocks:
        if isinstance(block, Cell):
            before = f"{ANALYSIS}{prose}<|end|>{START_ASSISTANT}" if prose else ""
            rounds.append(before + headers[(turn + len(rounds)) % len(headers)] + block.code + "<|call|>")
            prose = ""
        else:
            prose = block
    if answer is not None:
        prose = prose or "The computation settles it."
        rounds.append(ending("plain", ANALYSIS + prose, f"The answer is $\\boxed{{{answer}}}$."))
    return rounds


def recording_rows() -> list[dict[str, Any]]:
    """All rows, four seeds per problem."""
    return [
        sample_row(parts, number, seed)
        for number, parts in enumerate(read_transcripts())
        for seed in range(SAMPLES)
    ]


def write_recording(path: Path) -> list[dict[str, Any]]:
    """Write the recording as JSONL and return its rows."""
    rows = recording_rows()
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return rows
