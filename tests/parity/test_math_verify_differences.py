"""Every known difference from the installed Math-Verify, by class; and none beside these on real answers."""

import gzip
import json
import re
from pathlib import Path

import pytest

from mathforge.grading import ExtractOptions, compare, compare_batch, extract_batch
from mathforge.grading.against import labels

HERE = Path(__file__)
DIFFERENCES = [
    line.split(" || ")
    for line in HERE.with_name("math_verify_differences.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
DOCUMENT = HERE.parents[2] / "docs" / "grading-differences.md"

# Differences on recorded responses and benchmark answers, each with the reason.
REAL = {
    (
        r"\text{4:30 p.m.}",
        r"4:30 \text{ p.m.}",
    ): "a time of day: undecided here, wrong there; it is the same time",
}


def test_each_difference_is_there() -> None:
    theirs = labels([(gold, answer) for _, _, _, gold, answer in DIFFERENCES])
    wrong = []
    for (kind, expected, label, gold, answer), their_label in zip(DIFFERENCES, theirs, strict=True):
        verdict = compare(gold, answer)
        equal = "equal" if verdict.verdict == "equal" else "not equal"
        if (equal, their_label) != (expected, label):
            wrong.append((kind, gold, answer, verdict, their_label))
    assert wrong == []


def test_each_class_is_explained() -> None:
    tables, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("## Presets")
    explained = set(re.findall(r"^\| `(\w+)` ", tables, re.MULTILINE))
    assert explained == {kind for kind, *_ in DIFFERENCES}


def rows(path: Path) -> list[dict]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def real_pairs(shared: Path) -> list[tuple[str, str]]:
    """Answers of recorded responses, and expected answers beside rewrites of themselves."""
    responses = rows(shared / "data" / "math_responses.jsonl.gz")
    found = extract_batch([row["text"] for row in responses], ExtractOptions.boxes())
    pairs = {
        (str(row["expected_answer"]), answer): None
        for row, answer in zip(responses, found, strict=True)
        if answer is not None
    }
    for name in ("comp-math-24-25", "aime24", "aime25"):
        for row in rows(shared / "data" / f"{name}.jsonl"):
            gold = str(row["expected_answer"])
            rewritten = gold.strip("$. ").replace(r"\frac", r"\dfrac").replace("{,}", ",")
            pairs[gold, rewritten] = None
    return list(pairs)


def test_real_answers_get_the_same_labels(real_pairs: list[tuple[str, str]]) -> None:
    assert len(real_pairs) > 300
    golds, answers = map(list, zip(*real_pairs, strict=True))
    verdicts = compare_batch(golds, answers)
    differing = {
        pair
        for pair, label, verdict in zip(real_pairs, labels(real_pairs), verdicts, strict=True)
        if verdict.verdict == "undecided" or (label == "correct") != (verdict.verdict == "equal")
    }
    assert differing == set(REAL)
