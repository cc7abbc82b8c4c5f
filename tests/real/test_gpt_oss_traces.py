"""Real gpt-oss-120b transcripts, evaluated again: streamed token by token, every Python call really run.

What the sandbox prints does not steer a replay, so cells get a small time limit; the recording's had 120 s.
"""

from __future__ import annotations

import collections
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.commands import eval_command, samples, serving
from support.real_transcripts import BENCHMARK, GROUPS, convert, read_runs, rounds_of

TRACES = "data/gpt_oss_traces.jsonl.gz"


def evaluate(
    runs: list[dict[str, Any]], folder: Path, cell_timeout_s: float
) -> tuple[str, list[dict[str, Any]]]:
    """The printed table and the samples of an evaluation over recorded runs."""
    _, recording = convert(runs, folder)
    with serving(recording) as server:
        command = eval_command(
            server.address,
            folder,
            folder / "out",
            f"{BENCHMARK}:1",
            "--model=gpt-oss-120b",
            "++inference.stream=true",
            "++chat_template_kwargs.reasoning_effort=high",
            "++sandbox.workers=2",
            "++max_concurrent_requests=8",
            f"++server.code_execution.code_execution_timeout={cell_timeout_s}",
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, samples(folder / "out", BENCHMARK)[0]


def check(runs: list[dict[str, Any]], table: str, rows: list[dict[str, Any]]) -> None:
    """Every run was played to its end, its calls were made, and it was graded as the recording was."""
    assert [row["id"] for row in rows] == [run["id"] for run in runs]
    disagree = []
    for run, row in zip(runs, rows, strict=True):
        if (row["predicted_answer"], row["symbolic_correct"]) != (
            row["recorded_answer"],
            run["reward"] == 1.0,
        ):
            disagree.append(
                (run["id"], row["predicted_answer"], row["recorded_answer"], row["symbolic_correct"])
            )
        recorded_rounds, _ = rounds_of(run["text"])
        assert len(row["rounds"]) == len(recorded_rounds), run["id"]
        assert row["code_rounds_executed"] == len(recorded_rounds) - 1, run["id"]
    assert not disagree, f"{len(disagree)} of {len(runs)} graded otherwise than recorded: {disagree[:5]}"
    for group in {row["subset_for_metrics"] for row in rows}:
        assert f"{BENCHMARK}-{group} " in table or f" {group} " in table
    assert set(GROUPS.values()) >= {row["subset_for_metrics"] for row in rows}


def told(rows: list[dict[str, Any]]) -> str:
    """A line for `pytest -s`: how many cells ran and how they ended."""
    statuses = collections.Counter(
        r["tool_status"] for row in rows for r in row["rounds"] if r["tool_status"]
    )
    return f"{len(rows)} runs, {sum(statuses.values())} cells: {json.dumps(statuses)}"


def test_a_few_runs_of_every_group(shared, tmp_path):
    runs = read_runs(shared / TRACES)
    shortest = sorted(runs, key=lambda run: run["n_tokens"])
    # Short ones of every group, and short ones with a follow-up by the recording's harness in mid-run.
    few = [run for group in GROUPS for run in [r for r in shortest if r["problem_id"].startswith(group)][:6]]
    few += [run for run in shortest if "<|start|>user" in run["text"]][:3]
    few = list({run["id"]: run for run in few}.values())
    table, rows = evaluate(few, tmp_path, cell_timeout_s=2.0)
    check(few, table, rows)
    print(told(rows))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_all_runs(shared, tmp_path):
    runs = read_runs(shared / TRACES)
    assert len(runs) == 282
    table, rows = evaluate(runs, tmp_path, cell_timeout_s=2.0)
    check(runs, table, rows)
    print(table)
    print(told(rows))
