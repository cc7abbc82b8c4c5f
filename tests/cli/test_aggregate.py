"""`mathforge aggregate` and `mathforge compare` as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import polars
import pytest


def mathforge(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_folder(path: Path, wrong: int, problems: int = 12, samples: int = 4) -> Path:
    folder = path / "eval-results" / "aime24"
    folder.mkdir(parents=True)
    for seed in range(samples):
        rows = [
            {
                "id": f"p{at}",
                "predicted_answer": str(at),
                "symbolic_correct": (at * samples + seed) % 5 >= wrong,
                "num_generated_tokens": 50,
            }
            for at in range(problems)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_folder(tmp_path / "a", wrong=2)


def test_every_format(run: Path, tmp_path: Path) -> None:
    table = mathforge("aggregate", run)
    assert table.returncode == 0, table.stderr
    assert "pass@1[avg-of-4] | 12          | 50         | 58.33%" in table.stdout
    assert json.loads((run / "eval-results" / "metrics.json").read_text())["aime24"]
    markdown = mathforge("aggregate", run, "--format", "markdown").stdout
    assert "| pass@4 | 12 | 50 |" in markdown
    frame = polars.read_csv(mathforge("aggregate", run, "--format", "csv").stdout.encode())
    assert frame.height == len(json.loads(mathforge("aggregate", run, "--json").stdout)["aime24"])
    done = mathforge("aggregate", run, "--format", "arrow", "--output", tmp_path / "m.arrow")
    assert done.stdout == ""
    assert polars.read_ipc(tmp_path / "m.arrow").height == frame.height
    spread = mathforge("aggregate", run, "--spread").stdout
    assert "58.33% \u00b1 " in spread


def test_intervals_and_a_picture(run: Path, tmp_path: Path) -> None:
    for name in ("curves.svg", "curves.png"):
        done = mathforge("aggregate", run, "--intervals", "--plot", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "12 problems x 4 samples" in done.stdout
        assert "twice the problems to" in done.stdout
    svg = (tmp_path / "curves.svg").read_text()
    assert "<svg" in svg
    assert len((tmp_path / "curves.png").read_bytes()) > 10_000
    bad = mathforge("aggregate", run, "--plot", tmp_path / "curves.txt")
    assert bad.returncode == 1
    assert "name an .svg, .png or .pdf file" in bad.stderr


def test_damage_is_told_and_strict_fails(run: Path) -> None:
    path = run / "eval-results" / "aime24" / "output-rs0.jsonl"
    with path.open("ab") as out:
        out.write(b'{"id": "p0", "predicted_answer": "0", "symbolic_correct": true, "x": NaN}\n')
    text = path.read_text().splitlines()
    path.write_text("\n".join(text[1:]) + "\n")
    kept = mathforge("aggregate", run)
    assert kept.returncode == 0, kept.stderr
    assert f"note: {path}:12: NaN or Infinity" in kept.stderr
    strict = mathforge("aggregate", run, "--strict")
    assert strict.returncode == 1
    assert f"error: {path}:12: NaN or Infinity" in strict.stderr
    assert "pass@4" in strict.stdout
    path.write_text("\n".join([*text[1:], '{"id"']))
    cut = mathforge("aggregate", run)
    assert cut.returncode == 1
    assert f"{path}:13: the row ends inside its object (cut_row); set aside" in cut.stderr


def test_files_globs_and_mistakes(run: Path, tmp_path: Path) -> None:
    folder = run / "eval-results" / "aime24"
    files = sorted(folder.glob("*.jsonl"))
    by_file = mathforge("aggregate", *files)
    assert by_file.stdout == mathforge("aggregate", folder / "output-rs*.jsonl").stdout
    assert " aime24 " in by_file.stdout
    for arguments, message in (
        ([tmp_path / "x.jsonl"], "no such folder or file"),
        ([run, "--k", 9], "no problem has 9 samples"),
        ([run, "--benchmarks", "hle"], "no results of hle"),
    ):
        done = mathforge("aggregate", *arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_two_runs_are_compared(run: Path, tmp_path: Path) -> None:
    other = run_folder(tmp_path / "b", wrong=4)
    done = mathforge("compare", run, other)
    assert done.returncode == 0, done.stderr
    assert "A - B +39.58 points" in done.stdout
    assert "A better on 12, same on 0, worse on 0" in done.stdout
    found = json.loads(mathforge("compare", run, other, "--json").stdout)[0]
    assert found["permutation_p"] == pytest.approx(2 / 2**12)
    assert found["wins"] == 12
    same = json.loads(mathforge("compare", run, run, "--json").stdout)[0]
    assert (same["permutation_p"], same["difference"], same["changes"]) == (1.0, 0.0, [])
    bad = mathforge("compare", run, other, "--metric", "judge_correct")
    assert bad.returncode == 1
    assert "A has symbolic_correct" in bad.stderr
