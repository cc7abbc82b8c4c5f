"""Native comparison against a table of pairs, in both orders."""

from pathlib import Path

import pytest

from mathforge.grading import UNDECIDED_REASONS, compare, compare_batch

TABLE = Path(__file__).with_name("pairs.txt").read_text(encoding="utf-8")
PAIRS = [tuple(line.split(" || ")) for line in TABLE.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("expected", "gold", "answer"), PAIRS)
def test_pair(expected: str, gold: str, answer: str) -> None:
    forward, backward = compare(gold, answer), compare(answer, gold)
    assert (forward.verdict, backward.verdict) == (expected, expected), (forward, backward)
    if expected == "undecided":
        assert forward.reason in UNDECIDED_REASONS


def test_the_table_is_balanced() -> None:
    verdicts = [verdict for verdict, _, _ in PAIRS]
    assert len(PAIRS) >= 300
    assert verdicts.count("equal") <= 1.5 * (verdicts.count("different") + verdicts.count("undecided"))


def test_a_batch_is_the_same_as_one_by_one() -> None:
    golds, answers = [pair[1] for pair in PAIRS], [pair[2] for pair in PAIRS]
    assert compare_batch(golds, answers) == [compare(*pair) for pair in zip(golds, answers, strict=True)]
    with pytest.raises(ValueError, match="2 golds but 1 answers"):
        compare_batch(["1", "2"], ["1"])
