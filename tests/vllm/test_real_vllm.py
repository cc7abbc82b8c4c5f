"""Evaluations against a real vLLM: the weights are random, what is sampled is scripted, the rest is real."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support.replaying import replaying
from support.scripted_vllm import PROBLEMS, SEEDS
from support.vllm_answers import PATH, REQUESTS, ask, shape

from mathforge import evaluate
from mathforge.launching import fate

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(1800)]
SETTINGS = ["++inference.temperature=1.0", "++inference.top_p=1.0", "++prompt_config=gpt-oss/math"]
TOOL = ["++code_execution=true", "++chat_template_kwargs.builtin_tools=[python]"]
# Of each round; times differ between any two runs.
ROUND = ("token_ids", "finish_reason", "stop_reason", "output_token_ids")


def run(address, folder, output, *overrides, samples=SEEDS):
    result = evaluate(
        f"times:{samples}",
        output_dir=output,
        data_dir=folder,
        server_address=address,
        model="m",
        overrides=[*SETTINGS, *overrides],
    )
    assert not result.failures
    rows = {}
    for path in sorted(Path(output).glob("eval-results/times/output-rs*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            rows[path.stem, row["id"]] = row
    return rows, result


def rounds(rows):
    return {key: [[one.get(name) for name in ROUND] for one in row["rounds"]] for key, row in rows.items()}


@pytest.fixture(scope="module")
def replayed(folder, vllm, tmp_path_factory):
    """The same evaluation against the replay server."""
    with replaying(folder / "recording.jsonl", max_model_len=4096) as address:
        return run(address, folder, tmp_path_factory.mktemp("replayed"), *TOOL)


@pytest.mark.parametrize("stream", [False, True])
def test_an_evaluation_with_python_calls_comes_out_as_its_replay(vllm, folder, tmp_path, replayed, stream):
    rows, result = run(vllm, folder, tmp_path, *TOOL, f"++inference.stream={str(stream).lower()}")
    assert len(rows) == PROBLEMS * SEEDS
    assert all(row["code_rounds_executed"] == 1 for row in rows.values())
    assert rounds(rows) == rounds(replayed[0])
    assert "75.00%" in result.table()
    asked = json.loads((tmp_path / "eval-logs" / "servers.jsonl").read_text().splitlines()[-1])
    assert (asked["ids_in"], asked["ids_out"], asked["ids_streamed"]) == (True, True, True)
    assert "0.32" in asked["version"]


def test_chat(vllm, folder, tmp_path):
    rows, _ = run(vllm, folder, tmp_path, samples=1)
    assert len(rows) == PROBLEMS
    assert sum(row["symbolic_correct"] for row in rows.values()) == PROBLEMS - PROBLEMS // 4


def test_answers_are_as_recorded(vllm):
    """MATHFORGE_REFRESH=1 writes them anew; the replay server is held against the file in tests/servers."""
    answers = {name: ask(vllm.removesuffix("/v1"), name) for name in REQUESTS}
    if os.environ.get("MATHFORGE_REFRESH"):
        PATH.write_text(json.dumps(answers, indent=1) + "\n")
    recorded = json.loads(PATH.read_text())
    assert {n: shape(a) for n, a in answers.items()} == {n: shape(a) for n, a in recorded.items()}


def test_a_run_survives_the_death_of_the_engine(vllm, folder, tmp_path, replayed):
    """Its API server answers 500, then resets connections, then is gone; the launcher starts it again."""
    killed = threading.Event()

    def kill_engine():
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            done = sum(len(p.read_text().splitlines()) for p in tmp_path.rglob("*-async"))
            if done >= 10:
                for entry in Path("/proc").glob("[0-9]*"):
                    name = (entry / "cmdline").read_bytes() if (entry / "cmdline").exists() else b""
                    if b"EngineCore" in name and b"VLLM" in name and is_ours(entry.name):
                        os.kill(int(entry.name), signal.SIGKILL)
                        killed.set()
                return
            time.sleep(0.1)

    thread = threading.Thread(target=kill_engine)
    thread.start()
    rows, _ = run(vllm, folder, tmp_path, *TOOL, "++max_concurrent_requests=16")
    thread.join()
    assert killed.is_set()
    assert fate(vllm) == "running"
    assert rounds(rows) == rounds(replayed[0])


def is_ours(pid):
    """Whether a process descends from this one."""
    while int(pid) > 1:
        if int(pid) == os.getpid():
            return True
        pid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    return False
