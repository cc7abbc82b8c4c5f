"""When a majority is settled, by exhaustive continuation, and what stays unbiased, by exact enumeration."""

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.early_stop import Vote, always_drawn, is_settled
from mathforge.grading import classes, compare

ANSWERS = [Vote("1/2", True), Vote("0.5", True), Vote("3", False), Vote("x", False), Vote(None, False)]


def majorities(votes: list[Vote]) -> set[bool]:
    """Verdicts of the classes with most votes; none without a vote."""
    numbers = classes([vote.answer for vote in votes])
    counts = Counter(number for number in numbers if number is not None)
    most = max(counts.values(), default=0)
    return {
        vote.is_correct
        for vote, number in zip(votes, numbers, strict=True)
        if number is not None and counts[number] == most
    }


def string_majorities(votes: list[Vote]) -> set[Vote]:
    counts = Counter(vote for vote in votes if vote.answer is not None)
    return {vote for vote in counts if counts[vote] == max(counts.values())}


@given(votes=st.lists(st.sampled_from(ANSWERS), max_size=9), missing=st.integers(0, 3))
def test_nothing_that_may_come_changes_a_settled_majority(votes: list[Vote], missing: int) -> None:
    if not is_settled(votes, missing):
        return
    ends = [[*votes, *more] for more in product(ANSWERS, repeat=missing)]
    assert len({frozenset(majorities(end)) for end in ends}) == 1
    if missing:
        assert len({frozenset(string_majorities(end)) for end in ends}) == 1


def test_classes_that_may_be_one_count_together() -> None:
    open_pair = (r"\int x", r"\int y")
    assert compare(*open_pair).verdict == "undecided"
    three = [Vote("3", True)] * 3
    assert not is_settled([*three, *(Vote(answer, False) for answer in open_pair)], 1)
    assert is_settled([*three, Vote("4", False), Vote("5", False)], 1)


@pytest.mark.parametrize("samples", range(1, 12))
def test_the_samples_that_are_always_drawn_are_the_earliest_moment_to_stop(samples: int) -> None:
    same = [Vote("1", True)] * samples
    settled = [drawn for drawn in range(samples + 1) if is_settled(same[:drawn], samples - drawn)]
    assert settled[0] == always_drawn(samples)


@pytest.mark.parametrize("right", [Fraction(1, 5), Fraction(1, 2), Fraction(4, 5)])
def test_the_mean_of_the_always_drawn_is_unbiased_and_that_of_the_drawn_is_not(right: Fraction) -> None:
    """All sequences of 5 samples of a problem that is solved with probability `right`, weighted exactly."""
    samples = 5
    first = naive = total = Fraction(0)
    for sequence in product([Vote("1", True), Vote("2", False)], repeat=samples):
        weight = Fraction(1)
        for vote in sequence:
            weight *= right if vote.is_correct else 1 - right
        drawn = next(n for n in range(samples + 1) if is_settled(sequence[:n], samples - n))
        total += weight
        naive += weight * Fraction(sum(vote.is_correct for vote in sequence[:drawn]), drawn)
        head = sequence[: always_drawn(samples)]
        first += weight * Fraction(sum(vote.is_correct for vote in head), len(head))
        assert majorities(list(sequence[:drawn])) == majorities(list(sequence))
    assert total == 1
    assert first == right
    assert (naive == right) is (right == Fraction(1, 2))
