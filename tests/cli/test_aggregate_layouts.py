"""The tables of `mathforge aggregate` in the layouts that people know, and tables that cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def aggregate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", "aggregate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write(folder: Path, samples: int, row_of) -> Path:
    folder.mkdir(parents=True)
    for seed in range(samples):
        rows = [row_of(problem, seed) for problem in range(30)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_the_layout_of_today(tmp_path: Path) -> None:
    """30 problems, 16 samples, 463 of 480 right, 2 without an answer: the figures of a published table."""

    def row(problem: int, seed: int) -> dict:
        wrong = problem * 16 + seed < 17
        return {
            "id": problem,
            "predicted_answer": None if problem * 16 + seed < 2 else f"{seed}" if wrong else "right",
            "symbolic_correct": not wrong,
            "num_generated_tokens": 13306,
            "generation_start_time": 100.0,
            "generation_end_time": 1745.5,
        }

    folder = write(tmp_path / "aime24", 16, row)
    done = aggregate(folder, "--votes", "string")
    assert done.stdout.splitlines() == [
        "----------------------------------------- aime24 ----------------------------------------",
        "evaluation_mode   | num_entries | avg_tokens | gen_seconds | symbolic_correct | no_answer",
        "pass@1[avg-of-16] | 30          | 13306      | 1645        | 96.46%           | 0.42%",
        "majority@16       | 30          | 13306      | 1645        | 96.67%           | 0.00%",
        "pass@16           | 30          | 13306      | 1645        | 96.67%           | 0.00%",
        "",
        "",
    ]
    assert aggregate(folder, "--compat", "nemo-skills").stdout == done.stdout


def judged(problem: int, seed: int) -> dict:
    symbolic, judge = (problem + seed) % 3 == 0, (problem + seed) % 4 == 0
    return {
        "id": problem,
        "predicted_answer": "a" if symbolic else "b" if judge else "c",
        "symbolic_correct": symbolic,
        "judgement": f"Reasoning: ...\nJudgement: {'Yes' if judge else 'No'}",
        "subset_for_metrics": "aime25" if problem < 12 else "hmmt-24-25",
        "num_generated_tokens": 5,
    }


def test_the_layout_of_the_tutorial(tmp_path: Path) -> None:
    folder = write(tmp_path / "comp-math-24-25", 4, judged)
    done = aggregate(folder, "--layout", "openmath-nemotron", "--compat", "nemo-skills")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].strip("- ") == "comp-math-24-25-all"
    header = ["num_entries", "symbolic_correct", "judge_correct", "both_correct", "any_correct", "no_answer"]
    assert lines[1] == " | ".join(["evaluation_mode", *header])
    assert [line.partition(" ")[0] for line in lines[2:5]] == ["majority@4", "pass@4", "pass@1[4]"]
    assert [line.strip("- ") for line in lines if line.startswith("--")][1:] == [
        "comp-math-24-25-aime25",
        "comp-math-24-25-hmmt-24-25",
    ]
    mean = lines[4].split(" | ")
    rows = [judged(problem, seed) for problem in range(30) for seed in range(4)]
    pairs = [(row["symbolic_correct"], row["judgement"].endswith("Yes")) for row in rows]
    expected = [sum(s for s, _ in pairs), sum(j for _, j in pairs), sum(s and j for s, j in pairs)]
    expected.append(sum(s or j for s, j in pairs))
    assert [cell.strip() for cell in mean[2:6]] == [f"{100 * count / 120:.2f}%" for count in expected]


# A published table: both is above one score, and any below the other.
IMPOSSIBLE = {
    "hle": {
        "majority@64": {
            "num_entries": 975,
            "symbolic_correct": 0.82,
            "judge_correct": 5.41,
            "no_answer": 0.0,
        },
        "pass@64": {
            "num_entries": 975,
            "symbolic_correct": 14.05,
            "judge_correct": 38.36,
            "both_correct": 13.85,
            "any_correct": 38.56,
            "no_answer": 0.0,
        },
        "pass@1[64]": {
            "num_entries": 975,
            "symbolic_correct": 1.18,
            "judge_correct": 5.41,
            "both_correct": 3.06,
            "any_correct": 3.53,
            "no_answer": 0.0,
        },
    }
}


def test_a_row_that_cannot_be_true_is_told(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(IMPOSSIBLE), encoding="utf-8")
    done = aggregate(path, "--layout", "openmath-nemotron")
    assert done.returncode == 1
    assert "hle, pass@1[64]: both_correct 3.06% is above symbolic_correct 1.18%" in done.stderr
    assert "hle, pass@1[64]: any_correct 3.53% is below judge_correct 5.41%" in done.stderr
    assert "pass@64:" not in done.stderr
    assert "pass@1[64]      | 975         | 1.18%" in done.stdout


def test_a_metrics_file_is_printed_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "comp-math-24-25", 4, judged)
    first = aggregate(folder)
    again = aggregate(folder / "metrics.json")
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    (folder / "metrics.json").write_text("[1]")
    bad = aggregate(folder / "metrics.json")
    assert bad.returncode == 1
    assert "not a metrics.json" in bad.stderr


def test_stability(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", 4, judged)
    done = aggregate(folder, "--stability", "0.5,1")
    modes = [line.partition(" ")[0] for line in done.stdout.splitlines()]
    for mode in ("pass^4", "g-pass@4[0.5]", "g-pass@4[1]", "mg-pass@4", "cover@0.5", "cover@1"):
        assert mode in modes
    bad = aggregate(folder, "--stability", "2")
    assert bad.returncode == 1
    assert "not a list of shares" in bad.stderr


@pytest.mark.parametrize("layout", ["nemo-skills", "openmath-nemotron"])
def test_one_sample(layout: str, tmp_path: Path) -> None:
    done = aggregate(write(tmp_path / "x", 1, judged), "--layout", layout)
    assert done.returncode == 0, done.stderr
    assert "pass@1 " in done.stdout
