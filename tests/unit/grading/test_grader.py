"""The sympy process: what it decides, and that nothing it does can hurt the caller."""

import os
import pickle
import threading

import pytest

from mathforge._native import answer_tree
from mathforge.grading import UNDECIDED_REASONS, Grader, Verdict, classes, compare

# A root of a degree that native comparison leaves alone.
BEYOND = r"(\sqrt[65]{2})^{65}"


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        (r"\sin^2 x+\cos^2 x", "1", "equal"),
        (r"\ln 8", r"3\ln 2", "equal"),
        (r"\sqrt{5+2\sqrt6}", r"\sqrt2+\sqrt3", "equal"),
        (r"2^{n+1}", r"2\cdot 2^n", "equal"),
        (r"\sqrt{x^2}", "|x|", "equal"),
        (r"y=2x+1", "2x-y+1=0", "equal"),
        (r"\log_2 8", "3", "equal"),
        (r"\cos 60^\circ", r"\frac12", "equal"),
        (r"y=2x", r"x=\frac{y}{2}", "equal"),
        (r"\ln 2", "0.693147", "equal"),
        (r"(\ln 8, \sin 1)", r"(3\ln 2, \sin 1)", "equal"),
        (r"\ln 8, 1", r"1, 3\ln 2", "equal"),
        (r"\ln 2", "0.693148", "different"),
        (r"\ln 2", "0.693", "different"),
        (r"\sin 30", r"\sin 30^\circ", "different"),
        (r"\sin 1", r"\sin 2", "different"),
        (r"\sin(10^{-20})", "0", "different"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744", "different"),
        (r"\sqrt{x^2}", "x", "different"),
        (r"x^4+1=0", "x^2+5=2", "undecided"),
        (r"x^2=4", "x=2", "undecided"),
        (r"1+2+\ldots+100", "5050", "undecided"),
        (r"\text{no solution}", "7", "undecided"),
        ("x^2>9", "x^2<9", "undecided"),
        ("x=5", "y=5", "undecided"),
        ("x=1, y=2", "2, 1", "undecided"),
        (r"\frac{\ln 2}{\ln 1}", r"\frac{\ln 3}{\ln 1}", "undecided"),
    ],
)
def test_verdicts(grader: Grader, gold: str, answer: str, verdict: str) -> None:
    graded = grader.grade(gold, answer)
    assert graded.verdict == verdict, graded
    assert verdict != "undecided" or graded.reason in UNDECIDED_REASONS


def test_no_answer_is_different(grader: Grader) -> None:
    assert grader.grade("7", None) == Verdict("different", "no_answer")
    assert grader.grade("7", "").verdict == "different"


def test_a_pair_that_never_ends_is_cut_and_the_next_one_is_graded() -> None:
    with Grader(timeout_s=1.0) as grader:
        assert grader.grade("((((9!)!)!)!)!", "7") == Verdict("undecided", "sympy_limit")
        assert grader.grade(BEYOND, "2").verdict == "equal"


def test_memory_is_limited() -> None:
    with Grader(timeout_s=2.0, memory_mib=600) as grader:
        graded = grader.grade(r"\binom{10^9}{5\cdot 10^8}+\ln 2", "7")
        assert graded.verdict == "undecided"
        assert grader.grade(BEYOND, "2").verdict == "equal"


def test_off_leaves_undecided() -> None:
    assert Grader(sympy=False).grade(r"\int_0^1 x\,dx", r"\frac12") == Verdict("undecided", "unreadable")


def test_results_are_remembered(grader: Grader) -> None:
    first = grader.grade(BEYOND, "2")
    assert first == Verdict("equal", "sympy_equal")
    assert grader.grade(BEYOND, "2") is first


def test_works_from_other_threads() -> None:
    verdicts = []
    with Grader() as grader:
        threads = [
            threading.Thread(
                target=lambda n=n: verdicts.append(grader.grade(rf"\ln {2**n}", rf"{n}\ln 2").verdict)
            )
            for n in range(2, 8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verdicts == ["equal"] * 6


def test_close_leaves_no_process() -> None:
    grader = Grader()
    grader.grade(BEYOND, "2")
    worker = grader._worker
    assert worker is not None
    grader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker._process.pid, 0)


def test_the_tree_holds_numbers_and_names_only() -> None:
    assert (
        answer_tree(r"\frac{1}{2}x") == '["product",["quotient",["num","1","1"],["num","2","1"]],["sym","x"]]'
    )
    assert answer_tree("__import__('os').system('true')") is None or '"sym"' not in answer_tree(
        "__import__('os')"
    )


def test_verdicts_travel() -> None:
    verdict = compare("1/2", "0.5")
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert hash(verdict) == hash(Verdict("equal", "same_value"))
    with pytest.raises(ValueError, match="maybe"):
        Verdict("maybe", "x")


def test_classes() -> None:
    assert classes(["1/2", None, "0.5", "3", "", "03", r"\frac12"]) == [0, None, 0, 1, None, 1, 0]
