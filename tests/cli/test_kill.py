"""Kill -9 at any moment, rerun: the same metrics as an undisturbed run, no sample lost or double, and no
Python call executed again once its results and the state after it are noted."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from support import small_run
from support.commands import (
    Server,
    children,
    eval_command,
    kill,
    metrics,
    results,
    samples,
    sandbox_workers,
    serving,
)
from support.execution_log import ExecutionLog

# Slow enough that a run lasts a few seconds, so that a random moment falls into every phase of it.
PACE = ("--tokens-per-second", "80")
OPTIONS = (
    "++sandbox.workers=2",
    "++inference.stream=true",
    "++server.give_up_after_s=2",
    "++max_concurrent_requests=6",
)
LATEST_KILL_S = 4.0
VICTIMS = ("main", "server", "worker")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    small_run.write(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    with serving(data / "recording.jsonl", *PACE) as server:
        log = ExecutionLog(output / "log")
        assert wait(start(server, data, output, log), output) == 0
    assert log.calls() == Counter(small_run.calls())
    check_complete(output)
    return metrics(output, small_run.BENCHMARK)


def start(
    server: Server, data: Path, output: Path, executions: ExecutionLog, *more: str
) -> subprocess.Popen[bytes]:
    output.mkdir(exist_ok=True)
    benchmarks = f"{small_run.BENCHMARK}:{small_run.SEEDS}"
    command = eval_command(server.address, data, output, benchmarks, *OPTIONS, *more)
    with (output / "stderr.txt").open("ab") as log:
        return subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            env=executions.environment,
        )


def wait(process: subprocess.Popen[bytes], output: Path) -> int:
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        kill(process.pid)
        pytest.fail(f"the evaluation hangs: {(output / 'stderr.txt').read_text()[-2000:]}")


def check_complete(output: Path) -> None:
    rows = samples(output, small_run.BENCHMARK)
    assert sorted(rows) == list(range(small_run.SEEDS))
    for seed, of_seed in rows.items():
        assert [row["id"] for row in of_seed] == [f"sum-{n}" for n in range(small_run.PROBLEMS)], seed
        assert all("_async_position" not in row for row in of_seed)
        assert (results(output, small_run.BENCHMARK) / f"output-rs{seed}.jsonl.done").exists()
    kept = {path.name for path in results(output, small_run.BENCHMARK).iterdir()}
    names = {f"output-rs{seed}.jsonl{end}" for seed in range(small_run.SEEDS) for end in ("", ".done")}
    assert kept == names | {"metrics.json", "run.json", ".lock"}


def noted_calls(output: Path) -> set[str]:
    """The calls whose results are noted, with the state after them, or in a finished sample."""
    noted: set[str] = set()
    for path in results(output, small_run.BENCHMARK).glob("output-rs*.jsonl*"):
        seed = re.findall(r"rs(\d+)", path.name)[0]
        for line in path.read_bytes().splitlines() if path.is_file() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # torn
            if "problem" in row:
                number = row["id"].removeprefix("sum-")
                noted |= {f"{number}/{seed}/{call}" for call in (0, 1)}
            elif row.get("saved"):
                noted.add(f"{row['position']}/{seed}/{row['number'] // 2}")
    return noted


def strike(victim: str, process: subprocess.Popen[bytes], server: Server, chance: random.Random) -> bool:
    """Kill one process; False if there is none of that kind (any more)."""
    if process.poll() is not None:
        return False
    workers = sandbox_workers(process.pid)
    if victim == "worker" and not workers:
        return False
    kill({"main": process.pid, "server": server.pid}.get(victim) or chance.choice(workers))
    return True


def check_gone(pids: list[int]) -> None:
    """Nothing that the killed evaluation started outlives it for long."""
    deadline = time.monotonic() + 10
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def torment(data: Path, output: Path, seed: int, *options: str) -> list[str]:
    """One evaluation, struck once per attempt until one ends with exit status 0; says what was struck."""
    chance = random.Random(seed)
    struck: list[str] = []
    log = ExecutionLog(output / "log")
    strikes: list[tuple[set[str], int]] = []  # calls noted by then, cells executed by then
    with serving(data / "recording.jsonl", *PACE) as server:
        for attempt in range(20):
            process = start(server, data, output, log, *options)
            victim = VICTIMS[(seed + attempt) % len(VICTIMS)]
            # The last attempts are left alone, so that the run comes to its end.
            if attempt < 4:
                time.sleep(chance.uniform(0.1, LATEST_KILL_S))
                below = children(process.pid)
                noted = noted_calls(output)
                if strike(victim, process, server, chance):
                    struck.append(victim)
                if victim == "main":
                    process.wait(10)
                    check_gone(below)
                    noted = noted_calls(output)
                strikes.append((noted, log.size))
            status = wait(process, output)
            if not server.running():
                server.stop()
                server.start()
            if status == 0:
                check_executions(log, strikes)
                return struck
    pytest.fail(f"never came to its end: {(output / 'stderr.txt').read_text()[-2000:]}")


def check_executions(log: ExecutionLog, strikes: list[tuple[set[str], int]]) -> None:
    """Every call was executed, and none again after it had been noted."""
    assert log.calls().keys() == small_run.calls()
    for noted, executed in strikes:
        assert not noted & log.calls(executed).keys(), "noted calls were executed again"


def check_torment(data: Path, undisturbed: object, output: Path, seed: int, *options: str) -> list[str]:
    struck = torment(data, output, seed, *options)
    check_complete(output)
    assert metrics(output, small_run.BENCHMARK) == undisturbed, struck
    assert "Traceback" not in (output / "stderr.txt").read_text()
    return struck


def test_killed_at_random_moments(data, undisturbed, tmp_path):
    struck: list[str] = []
    seed = 0
    while len(struck) < 10 or set(struck) != set(VICTIMS):
        struck += check_torment(data, undisturbed, tmp_path / str(seed), seed)
        seed += 1
        assert seed < 20, f"runs end before they are struck: {struck}"


@pytest.mark.parametrize("style", ["openmath", pytest.param("llama3", marks=pytest.mark.slow)])
def test_models_that_write_tags_go_on_too(tmp_path, style):
    small_run.write(tmp_path, style)
    options = (f"++code_tags={style}", f"++prompt_template={style}-instruct", "++prompt_config=generic/math")
    options += ("++chat_template_kwargs.builtin_tools=[]", "++inference.tokens_to_generate=4000")
    with serving(tmp_path / "recording.jsonl", *PACE) as server:
        log = ExecutionLog(tmp_path / "whole" / "log")
        assert wait(start(server, tmp_path, tmp_path / "whole", log, *options), tmp_path / "whole") == 0
    assert log.calls() == Counter(small_run.calls())
    whole = metrics(tmp_path / "whole", small_run.BENCHMARK)
    struck: list[str] = []
    seed = 0
    while set(struck) != set(VICTIMS):
        struck += check_torment(tmp_path, whole, tmp_path / str(seed), seed, *options)
        seed += 1
        assert seed < 10, f"runs end before they are struck: {struck}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("block", range(8))
def test_killed_at_many_random_moments(data, undisturbed, tmp_path, block):
    for seed in range(100 + 10 * block, 110 + 10 * block):
        check_torment(data, undisturbed, tmp_path / str(seed), seed)


@pytest.mark.parametrize(
    "faults",
    [
        ("after=10,how=500", "after=14,how=reset"),
        ("after=10,how=reset",),
        ("after=10,how=exit",),
        ("after=10,how=error",),
    ],
    ids=lambda faults: "-then-".join(fault.rpartition("=")[2] for fault in faults),
)
def test_a_server_that_dies_half_way(data, undisturbed, tmp_path, faults):
    # Ten requests are answered, then each way of failing has four.
    options = [f"--fail=after={10 + 4 * i},how={how}" for i, how in enumerate(faults)]
    command_options = (*OPTIONS, "++server.max_retries=1", "++max_concurrent_requests=2")
    benchmarks = f"{small_run.BENCHMARK}:{small_run.SEEDS}"
    with serving(data / "recording.jsonl", *options) as server:
        command = eval_command(server.address, data, tmp_path, benchmarks, *command_options)
        failed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode not in {0, 2}
    assert "Traceback" not in failed.stderr
    errors = [line for line in failed.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, failed.stderr
    folder = results(tmp_path, small_run.BENCHMARK)
    finished = [*folder.glob("*.jsonl"), *folder.glob("*.jsonl-async")]
    kept = sum(1 for file in finished for _ in file.open())
    assert 0 < kept < small_run.PROBLEMS * small_run.SEEDS
    with serving(data / "recording.jsonl") as server:
        command = eval_command(server.address, data, tmp_path, benchmarks, *command_options)
        resumed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert resumed.returncode == 0, resumed.stderr
    check_complete(tmp_path)
    assert metrics(tmp_path, small_run.BENCHMARK) == undisturbed
