"""Scripts written for `nemo_skills.pipeline.cli` run with the import replaced; the same verb from Python,
also inside an event loop."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mathforge

REPLY = {
    "choices": [{"message": {"content": r"\boxed{42}"}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 7},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("aime24", "aime25"):
        row = {"problem": "What is 6*7?", "expected_answer": "42"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    return tmp_path


def test_the_published_script_without_python(shared: Path, data: Path, scripted_server: Any) -> None:
    """The second call of the published script, its server and folder replaced, against a server that always
    says 42."""
    text = next((shared / "seeds").glob("000_*.txt")).read_text()
    script = re.search(r"```python\n(from nemo_skills.pipeline.cli import eval.*?)```", text, re.DOTALL)
    assert script is not None
    head, _, without_python = script[1].partition("# without python")
    setup = head.partition("# with python")[0].replace("nemo_skills.pipeline.cli", "mathforge.pipeline.cli")
    code = setup + without_python
    (data / "slurm.yaml").write_text(f"executor: local\njob_dir: {data}\nmounts: ['{data}:/workspace']\n")
    environment = {**os.environ, "MATHFORGE_CONFIG_DIR": str(data)}

    async def main() -> tuple[subprocess.CompletedProcess[str], Any]:
        async with scripted_server(REPLY, models=[{"id": "openai/gpt-oss-120b"}]) as server:
            arguments = f"server_address={server.url!r}, data_dir={str(data)!r},\n    server_type='vllm',"
            command = [sys.executable, "-c", code.replace("server_type='vllm',", arguments)]
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, check=False, env=environment
            )
            return done, server.requests

    done, requests = asyncio.run(main())
    assert done.returncode == 0, done.stderr
    assert len(requests) == 32
    assert {request[1]["reasoning_effort"] for request in requests} == {"high"}
    assert {request[1]["seed"] for request in requests} == set(range(16))
    assert done.stdout.count("pass@1[avg-of-16] | 1 ") == 2
    assert (
        len(list((data / "gpt-oss-eval" / "no-python" / "eval-results" / "aime25").glob("output-rs*.jsonl")))
        == 16
    )


def test_evaluate_inside_a_running_event_loop(data: Path, scripted_server: Any) -> None:
    async def main() -> Any:
        async with scripted_server(REPLY) as server:
            url = server.url
            call = asyncio.to_thread(
                lambda: asyncio.run(notebook(url))  # a loop that is busy while `evaluate` blocks it
            )
            return await call

    async def notebook(url: str) -> Any:
        return mathforge.evaluate(
            "aime25",
            output_dir=data / "out",
            data_dir=data,
            server_address=url,
            overrides=["++inference.stream=false"],
        )

    result = asyncio.run(main())
    assert result.failures == []
    assert result.to_json()["aime25"]["pass@1"]["symbolic_correct"] == 100
    rows = [json.loads(line) for line in (data / "out" / "eval-results" / "aime25" / "output.jsonl").open()]
    assert rows[0]["predicted_answer"] == "42"
    assert (rows[0]["symbolic_correct"], rows[0]["num_generated_tokens"], rows[0]["id"]) == (
        True,
        7,
        "aime25-0",
    )


def test_unknown_options_are_refused() -> None:
    from mathforge.pipeline.cli import eval as run_eval

    with pytest.raises(mathforge.InputError, match="unknown option of eval: `benchmark`") as caught:
        run_eval(benchmark="aime25", output_dir="x")
    assert "benchmarks" in (caught.value.hint or "")
