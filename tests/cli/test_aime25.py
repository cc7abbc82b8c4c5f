"""`mathforge eval` on the real AIME 2025 problems, replaying hand-written transcripts for twenty of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from aime25.recording import SAMPLES, write_recording

Rows = dict[tuple[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    """The recording and its rows by problem and seed."""
    path = tmp_path_factory.mktemp("aime25") / "recording.jsonl"
    return path, {(row["id"], row["seed"]): row for row in write_recording(path)}


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, str]:
    """The reference answer of every problem."""
    lines = (shared / "data" / "aime25.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: str(row["expected_answer"]) for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def run(
    recorded: tuple[Path, Rows], shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Rows]:
    """The finished command and the samples it left."""
    out = tmp_path_factory.mktemp("evaluation")
    command = [sys.executable, "-m", "mathforge", "eval", "--benchmarks", f"aime25:{SAMPLES}"]
    command += ["--data-dir", str(shared / "data"), "--output-dir", str(out), "--with-sandbox"]
    command += ["--server-type", "replay", "--replay", str(recorded[0]), "--model", "gpt-oss-120b"]
    command += ["++code_execution=true", "++server.code_execution.code_execution_timeout=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    rows: Rows = {}
    for seed in range(SAMPLES):
        file = out / "eval-results" / "aime25" / f"output-rs{seed}.jsonl"
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                rows[row["id"], seed] = row
    return done, rows


def test_table_is_printed(run: tuple[subprocess.CompletedProcess[str], Rows]) -> None:
    done, rows = run
    assert done.returncode == 0, done.stderr
    assert "- aime25 -" in done.stdout
    for mode in ("pass@1[avg-of-4]", "majority@4", "pass@4"):
        assert mode in done.stdout
    assert len(rows) == 30 * SAMPLES


def test_transcripts_are_graded_as_written(
    run: tuple[subprocess.CompletedProcess[str], Rows],
    recorded: tuple[Path, Rows],
    expected: dict[str, str],
) -> None:
    for key, written in recorded[1].items():
        row = run[1][key]
        assert row["predicted_answer"] == written["answer"], key
        assert row["symbolic_correct"] is (written["answer"] == expected[key[0]]), key
        assert row["code_rounds_executed"] == written["calls"], key


def test_sandbox_computes_the_answers(
    run: tuple[subprocess.CompletedProcess[str], Rows],
    recorded: tuple[Path, Rows],
    expected: dict[str, str],
) -> None:
    """Where a right sample calls Python, its last output holds the answer: in at least 12 problems."""
    outputs = defaultdict(list)
    for (problem, seed), written in recorded[1].items():
        if written["calls"] and written["answer"] == expected[problem]:
            cells = [round_["output"] for round_ in run[1][problem, seed]["rounds"] if round_["output"]]
            outputs[problem].append(cells[-1])
    for problem, last_outputs in outputs.items():
        assert all(expected[problem] in output for output in last_outputs), (problem, last_outputs)
    assert len(outputs) >= 12


def test_problems_without_recording_have_no_answer(
    run: tuple[subprocess.CompletedProcess[str], Rows], recorded: tuple[Path, Rows]
) -> None:
    without = [row for key, row in run[1].items() if key not in recorded[1]]
    assert len(without) == 10 * SAMPLES
    for row in without:
        assert row["predicted_answer"] is None
        assert row["symbolic_correct"] is False
        assert row["num_code_timeouts"] == 0
