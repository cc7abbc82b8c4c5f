"""Models that write Python calls as tags: whole evaluations against recorded text."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import beside, command
from support.replaying import replaying

import mathforge
from mathforge.tag_outputs import STYLES, formatted_output, remaining_calls
from mathforge.tools import Result

PROBLEM = "What is 2 to the 20th power?"
BEGIN = {
    "openmath": "<tool_call>\n",
    "qwen": "```python\n",
    "nemotron": "<llm-code>\n",
    "llama3": "<|python_tag|>",
}
LAYOUT = {"openmath": "openmath-instruct", "qwen": "qwen-instruct", "nemotron": "llama3-nemotron"}


def write(folder: Path, style: str, rounds: list[str]) -> Path:
    """A benchmark and its recording; every round but the last ends at the style's stop string."""
    row = {"id": "power", "problem": PROBLEM, "expected_answer": str(2**20)}
    (folder / "powers.jsonl").write_text(json.dumps(row) + "\n")
    stops = [STYLES[style].code_end] * (len(rounds) - 1) + [None]
    made = [
        {"text": text, "finish_reason": "stop", "stop_reason": stop}
        for text, stop in zip(rounds, stops, strict=True)
    ]
    recording = folder / "recording.jsonl"
    lines = [
        {"id": "power", "problem": PROBLEM, "seed": seed, "tool": True, "rounds": made} for seed in (0, 1)
    ]
    recording.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return recording


def evaluate(folder: Path, style: str, recording: Path, *more: str) -> list[dict[str, Any]]:
    layout = LAYOUT.get(style, f"{style}-instruct")
    with replaying(recording) as address:
        mathforge.evaluate(
            "powers:2",
            output_dir=folder / "out",
            data_dir=folder,
            server_address=address,
            overrides=[f"++prompt_template={layout}", "++code_execution=true", *more],
        )
    files = sorted((folder / "out" / "eval-results" / "powers").glob("output-rs*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("style", sorted(STYLES))
def test_calls_run_and_their_outputs_stand_between_the_tags(tmp_path: Path, style: str) -> None:
    end = STYLES[style].code_end
    rounds = [
        f"I compute it.\n{BEGIN[style]}x = 2**20\nprint(x)\n{end}",
        f"Once more.\n{BEGIN[style]}print(x + 1)\n{end}",
        "So the answer is \\boxed{1048576}.",
    ]
    rows = evaluate(tmp_path, style, write(tmp_path, style, rounds), "++prompt_config=generic/math")
    assert len(rows) == 2
    for row in rows:
        outputs = [formatted_output(style, Result(text, "ok", 0)) for text in ("1048576\n", "1048577\n")]
        assert row["generation"] == rounds[0] + outputs[0] + rounds[1] + outputs[1] + rounds[2]
        assert (row["code_rounds_executed"], row["symbolic_correct"], row["error"]) == (2, True, None)
        assert [one["tool_status"] for one in row["rounds"]] == ["ok", "ok", None]


def test_the_model_is_told_what_remains_and_may_finish_without_code(tmp_path: Path) -> None:
    call = "<tool_call>\nprint(2**20)\n</tool_call>"
    rounds = [call, call, call, "Without code: \\boxed{1048576}"]
    rows = evaluate(
        tmp_path,
        "openmath",
        write(tmp_path, "openmath", rounds),
        *("++prompt_config=openmath/tir", "++server.code_execution.max_code_executions=2"),
        "++server.code_execution.add_remaining_code_executions=true",
    )
    text = rows[0]["generation"]
    assert rows[0]["code_rounds_executed"] == 2
    assert text.count("```output\n1048576\n```\n") == 2
    assert text.index("Remaining code executions: 1.") < text.index("You have run out of code executions!")
    assert remaining_calls(0) in text
    assert rows[0]["predicted_answer"] == str(2**20)


def test_errors_and_cut_answers(tmp_path: Path) -> None:
    rounds = ["<tool_call>\n1/0\n</tool_call>", "Oh. \\boxed{0}"]
    recording = write(tmp_path, "openmath", rounds)
    rows = evaluate(tmp_path, "openmath", recording)
    assert "ZeroDivisionError" in rows[0]["generation"]
    assert rows[0]["rounds"][0]["tool_status"] == "error"
    assert rows[0]["symbolic_correct"] is False
    folder = tmp_path / "cut"
    folder.mkdir()
    rows = evaluate(folder, "openmath", write(folder, "openmath", rounds), "++inference.tokens_to_generate=3")
    assert rows[0]["finish_reason"] == "length"
    assert rows[0]["code_rounds_executed"] == 0


def test_the_prompt_that_is_sent(tmp_path: Path, scripted_server: Any) -> None:
    """ChatML with the style's stop string; special tokens stay in the text, and none are added."""
    (tmp_path / "powers.jsonl").write_text(json.dumps({"problem": PROBLEM, "expected_answer": "1"}) + "\n")
    reply = {"choices": [{"text": "\\boxed{1}", "finish_reason": "stop"}], "usage": {"completion_tokens": 4}}
    words = ["--benchmarks=powers", f"--data_dir={tmp_path}", f"--output_dir={tmp_path}/out"]
    words += ["++prompt_template=openmath-instruct", "++prompt_config=openmath/tir"]
    words += ["++code_execution=true", "++inference.temperature=0.6"]
    done, requests = beside(
        scripted_server(reply), lambda url: command("eval", f"--server_address={url}", *words)
    )
    assert done.returncode == 0, done.stderr
    path, body, _ = requests[-1]
    assert path == "/v1/completions"
    assert body["prompt"].startswith("<|im_start|>system\n<|im_end|>\n<|im_start|>user\nSolve the following")
    assert body["prompt"].endswith(f"{PROBLEM}<|im_end|>\n<|im_start|>assistant\n")
    assert "up to 8 Python code calls" in body["prompt"]
    assert body["stop"] == ["</tool_call>"]
    assert (body["skip_special_tokens"], body["add_special_tokens"], body["temperature"]) == (
        False,
        False,
        0.6,
    )
