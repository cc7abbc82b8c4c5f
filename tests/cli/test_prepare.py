"""`mathforge prepare`: from a hub, from its cache, from files; what is there is not fetched again."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars
import pytest
from support.hub import COMMIT, Hub, serving_hub

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_hub() as served:
        yield served


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Run:
    """`mathforge prepare` with the hub, into tmp_path/data."""

    def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
        words = ["prepare", "--data-dir", str(tmp_path / "data"), *arguments]
        return subprocess.run(
            [sys.executable, "-m", "mathforge", *words],
            env={**os.environ, **given, "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    polars.DataFrame(rows).write_parquet(file)
    return file.getvalue()


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_dataset_of_the_hub(hub: Hub, run: Run, tmp_path: Path) -> None:
    aime = {"problem": "p", "answer": "016", "solution": "s", "url": "u"}
    math = {
        "problem": "p",
        "answer": "\\frac12",
        "solution": "s",
        "unique_id": "t/1",
        "level": 3,
        "subject": "x",
    }
    hle = {"id": "a1", "question": "q", "answer": "7", "answer_type": "exactMatch", "rationale": "r"}
    hle |= {"raw_subject": "Topology", "category": "Math", "image": "", "canary": "c"}
    hub.repositories = {
        "HuggingFaceH4/aime_2024": {"data/train-00000-of-00001.parquet": parquet([aime])},
        "MathArena/aime_2025": {
            "data/train-00000-of-00001.parquet": parquet([{"problem": "p", "answer": 16}])
        },
        "MathArena/hmmt_feb_2025": {
            "data/train-00000-of-00001.parquet": parquet(
                [{"problem": "p", "answer": "1", "problem_type": ["Algebra"]}]
            )
        },
        "openai/gsm8k": {
            "main/train-00000-of-00001.parquet": b"not fetched",
            "main/test-00000-of-00001.parquet": parquet(
                [{"question": "q", "answer": "so 1 + 1 = 2\n#### 1,234"}]
            ),
        },
        "HuggingFaceH4/MATH-500": {"test.jsonl": json.dumps(math).encode()},
        "cais/hle": {
            "data/test-00000-of-00001.parquet": parquet(
                [hle, hle | {"id": "a2", "image": "data:..."}, hle | {"id": "a3", "category": "Physics"}]
            )
        },
    }
    names = ["aime24", "aime25", "hmmt", "gsm8k", "math-500", "hle"]
    done = run(*names, "--json")
    assert done.returncode == 0, done.stderr
    data = tmp_path / "data"
    assert read(data / "aime24" / "test.jsonl") == [
        {"id": "aime24-0", "problem": "p", "expected_answer": "16", "reference_solution": "s", "source": "u"}
    ]
    assert read(data / "aime25" / "test.jsonl")[0]["expected_answer"] == "16"
    assert read(data / "hmmt_feb25" / "test.jsonl")[0]["problem_type"] == ["Algebra"]
    assert read(data / "gsm8k" / "test.jsonl")[0]["expected_answer"] == "1234"
    assert read(data / "math-500" / "test.jsonl")[0]["id"] == "t/1"
    assert [row["id"] for row in read(data / "hle" / "text.jsonl")] == ["a1", "a3"]
    assert [row["id"] for row in read(data / "hle" / "math.jsonl")] == ["a1"]
    assert not any("train" in asked for asked in hub.asked if "gsm8k" in asked and "resolve" in asked)
    assert "500 are expected" in done.stderr
    record = json.loads((data / "gsm8k" / "prepared.json").read_text())["test"]
    assert (record["commit"], record["source"], record["problems"]) == (COMMIT, "openai/gsm8k", 1)
    shown = json.loads(done.stdout)
    assert {one["benchmark"]: one["problems"] for one in shown if one["split"] in {"test", "text"}}[
        "hle"
    ] == 2
    hub.asked.clear()
    assert run(*names).returncode == 0
    assert hub.asked == []


def test_offline_from_the_caches(hub: Hub, run: Run, tmp_path: Path) -> None:
    hub.repositories["openai/gsm8k"] = {
        "main/test-0.parquet": parquet([{"question": "q", "answer": "#### 5"}]),
    }
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    failed = run("gsm8k", **nowhere)
    assert failed.returncode == 1
    assert "neither from the hub nor from its cache" in failed.stderr
    assert "--from FILE" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert run("gsm8k").returncode == 0
    assert "there already" in run("gsm8k", **nowhere).stdout
    (tmp_path / "data" / "gsm8k" / "test.jsonl").unlink()
    again = run("gsm8k", **nowhere)
    assert again.returncode == 0, again.stderr
    assert "written" in again.stdout


def test_a_changed_file_is_not_lost(hub: Hub, run: Run, tmp_path: Path) -> None:
    hub.repositories["openai/gsm8k"] = {
        "main/test-0.parquet": parquet([{"question": "q", "answer": "#### 5"}])
    }
    assert run("gsm8k").returncode == 0
    path = tmp_path / "data" / "gsm8k" / "test.jsonl"
    path.write_text(path.read_text().replace('"5"', '"6"'))
    refused = run("gsm8k")
    assert refused.returncode == 1
    assert "was changed since" in refused.stderr
    assert run("gsm8k", "--overwrite").returncode == 0
    assert read(path)[0]["expected_answer"] == "5"


def test_refusals_of_the_hub(hub: Hub, run: Run) -> None:
    hub.repositories["cais/hle"] = {"data/test-0.parquet": b""}
    hub.gated.add("cais/hle")
    hub.repositories["openai/gsm8k"] = {"other.parquet": b""}
    done = run("hle", "gsm8k", "comp-math-24-25", "aime2")
    assert done.returncode == 1
    assert "accepted its terms" in done.stderr
    assert "set HF_TOKEN" in done.stderr
    assert "has no files main/test-*.parquet" in done.stderr
    assert "comp-math-24-25/test.txt" in done.stderr
    assert "did you mean `aime2" in done.stderr


@pytest.mark.parametrize("form", ["file", "gz", "parquet", "folder", "own"])
def test_files_of_the_user(run: Run, tmp_path: Path, form: str) -> None:
    rows = [{"question": f"q{n}", "answer": n, "topic": "t"} for n in range(3)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    source = tmp_path / {"gz": "x.jsonl.gz", "parquet": "x.parquet", "folder": "in"}.get(form, "x.jsonl")
    if form == "folder":
        (source / "mine").mkdir(parents=True)
        (source / "mine" / "test.jsonl").write_text(text)
    elif form == "parquet":
        source.write_bytes(parquet(rows))
    else:
        source.write_bytes(gzip.compress(text.encode()) if form == "gz" else text.encode())
    done = run("mine", "--from", str(source))
    assert done.returncode == 0, done.stderr
    made = read(tmp_path / "data" / "mine" / "test.jsonl")
    assert made[2] == {
        "id": "mine-2",
        "problem": "q2",
        "expected_answer": "2",
        "question": "q2",
        "answer": 2,
        "topic": "t",
    }
    assert "there already" in run("mine", "--from", str(source)).stdout
    source.write_text(json.dumps({"problem": "p", "expected_answer": "1"})) if form == "own" else None
    if form == "own":
        assert "1 problems, written" in run("mine", "--from", str(source)).stdout


def test_rows_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"problem": "p", "answer": "1"}\n{"problem": "p"}\n')
    done = run("mine", "--from", str(tmp_path / "bad.jsonl"))
    assert done.returncode == 1
    assert "bad.jsonl:2: none of the fields expected_answer" in done.stderr
    assert "there is no" not in done.stderr
    missing = run("mine", "--from", str(tmp_path))
    assert "nothing of `mine`" in missing.stderr


def test_the_benchmarks_of_the_real_data(shared: Path, run: Run, tmp_path: Path) -> None:
    done = run("aime24", "aime25", "comp-math-24-25", "--from", str(shared / "data"))
    assert done.returncode == 0, done.stderr
    assert "are expected" not in done.stderr
    for name, count in (("aime24", 30), ("aime25", 30), ("comp-math-24-25", 256)):
        assert len(read(tmp_path / "data" / name / "test.jsonl")) == count
    command = [
        sys.executable,
        "-m",
        "mathforge",
        "eval",
        "--benchmarks",
        "aime24,comp-math-24-25",
        "--dry-run",
    ]
    command += ["--data-dir", str(tmp_path / "data"), "--output-dir", str(tmp_path / "out")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_name_of_the_tutorials(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"problem": "p", "expected_answer": "1"}\n')
    command = [sys.executable, "-m", "mathforge.dataset.prepare", "mine", "--from", str(tmp_path / "x.jsonl")]
    environment = {**os.environ, "MATHFORGE_DATA_DIR": str(tmp_path / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "home" / "mine" / "test.jsonl")[0]["id"] == "mine-0"
