"""`mathforge inspect` as a user runs it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mathforge import harmony

THOUGHT = "<|channel|>analysis<|message|>so<|end|><|start|>assistant"
CALL = THOUGHT + "<|channel|>analysis to=python code<|message|>1<|call|>"
RESULT = "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>\\boxed{1}<|return|>"


def inspect(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", "inspect", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def counts(path: Path, *rows: dict[str, Any]) -> dict[str, Any]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = inspect(path, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_text_and_rounds_of_one_sample_are_counted_alike(tmp_path: Path) -> None:
    text = counts(tmp_path / "t.jsonl", {"text": CALL + RESULT + FINAL})
    sampled = [{"token_ids": harmony.encode(CALL), "output": "1"}, {"token_ids": harmony.encode(FINAL)}]
    rounds = counts(tmp_path / "r.jsonl", {"rounds": sampled})
    for found in (text, rounds):
        assert found["samples"] == found["calls"] == 1
        assert found["rounds"] == {"1": 1}
        assert found["calls_unanswered"] == found["truncated"] == found["malformed"] == 0
        assert found["boxed"] == {"final": 1}
    assert sum(text["tokens"].values()) == len(harmony.encode(CALL + RESULT + FINAL))
    assert rounds["tokens"]["analysis"] == len(harmony.encode(CALL))
    assert rounds["tokens"]["tool output"] == 1


def test_damage_cuts_and_open_calls_are_counted(tmp_path: Path) -> None:
    found = counts(
        tmp_path / "d.jsonl",
        {"generation": CALL},
        {"generation": "<|channel|>finalx<|message|>\\boxed{2}<|return|><|return|>"},
        {"generation": "<|channel|>analysis<|message|>\\boxed{3}"},
        {"rounds": [{"text": FINAL, "finish_reason": "length"}]},
        {"generation": "plain text without a box"},
    )
    assert (found["samples"], found["calls"], found["calls_unanswered"]) == (5, 1, 1)
    assert (found["truncated"], found["unended"], found["malformed"]) == (1, 1, 1)
    assert found["diagnostics"]["channel_garbage"] == {"severity": "warning", "count": 1, "samples": 1}
    assert found["diagnostics"]["stray_end"]["severity"] == "info"
    assert found["boxed"] == {"final": 2, "nowhere": 2, "analysis": 1}


def test_a_table_of_gzipped_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"text": CALL + RESULT + FINAL}).encode()))
    done = inspect(path)
    assert done.returncode == 0, done.stderr
    assert "tool calls         1, 0 not answered" in done.stdout
    assert "rounds per sample  mean 1.0, median 1, most 1" in done.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "not JSON"), ("[]", "not an object"), ("{}", "none of `rounds`, `text` and `generation`")],
)
def test_bad_rows_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps({"text": FINAL}) + "\n" + line + "\n")
    done = inspect(path)
    assert done.returncode == 1
    assert f"{path}:2: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = inspect(tmp_path / "none.jsonl")
    assert done.returncode == 1
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
