"""Aggregation on two real Ray nodes of this machine."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.commands import MATHFORGE
from support.ray_cluster import RAY_PYTHON, RayCluster, ray_cluster

from mathforge.scaling import Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROWS = 10_000_000
SEEDS = 16


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayCluster]:
    assert RAY_PYTHON.exists(), (
        "Ray is not installed: `make .make/ray` puts it into an environment of its own"
    )
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ten_million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ten million short rows; a gigabyte, and not kept. Some answers are equal in value but not in text."""
    folder = tmp_path_factory.mktemp("rows")
    problems = ROWS // SEEDS
    once = np.random.default_rng(0)
    truth, difficulty = once.integers(0, 1000, problems), once.random(problems)
    for seed in range(SEEDS):
        chance = np.random.default_rng(seed + 1)
        kind, form = pl.Series(chance.random(problems)), pl.Series(chance.random(problems))
        wrong, right = pl.Series(chance.integers(0, 9, problems)).cast(str), pl.Series(truth).cast(str)
        correct = kind > pl.Series(difficulty)
        answers = pl.select(
            pl.when(kind < 0.03)
            .then(None)
            .when(correct)
            .then(pl.when(form < 0.9).then(right).otherwise(right + ".0"))
            .otherwise(pl.when(form < 0.8).then(wrong).otherwise("\\frac{" + wrong + "}{1}"))
            .alias("predicted_answer")
        )
        rows = answers.with_columns(
            id="p" + pl.int_range(problems).cast(str),
            symbolic_correct=correct & (kind >= 0.03),
            num_generated_tokens=pl.Series(chance.integers(0, 20_000, problems)),
        )
        rows.write_ndjson(folder / f"output-rs{seed}.jsonl")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def alone(ten_million: Path) -> object:
    """The metrics of one process that knows nothing of shards."""
    return run_to_end([*MATHFORGE, "aggregate", str(ten_million), "--json", "--no-index"])


def run_to_end(command: list[str], environment: dict[str, str] | None = None) -> object:
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def on_ray(nodes: RayCluster, folder: Path, work: Path) -> list[str]:
    command = [str(RAY_PYTHON), "-m", "mathforge", "aggregate", str(folder), "--json", "--no-index"]
    return [
        *command,
        "--engine",
        "ray",
        "--address",
        nodes.address,
        "--shards",
        "64",
        "--work-dir",
        str(work),
    ]


def test_a_run_with_both_nodes_equals_one_process(
    nodes: RayCluster, ten_million: Path, alone: object, tmp_path: Path
) -> None:
    assert run_to_end(on_ray(nodes, ten_million, tmp_path / "work"), nodes.environment) == alone
    assert not (tmp_path / "work").exists()


def test_a_node_killed_half_way_changes_nothing(
    nodes: RayCluster, ten_million: Path, alone: object, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    run = subprocess.Popen(
        on_ray(nodes, ten_million, work),
        env={**os.environ, **nodes.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wanted = 0
        while run.poll() is None:
            if not wanted and (work / "plan.json").exists():
                wanted = len(Plan.read(work).shards)
            scanned = len(list((work / "partials").glob("*.arrow")))
            if wanted and scanned >= wanted // 3:
                break
            time.sleep(0.01)
        assert nodes.kill("worker") > 0
        left = wanted - len(list((work / "partials").glob("*.arrow")))
        out, errors = run.communicate(timeout=300)
    finally:
        run.kill()
        run.wait()
        nodes.start("worker")
    assert run.returncode == 0, errors[-2000:]
    assert left > 0, "the run had read everything before the node was killed"
    assert json.loads(out) == alone


def test_damage_in_a_task_is_told_as_in_one_process(nodes: RayCluster, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "output-rs0.jsonl").write_text(
        '{"id": "a", "predicted_answer": "1", "symbolic_correct": true}\n'
    )
    (folder / "output-rs1.jsonl.gz").write_bytes(b"not gzip")
    done = subprocess.run(
        on_ray(nodes, folder, tmp_path / "work"),
        env={**os.environ, **nodes.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "output-rs1.jsonl.gz" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_lets_nobody_in_is_told(nodes: RayCluster, tmp_path: Path) -> None:
    (tmp_path / "output-rs0.jsonl").write_text(
        '{"id": "a", "predicted_answer": "1", "symbolic_correct": true}\n'
    )
    wrong = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
    command = on_ray(nodes, tmp_path, tmp_path / "work")
    done = subprocess.run(command, env=wrong, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "error: no Ray cluster answers at" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_absent_cluster_is_told(tmp_path: Path) -> None:
    (tmp_path / "output-rs0.jsonl").write_text(
        '{"id": "a", "predicted_answer": "1", "symbolic_correct": true}\n'
    )
    command = [str(RAY_PYTHON), "-m", "mathforge", "aggregate", str(tmp_path / "output-rs0.jsonl")]
    command += ["--engine", "ray", "--address", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "no Ray cluster answers at `127.0.0.1:1`" in done.stderr
    assert "Traceback" not in done.stderr
