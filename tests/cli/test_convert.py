"""`mathforge convert`: forms in and out, bad rows named, losses told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from mathforge.cli.main import main

ROW = {"problem": "q", "generation": "<|channel|>final<|message|>5<|return|>"}


def test_bad_rows_are_named_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{json.dumps(ROW)}\n{json.dumps({'a': 1})}\n{json.dumps(ROW)}\n")
    assert main(["convert", str(file), "--to", "openai"]) == 1
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["messages"][-1]["content"] for row in rows] == ["5", "5"]
    assert f"{file}:2: none of `messages`" in shown.err
    assert "2 rows converted, 1 could not be read" in shown.err
    assert "(prompt)" in shown.err


def test_losses_in_the_rows_and_a_summary_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(ROW).encode()))
    assert main(["convert", str(file), "--to", "sharegpt", "--from", "nemo", "--losses", "--json"]) == 0
    shown = capsys.readouterr()
    row = json.loads(shown.out)
    assert row["conversations"] == [{"from": "human", "value": "q"}, {"from": "gpt", "value": "5"}]
    assert {loss["code"] for loss in row["losses"]} == {"prompt", "ending"}
    assert json.loads(shown.err) == {"converted": 1, "bad": 0, "losses": {"prompt": 1, "ending": 1}}


def test_a_line_that_is_no_json_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("{\n")
    assert main(["convert", str(file), "--to", "openai"]) == 1
    assert f"{file}:1: not JSON" in capsys.readouterr().err
