"""`mathforge summarize` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def summarize(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", "summarize", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for benchmark, seeds in (("aime24", 12), ("aime25", 1)):
        folder = tmp_path / "eval-results" / benchmark
        folder.mkdir(parents=True)
        for seed in range(seeds):
            rows = [
                {
                    "problem": f"p{at}",
                    "expected_answer": str(at),
                    "generation": rf"\boxed{{{at if (at + seed) % 3 else 7}}}",
                    "num_generated_tokens": 100,
                    "generation_start_time": 5.0,
                    "generation_end_time": 9.5,
                    "subset_for_metrics": "even" if at % 2 == 0 else "odd",
                }
                for at in range(4)
            ]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
            (folder / f"output-rs{seed}.jsonl.done").touch()
    (tmp_path / "eval-logs").mkdir()
    return tmp_path


def test_tables_on_stdout_and_metrics_in_the_folder(run: Path) -> None:
    done = summarize(run)
    assert done.returncode == 0, done.stderr
    titles = [line.strip("- ") for line in done.stdout.splitlines() if line.startswith("--")]
    assert titles == ["aime24", "aime24-even", "aime24-odd", "aime25", "aime25-even", "aime25-odd"]
    assert "pass@1[avg-of-12] | 4           | 100        | 4           | 66.67%" in done.stdout
    assert done.stdout.endswith("\n\n\n")
    metrics = json.loads((run / "eval-results" / "metrics.json").read_text())
    assert list(metrics) == titles
    assert "metrics written to" in done.stderr


def test_one_benchmark_by_name_by_folder_and_as_json(run: Path, tmp_path: Path) -> None:
    by_name = summarize(run, "--benchmarks", "aime25:1", "--json", "--metrics-path", tmp_path / "m.json")
    assert list(json.loads(by_name.stdout)) == ["aime25", "aime25-even", "aime25-odd"]
    assert json.loads((tmp_path / "m.json").read_text()) == json.loads(by_name.stdout)
    by_folder = summarize(run / "eval-results" / "aime25")
    assert by_folder.stdout.startswith("--")
    assert "pass@1 " in by_folder.stdout


def test_broken_and_unfinished_files_are_named_and_the_rest_is_reported(run: Path) -> None:
    folder = run / "eval-results" / "aime24"
    path = folder / "output-rs3.jsonl"
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:20]
    path.write_text("\n".join(lines) + "\n")
    (folder / "output-rs12.jsonl-async").write_text("{}\n")
    done = summarize(run)
    assert done.returncode == 1
    assert f"{path}:2: the row ends inside its object (cut_row); set aside" in done.stderr
    assert "output-rs12.jsonl-async is unfinished" in done.stderr
    assert "1 of 4 problems of aime24 lack a sample (have fewer than 12) and are left out" in done.stderr
    assert "pass@12" in done.stdout
    assert "| 3  " in done.stdout
    assert " aime25 " in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda run: (run / "eval-results" / "aime25" / "output.jsonl").write_text("{}\n"),
            "both output.jsonl and output-rs",
        ),
        (
            lambda run: (run / "eval-results" / "aime25" / "output-rs0.jsonl").write_text("[1]\n"),
            "expected a JSON object",
        ),
        (
            lambda run: (run / "eval-results" / "aime25" / "output-rs0.jsonl").write_text("{}\n"),
            "'generation'",
        ),
        (
            lambda run: (run / "eval-results" / "aime25" / "output-rs0.jsonl").write_text(""),
            "no complete samples of aime25",
        ),
    ],
)
def test_one_bad_benchmark_does_not_stop_the_other(run: Path, spoil, message: str) -> None:
    spoil(run)
    done = summarize(run)
    assert done.returncode == 1
    assert message in done.stderr
    assert " aime24 " in done.stdout
    assert "Traceback" not in done.stderr


def test_wrong_folders_and_names_say_what_to_do(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ([tmp_path / "nowhere"], "no such folder"),
        ([tmp_path / "empty"], "no output*.jsonl"),
        ([run, "--benchmarks", "aime26"], "no results of aime26"),
    ):
        done = summarize(*arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "hint:" in done.stderr
        assert done.stdout == ""
