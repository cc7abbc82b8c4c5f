"""`mathforge sandbox replay`: the calls of a file run again, beside what it has recorded."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mathforge import harmony

CALL = "<|channel|>analysis to=python code<|message|>{}<|call|>"


def replay(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", "sandbox", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def rounds_row(*calls: tuple[str, str | None]) -> dict[str, Any]:
    rounds = [
        {"token_ids": harmony.encode(CALL.format(code)), "finish_reason": "stop", "output": output}
        for code, output in calls
    ]
    rounds.append({"token_ids": harmony.encode("<|channel|>final<|message|>\\boxed{1}<|return|>")})
    return {"id": "a", "generation": "", "rounds": rounds}


def text_row(*calls: tuple[str, str]) -> dict[str, Any]:
    text = "".join(
        f"{CALL.format(code)}<|start|>python to=assistant<|channel|>analysis<|message|>{output}<|end|>"
        "<|start|>assistant"
        for code, output in calls
    )
    return {"id": "b", "text": f"{text}<|channel|>final<|message|>done<|return|>"}


def write(path: Path, *rows: Any) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def test_equal_outputs_end_with_status_0(tmp_path):
    outputs = write(
        tmp_path / "out.jsonl", rounds_row(("x = 2\nx", "2\n"), ("x + 1", "3\n")), {"generation": "4"}
    )
    traces = write(
        tmp_path / "traces.jsonl.gz", text_row(("import sympy; sympy.factorint(12)", "{2: 2, 3: 1}\n"))
    )
    done = replay(outputs, traces, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["samples"], report["calls"], report["kinds"]) == (2, 3, {"equal": 3})


def test_differences_are_named_by_place_and_kind(tmp_path):
    path = write(
        tmp_path / "out.jsonl",
        rounds_row(("x = 1", None), ("x", "2\n"), ("import os; os._exit(1)", None), ("x", "1\n")),
        rounds_row(("import no_such_module", "fine\n")),
    )
    done = replay(path, "--json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["kinds"] == {"unrecorded": 2, "equal": 1, "other": 1, "package": 1}
    assert report["rolled_back"] == 1
    first, second = report["differences"]
    assert (first["origin"], first["recorded"], first["ours"]) == (f"{path}:1: call 2", "2\n", "1\n")
    assert (second["origin"], second["kind"], second["status"]) == (f"{path}:2: call 1", "package", "error")
    shown = replay(path, "--differences", "1", "--workers", "2")
    assert shown.returncode == 1
    assert f"{path}:1: call 2: other (ok)" in shown.stdout
    assert "no_such_module" not in shown.stdout


def test_calls_without_an_output_are_run_and_not_compared(tmp_path):
    path = write(tmp_path / "out.jsonl", text_row(("1", "1\n")), rounds_row(("print('a' * 5000)", None)))
    done = replay(path, "--json", "--samples", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kinds"] == {"equal": 1, "unrecorded": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [("{\n", ":1: not JSON"), ("[]\n", ":1: not an object"), ('{"id": 1}\n', ":1: none of `rounds`")],
)
def test_a_file_that_is_none_is_told_before_anything_is_prepared(tmp_path, content, message):
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    nowhere = tmp_path / "cache"
    done = replay(path, "--cache-dir", nowhere)
    assert done.returncode == 1
    assert f"{path}{message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not nowhere.exists()
