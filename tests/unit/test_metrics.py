"""Metrics against brute force, and the layout of the published tables."""

import json
import math
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathforge.grading import Grader
from mathforge.metrics import majority_at_k, pass_at_k, summarize
from mathforge.report import Report


def sample(answer: str | None, correct: bool, **more: object) -> dict:
    return {"predicted_answer": answer, "symbolic_correct": correct, **more}


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(
    correct: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(correct)))
    subsets = list(combinations(correct, k))
    assert pass_at_k(len(correct), sum(correct), k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@given(
    st.lists(st.sampled_from("abcd-"), min_size=1, max_size=9), st.sets(st.sampled_from("abcd")), st.data()
)
def test_majority_at_k_is_the_mean_over_subsets(
    answers: list[str], right: set[str], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    total = 0.0
    subsets = list(combinations(answers, k))
    for subset in subsets:
        votes = {a: subset.count(a) for a in subset if a != "-"}
        winners = [a for a in votes if votes[a] == max(votes.values())]
        total += sum(a in right for a in winners) / len(winners) if winners else 0.0
    names = sorted(set(answers) - {"-"})
    counts, scores = [answers.count(a) for a in names], [float(a in right) for a in names]
    assert majority_at_k(counts, scores, len(answers), k) == pytest.approx(total / len(subsets))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="between 1 and n = 4, got 5"):
        pass_at_k(4, 2, 5)
    with pytest.raises(ValueError, match="vote counts"):
        majority_at_k([3, 3], [1.0, 0.0], 4, 2)
    with pytest.raises(ValueError, match="same number of samples"):
        summarize([[sample("1", True)], []], benchmark="x")


def timed(
    problems: int, samples: int, wrong: int, missing: int, tokens: int, seconds: int
) -> list[list[dict]]:
    """`wrong` incorrect samples in all, `missing` of them without an answer, spread over the problems."""
    rows = []
    for problem in range(problems):
        row = []
        for seed in range(samples):
            index = seed * problems + problem
            bad = index < wrong
            answer = (None if index < missing else "1") if bad else "2"
            row.append(
                sample(
                    answer,
                    not bad,
                    num_generated_tokens=tokens,
                    generation_start_time=1000.25,
                    generation_end_time=1000.25 + seconds,
                )
            )
        rows.append(row)
    return rows


def test_the_tables_of_the_first_tutorial_come_out_to_the_character(shared: Path) -> None:
    seed = next((shared / "seeds").glob("000*.txt")).read_text(encoding="utf-8").splitlines()
    first = next(at for at, line in enumerate(seed) if line.endswith("-") and " aime24 " in line)
    # 96.46 % of 480 samples is 17 wrong, 0.42 % is 2 without an answer; 96.67 % is 16 wrong, 0.83 % is 4.
    aime24 = summarize(timed(30, 16, 17, 2, 13306, 1645), benchmark="aime24")
    aime25 = summarize(timed(30, 16, 16, 4, 14463, 1717), benchmark="aime25")
    printed = Report.merged([aime24, aime25]).table().split("\n\n\n")
    assert printed[0].splitlines() == seed[first : first + 5]
    assert printed[1].splitlines() == seed[first + 6 : first + 11]
    assert printed[2] == ""


def test_subset_tables_have_their_titles_centred(shared: Path) -> None:
    seed = next((shared / "seeds").glob("004*.txt")).read_text(encoding="utf-8").splitlines()
    titles = [line for line in seed if line.startswith("--") and " comp-math-24-25-" in line]
    assert len(titles) >= 4
    columns = {"num_entries": 30, "symbolic_correct": 0.0, "no_answer": 0.0}
    for title in titles:
        report = Report({title.strip("- "): {"majority@64": columns, "pass@64": columns}})
        assert report.table().splitlines()[0] == title


def test_one_sample_gives_pass_at_1_only() -> None:
    report = summarize([[sample("2", True)], [sample(None, False)]], benchmark="x")
    assert report.to_json() == {
        "x": {"pass@1": {"num_entries": 2, "undecided": 0.0, "symbolic_correct": 50.0, "no_answer": 50.0}}
    }
    assert report.table().splitlines()[1:] == [
        "evaluation_mode | num_entries | symbolic_correct | no_answer",
        "pass@1          | 2           | 50.00%           | 50.00%",
        "",
        "",
    ]


def test_answers_may_be_numbers() -> None:
    rows = [
        [{"predicted_answer": 7, "expected_answer": 7}],
        [{"predicted_answer": 7.5, "expected_answer": "15/2"}],
    ]
    assert summarize(rows, benchmark="x").to_json()["x"]["pass@1"]["symbolic_correct"] == 100


def test_votes_are_counted_by_equal_answers_and_ties_are_shared() -> None:
    votes = [
        sample("1/2", True),
        sample("0.5", True),
        sample("3", False),
        sample("4", False),
        sample("3", False),
    ]
    metrics = summarize([votes], benchmark="x").to_json()["x"]
    assert metrics["majority@5"]["symbolic_correct"] == pytest.approx(50.0)
    assert metrics["pass@1[avg-of-5]"]["symbolic_correct"] == pytest.approx(40.0)
    assert metrics["pass@1"]["symbolic_correct"] == pytest.approx(40.0)


def test_every_k_is_there_with_statistics_of_the_worked_example() -> None:
    scores = [[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 1]]
    rows = [[sample(str(score), bool(score)) for score in row] for row in scores]
    metrics = summarize(rows, benchmark="x").to_json()["x"]
    assert len(metrics) == 4 + 3 + 3
    spread = metrics["pass@1[avg-of-4]"]["symbolic_correct_statistics"]
    assert spread["std_dev_across_runs"] == pytest.approx(0.1667, abs=1e-4)
    assert spread["std_err_across_runs"] == pytest.approx(0.0833, abs=1e-4)
    assert spread["avg_sample_std_dev"] == pytest.approx(0.5515, abs=1e-4)
    assert spread["avg"] == pytest.approx(7 / 12)


def test_judged_rows_get_their_columns() -> None:
    judged = [
        sample("1", True, judgement="same.\nJudgement: Yes"),
        sample("2", False, judgement="Judgement: yes, up to order"),
        sample("3", True, judgement="Judgement: No"),
        sample(None, False, judgement=None),
    ]
    metrics = summarize([[row] for row in judged], benchmark="x").to_json()["x"]["pass@1"]
    assert [
        metrics[name] for name in ("symbolic_correct", "judge_correct", "both_correct", "any_correct")
    ] == [50, 50, 25, 75]


def test_rows_are_extracted_and_graded_where_they_lack_it() -> None:
    rows = [
        [{"generation": r"so \boxed{\frac12}", "expected_answer": "0.5"}],
        [{"generation": "no idea", "expected_answer": "0.5"}],
        [{"generation": r"\boxed{\text{half of it}}", "expected_answer": "0.5"}],
    ]
    with Grader(sympy=False) as grader:
        metrics = summarize(rows, benchmark="x", grader=grader).to_json()["x"]["pass@1"]
    assert metrics["symbolic_correct"] == pytest.approx(100 / 3)
    assert metrics["no_answer"] == pytest.approx(100 / 3)
    assert metrics["undecided"] == pytest.approx(100 / 3)


@settings(max_examples=50)
@given(st.integers(1, 5), st.integers(1, 4), st.randoms(use_true_random=False))
def test_laws_hold_on_any_run(size: int, problems: int, draw: object) -> None:
    def one() -> dict:
        answer = draw.choice([None, "1", "2", "01", "x"])  # type: ignore[attr-defined]
        return sample(answer, answer in ("1", "01"), num_generated_tokens=5)

    metrics = summarize([[one() for _ in range(size)] for _ in range(problems)], benchmark="x").to_json()["x"]
    passed = [metrics[f"pass@{k}"]["symbolic_correct"] for k in range(1, size + 1)]
    assert passed == sorted(passed)
    if size > 1:
        assert metrics[f"pass@1[avg-of-{size}]"]["symbolic_correct"] == pytest.approx(passed[0])
        majority = metrics[f"majority@{size}"]["symbolic_correct"]
        assert math.isfinite(majority)
        assert majority <= passed[-1] + 1e-9


def test_the_report_as_a_frame_and_a_file(tmp_path: Path) -> None:
    report = summarize([[sample("1", True), sample("2", False)]], benchmark="x")
    frame = report.to_polars()
    assert frame.height == 4
    assert {"benchmark", "evaluation_mode", "symbolic_correct", "symbolic_correct_statistics.avg"} <= set(
        frame.columns
    )
    report.write_json(tmp_path / "deep" / "metrics.json")
    assert json.loads((tmp_path / "deep" / "metrics.json").read_text()) == report.to_json()
