"""Every mistake a user can make gives one clear message, a non-zero exit and no traceback."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROW = {"problem": "What is 6*7?", "expected_answer": "42"}
REPLY = {
    "choices": [{"message": {"content": r"\boxed{42}"}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 7},
}
BROKEN = (500, {"error": {"message": "EngineCore died"}})


def mathforge(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "MATHFORGE_DATA_DIR"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def told(done: subprocess.CompletedProcess[str], *parts: str, status: int = 1) -> None:
    """One error on stderr that contains all parts."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    for part in parts:
        assert part in done.stderr
    assert done.stdout == ""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [{**ROW, "id": f"t{number}", "problem": f"What is {number}*7?"} for number in range(6)]
    (folder / "tiny.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def running(scripted_server: Any) -> Iterator[Any]:
    """Starts a scripted server in a thread; call with the replies, gives the server."""
    stops = []

    def start(*replies: object) -> Any:
        scripted = scripted_server(*replies)
        ready = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        async def main() -> None:
            async with scripted:
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
        thread.start()
        ready.wait(10)
        stops.append((loop, stop, thread))
        scripted.stop = lambda: loop.call_soon_threadsafe(stop.set)
        return scripted

    yield start
    for loop, stop, thread in stops:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def evaluate(data: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return mathforge(
        "eval", "--benchmarks", "tiny:2", "--data-dir", data, "--output-dir", data.parent / "out", *arguments
    )


def test_a_wrong_address(data: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    started = time.monotonic()
    told(
        evaluate(data, "--server-address", address),
        f"no server answers at `{address}`",
        "hint: start the server",
    )
    assert time.monotonic() - started < 10


def test_an_unknown_model(data: Path, running: Any) -> None:
    told(evaluate(data, "--server-address", running(REPLY).url, "--model", "tony"), "no model `tony`", "tiny")


def test_missing_data(tmp_path: Path, data: Path) -> None:
    told(evaluate(tmp_path / "nowhere"), "the data folder does not exist", "--data-dir")
    done = mathforge("eval", "--benchmarks", "tiyn", "--data-dir", data, "--output-dir", tmp_path / "out")
    told(done, "there is no benchmark `tiyn`", str(data / "tiyn.jsonl"), "did you mean `tiny`")


def test_a_broken_line(data: Path) -> None:
    with (data / "tiny.jsonl").open("a") as file:
        file.write('{"problem": "x", \n')
    told(evaluate(data), "tiny.jsonl:7: not valid JSON")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ["++inference.temprature=1"],
            ["++inference.temprature=1", "did you mean `++inference.temperature`"],
        ),
        (["++inference.temperature=hot"], ["wants a number"]),
        (["++prompt_config=gpt-os/math"], ["unknown prompt_config", "did you mean `gpt-oss/math`"]),
        (["--server-type", "vlm"], ["server.server_type", "vllm"]),
        (["--server-type", "replay"], ["needs a recording", "--replay demo"]),
        (["--replay", "nowhere.jsonl"], ["nowhere.jsonl"]),
        (["++inference.random_seed=1"], ["--starting-seed"]),
        (["--benchmarks", "tiny:x"], ["not a benchmark: `tiny:x`"]),
        (["--benchmarks", "tiny,tiny:2"], ["given twice"]),
    ],
)
def test_wrong_arguments(data: Path, arguments: list[str], parts: list[str]) -> None:
    told(evaluate(data, *arguments), *parts)


def test_wrong_usage() -> None:
    told(mathforge("evla"), "no command `evla`", "mathforge eval", status=2)
    done = mathforge("eval", "--benchmarks", "demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--output-dir" in done.stderr
    assert mathforge("eval", "--no-such-flag").returncode == 2


def test_a_server_that_dies_half_way_and_a_rerun(data: Path, running: Any) -> None:
    """HTTP 500, then nobody there: one message, finished samples are kept, the rerun does only the rest."""
    out = data.parent / "out" / "eval-results" / "tiny"

    def last_words(_: dict[str, Any]) -> object:
        threading.Timer(0.3, server.stop).start()
        return BROKEN

    server = running(*[REPLY] * 7, last_words)
    quick = ["++server.give_up_after_s=1", "++server.max_retries=100", "++max_concurrent_requests=2"]
    told(
        evaluate(data, "--server-address", server.url, *quick),
        "the server has not answered",
        "samples are kept",
    )
    kept = {name: (out / name).read_text() for name in ("output-rs0.jsonl", "output-rs1.jsonl-async")}
    assert [text.count("\n") for text in kept.values()] == [6, 1]
    again = running(REPLY)
    done = evaluate(data, "--server-address", again.url, *quick)
    assert done.returncode == 0, done.stderr
    assert len(again.requests) == 5
    assert (out / "output-rs0.jsonl").read_text() == kept["output-rs0.jsonl"]
    assert "pass@1[avg-of-2]" in done.stdout
    assert json.loads((out / "metrics.json").read_text())["tiny"]["pass@2"]["num_entries"] == 6
    assert not list(out.glob("*-async"))
    tables_again = evaluate(data, "--server-address", "http://127.0.0.1:9/v1", *quick)
    assert (tables_again.returncode, tables_again.stdout) == (
        0,
        done.stdout,
    )  # nothing missing: no server needed


def test_failed_samples_are_named_and_the_others_kept(data: Path, running: Any) -> None:
    def reply(body: dict[str, Any]) -> object:
        return BROKEN if "What is 3*7" in body["messages"][0]["content"] else REPLY

    done = evaluate(data, "--server-address", running(reply).url, "++server.max_retries=0")
    assert done.returncode == 1
    assert "2 sample(s) failed" in done.stderr
    assert "tiny t3 seed 0" in done.stderr
    assert "Traceback" not in done.stderr
    in_progress = data.parent / "out" / "eval-results" / "tiny" / "output-rs0.jsonl-async"
    assert in_progress.read_text().count("\n") == 5


def test_another_configuration_in_the_same_folder(data: Path, running: Any) -> None:
    url = running(REPLY).url
    assert evaluate(data, "--server-address", url).returncode == 0
    told(
        evaluate(data, "--server-address", url, "++inference.top_p=0.5"),
        "config.inference.top_p",
        "--overwrite",
    )
    assert evaluate(data, "--server-address", url, "++inference.top_p=0.5", "--overwrite").returncode == 0


def test_interruption_keeps_what_is_finished(data: Path, running: Any) -> None:
    def reply(body: dict[str, Any]) -> object:
        return REPLY if body["seed"] == 0 else time.sleep(0.3) or REPLY

    out = data.parent / "out"
    arguments = ["--data-dir", data, "--output-dir", out, "--server-address", running(reply).url]
    command = [sys.executable, "-m", "mathforge", "eval", "--benchmarks", "tiny:9", *map(str, arguments)]
    with subprocess.Popen(
        [*command, "++max_concurrent_requests=1"], stderr=subprocess.PIPE, text=True
    ) as child:
        while not (out / "eval-results" / "tiny" / "output-rs0.jsonl").exists():
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "finished samples are kept" in stderr
    assert "Traceback" not in stderr


def test_dry_run_prints_the_resolved_configuration(data: Path) -> None:
    done = evaluate(data, "--dry-run", "++inference.top_p=1", "--server_type=openai", "--reuse_code")
    assert done.returncode == 0
    config = json.loads(done.stdout)["tiny"]
    assert (config["inference"]["temperature"], config["inference"]["top_p"]) == (0.7, 1.0)
    assert config["server"]["server_type"] == "openai"
    assert done.stderr.count("\n") == 1
    assert not (data.parent / "out").exists()


def test_every_command_shows_an_example() -> None:
    done = mathforge("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for verb in ("eval", "aggregate", "compare"):
        assert f"mathforge {verb} " in done.stdout
        assert "example:" in mathforge(verb, "--help").stdout
