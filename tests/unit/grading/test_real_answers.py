"""Extraction and grading on real responses and real benchmark answers."""

import gzip
import json
from pathlib import Path

import pytest

from mathforge.grading import Grader, compare, extract_answer, normalize_answer

# Labelled wrong there although gold and answer are the same number or time of day; the label is the mistake.
MISLABELLED = {
    "qwen25math-math_cot_100/72/7",
    *(f"qwen25math-math_cot_100/3/{sample}" for sample in range(8)),
}


def rows(path: Path) -> list[dict]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def responses(shared: Path) -> list[dict]:
    return rows(shared / "data" / "math_responses.jsonl.gz")


def test_extraction_finds_the_answer_others_found(responses: list[dict]) -> None:
    def bare(answer: str | None) -> str:
        # The other extractor drops spaces and the words after a time of day.
        return normalize_answer(answer or "").replace(" ", "").removesuffix(r"\text{p.m.}")

    differing = [
        row["id"] for row in responses if bare(extract_answer(row["text"])) != bare(row["extracted"])
    ]
    assert differing == []


def test_grades_agree_with_the_labels(responses: list[dict]) -> None:
    with Grader(sympy=True) as grader:
        grades = {
            row["id"]: grader.grade(row["expected_answer"], extract_answer(row["text"])) for row in responses
        }
    differing = {row["id"] for row in responses if (grades[row["id"]].verdict == "equal") != row["correct"]}
    assert differing == MISLABELLED
    undecided = {row["expected_answer"] for row in responses if grades[row["id"]].verdict == "undecided"}
    assert undecided == set()


def test_recorded_traces_give_their_recorded_answers_and_rewards(shared: Path) -> None:
    traces = rows(shared / "data" / "gpt_oss_traces.jsonl.gz")
    assert len(traces) == 282
    for trace in traces:
        answer = extract_answer(trace["text"])
        recorded = trace["recorded_answer"]
        assert (answer is None) == (recorded is None), trace["id"]
        if answer is not None:
            assert compare(str(recorded), answer).verdict == "equal", trace["id"]
            rewarded = compare(str(trace["expected_answer"]), answer).verdict == "equal"
            assert rewarded == (trace["reward"] == 1), trace["id"]


def test_expected_answers_equal_themselves_and_their_rewrites(shared: Path) -> None:
    golds = [str(row["expected_answer"]) for row in rows(shared / "data" / "comp-math-24-25.jsonl")]
    for gold in golds:
        assert compare(gold, gold).verdict == "equal", gold
        rewritten = (
            gold.strip("$. ").replace(r"\frac", r"\dfrac").replace("(", r"\left(").replace(")", r"\right)")
        )
        assert compare(gold, rewritten).verdict == "equal", gold


def test_no_two_different_expected_answers_are_equal(shared: Path) -> None:
    golds = sorted({str(row["expected_answer"]) for row in rows(shared / "data" / "comp-math-24-25.jsonl")})
    equal = [(a, b) for i, a in enumerate(golds) for b in golds[:i] if compare(a, b).verdict == "equal"]
    assert equal == []
