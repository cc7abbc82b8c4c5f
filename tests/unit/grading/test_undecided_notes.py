"""What is told of samples that are neither proved right nor proved wrong."""

import json
import subprocess
import sys
from pathlib import Path

from mathforge.grading import Grader, compare
from mathforge.regrade_report import RegradeReport
from mathforge.regrading import grade_files

# Readable, and beyond native comparison.
OPEN_PAIR = (r"\sum_{n=1}^{\infty} \frac{1}{n^2}", r"\frac{\pi^2}{6}")


def rows(path: Path) -> Path:
    """Three problems with two samples each; one problem stays undecided."""
    folder = path / "eval-results" / "zeta"
    folder.mkdir(parents=True)
    answers = [("7", "7"), (OPEN_PAIR[0], OPEN_PAIR[1]), ("1", "2")]
    for seed in range(2):
        lines = [
            {"id": at, "expected_answer": gold, "predicted_answer": answer}
            for at, (gold, answer) in enumerate(answers)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return folder


def regraded(folder: Path) -> RegradeReport:
    with Grader() as grader:
        return grade_files([(path, path) for path in sorted(folder.glob("*.jsonl"))], grader)


def aggregate(*arguments: object) -> str:
    command = [sys.executable, "-m", "mathforge", "aggregate", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_aggregate_tells_how_many_samples_are_undecided(tmp_path: Path) -> None:
    assert compare(*OPEN_PAIR).verdict == "undecided"
    folder = rows(tmp_path)
    note = "note: zeta: 2 of 6 samples are undecided and count as not correct"
    told = aggregate(tmp_path)
    assert note + "; --sympy lets sympy try those that are not graded yet" in told
    # The same rows once they are graded: their reasons say it.
    regraded(folder)
    assert note in aggregate(tmp_path)


def test_nothing_is_told_where_all_is_decided(tmp_path: Path) -> None:
    folder = rows(tmp_path)
    for path in folder.glob("*.jsonl"):
        kept = [line for line in path.read_text().splitlines() if json.loads(line)["id"] != 1]
        path.write_text("".join(line + "\n" for line in kept))
    assert "undecided" not in aggregate(tmp_path)


def test_regrading_counts_undecided_answers_by_reason(tmp_path: Path) -> None:
    report = str(regraded(rows(tmp_path)))
    assert f"undecided 2 (33.3%): {compare(*OPEN_PAIR).reason} 2" in report
