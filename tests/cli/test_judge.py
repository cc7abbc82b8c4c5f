"""`mathforge eval` with a model that judges the answers: in one go, in stages, after a run without it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.commands import MATHFORGE, results, serving
from support.published_recipes import FINAL, recorded, rounds, write_rows

import mathforge

PROBLEMS = [
    {"id": f"p-{n}", "problem": f"What is 6*7, number {n}?", "expected_answer": expected}
    for n, expected in enumerate(["42", "forty-two", "forty-one"])
]
COLUMNS = "judge_correct | symbolic_correct | no_answer"
JUDGED = re.compile(r"pass@1\[avg-of-2\] \| 3 .*\| 66\.67% +\| 33\.33% +\| 0\.00%")

NOBODY = ["--server-type=replay", "--server-address=http://127.0.0.1:9/v1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_rows(tmp_path / "words.jsonl", PROBLEMS)
    answer = rounds(FINAL.format(r"\boxed{42}"), stop=200012)
    write_rows(tmp_path / "answers.jsonl", list(recorded(PROBLEMS, 2, [], answer)))
    judgements = [
        line
        for problem, word in zip(PROBLEMS[1:], ("Yes", "No"), strict=True)
        for line in recorded([problem], 2, [], rounds(FINAL.format(f"Judgement: {word}"), stop=200012))
    ]
    write_rows(tmp_path / "judgements.jsonl", judgements)
    return tmp_path


def evaluate(folder: Path, *more: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    words = ("--benchmarks=words:2", f"--data-dir={folder}", f"--output-dir={folder}/out")
    done = subprocess.run(
        [*MATHFORGE, "eval", *words, *more], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def run(folder: Path) -> list[str]:
    return ["--replay", str(folder / "answers.jsonl")]


def judge_flags(folder: Path) -> list[str]:
    return ["--judge-replay", str(folder / "judgements.jsonl")]


def rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("output-rs*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_judged_in_one_go(folder: Path) -> None:
    done = evaluate(folder, *run(folder), *judge_flags(folder))
    assert COLUMNS in done.stdout, done.stdout
    assert JUDGED.search(done.stdout), done.stdout
    samples, judged = rows(folder / "out/tmp-eval-results/words"), rows(results(folder / "out", "words"))
    assert [{**row, "judgement": None} for row in samples] == [{**row, "judgement": None} for row in judged]
    assert [row["judgement"].split()[-1] for row in judged] == ["Yes", "Yes", "No"] * 2
    metrics = json.loads((results(folder / "out", "words") / "metrics.json").read_text())["words"]["pass@2"]
    assert (metrics["both_correct"], metrics["any_correct"]) == pytest.approx((100 / 3, 200 / 3))
    # All is there: no server is asked again, neither the model's nor the judge's.
    again = evaluate(folder, *NOBODY, *(flag.replace("--", "--judge-") for flag in NOBODY))
    assert again.stdout == done.stdout


def test_judged_from_python(folder: Path) -> None:
    judge = mathforge.Judge.of(replay=str(folder / "judgements.jsonl"), overrides=["++inference.top_p=0.5"])
    replay = str(folder / "answers.jsonl")
    result = mathforge.evaluate(
        "words:2", output_dir=folder / "out", data_dir=folder, replay=replay, judge=judge
    )
    assert result.failures == []
    assert JUDGED.search(result.table()), result.table()
    shown = evaluate(folder, *run(folder), *judge_flags(folder), "--dry-run").stdout
    assert json.loads(shown)["judge"]["prompt_config"] == "judge/math"


def test_judged_in_stages_and_by_shares(folder: Path) -> None:
    for share in ("0/2", "1/2"):
        done = evaluate(folder, *run(folder), *judge_flags(folder), "--share", share)
        assert done.stdout == ""
    assert not results(folder / "out", "words").exists()
    done = evaluate(folder, *judge_flags(folder), "--stage", "judge")
    assert JUDGED.search(done.stdout), done.stdout


def test_samples_of_a_run_without_a_judge_are_taken_over(folder: Path) -> None:
    plain = evaluate(folder, *run(folder))
    assert "judge_correct" not in plain.stdout
    before = rows(results(folder / "out", "words"))
    done = evaluate(folder, *NOBODY, *judge_flags(folder))  # no sample is made again
    assert JUDGED.search(done.stdout), done.stdout
    assert "samples of an earlier run are now in" in done.stderr
    assert rows(folder / "out/tmp-eval-results/words") == before
    refused = evaluate(folder, *run(folder), status=1)
    assert "are judged by a model" in refused.stderr
    assert "--judge" in refused.stderr
    evaluate(folder, *run(folder), "--overwrite")
    assert rows(folder / "out/tmp-eval-results/words") == []
    assert "judgement" not in rows(results(folder / "out", "words"))[0]


def test_samples_that_nobody_has_judged_go_on_without_a_judge(folder: Path) -> None:
    evaluate(folder, *run(folder), *judge_flags(folder), "--stage=samples")
    before = rows(folder / "out/tmp-eval-results/words")
    done = evaluate(folder, *NOBODY)
    assert "symbolic_correct" in done.stdout
    assert rows(results(folder / "out", "words")) == before


def test_results_are_made_again_where_that_is_asked_for(folder: Path) -> None:
    evaluate(folder, *run(folder), *judge_flags(folder))
    first = rows(folder / "out/tmp-eval-results/words")
    evaluate(folder, *run(folder), *judge_flags(folder), "++skip_filled=true")
    assert rows(folder / "out/tmp-eval-results/words") == first
    evaluate(folder, *run(folder), *judge_flags(folder), "++skip_filled=false")
    second = rows(folder / "out/tmp-eval-results/words")
    assert [row["generation_start_time"] for row in second] != [row["generation_start_time"] for row in first]
    judged = rows(results(folder / "out", "words"))
    assert [row["generation_start_time"] for row in judged] == [
        row["generation_start_time"] for row in second
    ]
    refused = evaluate(folder, *run(folder), "--share=0/2", "--overwrite", status=1)
    assert "the files of the others" in refused.stderr


def test_the_judge_is_asked_with_its_own_arguments(folder: Path) -> None:
    """On the server of the run, if it has no other."""
    with serving(folder / "answers.jsonl") as server:
        evaluate(
            folder,
            f"--server-address={server.address}",
            *(
                "--judge_model=replay",
                "--extra_judge_args",
                "++prompt_config=judge/hle ++inference.top_p=0.5",
            ),
        )
    config = json.loads((results(folder / "out", "words") / "run.json").read_text())["config"]
    assert config["prompt_config"] == "judge/hle"
    assert config["inference"]["top_p"] == 0.5
    samples = json.loads((folder / "out/tmp-eval-results/words/run.json").read_text())["config"]
    assert samples["prompt_config"] == "generic/math"


def test_a_judge_that_is_not_there_costs_no_sample(folder: Path) -> None:
    absent = "--judge-server-address=http://127.0.0.1:9/v1"
    done = evaluate(folder, *run(folder), absent, status=1)
    assert "note: nobody answers yet where the judge should be" in done.stderr
    assert "error: the judge: no server answers" in done.stderr
    assert "correct --judge-server-address" in done.stderr
    assert len(rows(folder / "out/tmp-eval-results/words")) == 6
    again = evaluate(folder, *NOBODY, *judge_flags(folder))
    assert JUDGED.search(again.stdout), again.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--judge-model=m"], "where is the judge?"),
        (
            ["--judge-model=m", "--judge-server-address=x", "--judge-type=nvembed"],
            "the only judges are models",
        ),
        (
            ["--judge-server-address=x", "--extra-judge-args=++promt_config=x"],
            "did you mean `++prompt_config`",
        ),
        (["--judge-server-address=x", "--extra-judge-args=++prompt_config=judge/no"], "judge/no"),
        (["--judge-server-address=x", "--extra-judge-args=++generation_key=x"], "from the field `judgement`"),
        (["--judge-server-address=x", "--judge-generation-type=x"], "unknown generation type `x`"),
        (["--extra-judge-args=++prompt_config=judge/hle"], "without a judge"),
        (["--judge-server-address=x", '--judge-pipeline-kwargs={"a": 1}'], "unknown key `a`"),
        (
            ["--judge-server-address=x", "++early_stop.majority=true"],
            "early stop goes by the grader's verdicts",
        ),
        (["--judge-server-address=x", "--stage=judge"], "samples of `words` are missing"),
        (["--stage=judge"], "--stage judge needs a judge"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_starts(
    folder: Path, flags: list[str], said: str
) -> None:
    done = evaluate(folder, *run(folder), *flags, status=1)
    assert said in done.stderr, done.stderr
    assert not (folder / "out" / "tmp-eval-results").exists()


def test_on_a_cluster_the_judge_is_a_job_behind_the_others(folder: Path) -> None:
    config = {"executor": "slurm", "account": "a", "partition": "p", "job_dir": str(folder / "jobs")}
    (folder / "site.yaml").write_text(json.dumps(config))
    flags = [f"--cluster={folder}/site.yaml", "--model=m", "--server-gpus=8", "--dry-run", "--num-jobs=2"]
    done = evaluate(
        folder,
        *flags,
        "--judge-model=j",
        "--judge-server-gpus=4",
        "++skip_filled=false",
        "--dependent-jobs=1",
    )
    first, second = done.stdout.split("# job eval")[1:]
    assert "#SBATCH --gpus-per-node=8" in first
    assert "--stage=samples" in first
    assert "--array=0-1" in first
    assert second.startswith("-judge")
    assert "#SBATCH --gpus-per-node=4" in second
    assert "JOB_ID_OF_eval" in second
    assert "--stage=judge" in second
    assert "skip_filled" not in first + second
