"""The sympy process: what it decides, and that nothing it does can hurt the caller."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from mathforge._native import answer_tree
from mathforge.grading import (
    UNDECIDED_REASONS,
    Grader,
    Options,
    Verdict,
    classes,
    classes_batch,
    compare,
)

NOTHING = Verdict("different", "no_answer")
# A root of a degree that native comparison leaves alone.
BEYOND = r"(\sqrt[65]{2})^{65}"
HARD = (BEYOND, "2")


@pytest.fixture(scope="module")
def grader():
    with Grader(sympy=True) as grader:
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
        (r"x^4+1=0", "x^2+5=2", "different"),
        (r"x^2=4", "x=2", "different"),
        (r"1+2+\ldots+100", "5050", "undecided"),
        (r"\text{no solution}", "7", "different"),
        ("x^2>9", "x^2<9", "different"),
        ("x=5", "y=5", "different"),
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
    with Grader(sympy=True, timeout_s=1.0) as grader:
        assert grader.grade("((((9!)!)!)!)!", "7") == Verdict("undecided", "sympy_limit")
        assert grader.grade(BEYOND, "2").verdict == "equal"


def test_memory_is_limited() -> None:
    with Grader(sympy=True, timeout_s=2.0, memory_mib=600) as grader:
        graded = grader.grade(r"\binom{10^9}{5\cdot 10^8}+\ln 2", "7")
        assert graded.verdict == "undecided"
        assert grader.grade(BEYOND, "2").verdict == "equal"


def test_off_leaves_undecided() -> None:
    assert Grader().grade(r"\int_0^1 x\,dx", r"\frac12") == Verdict("undecided", "unreadable")


def test_results_are_remembered(grader: Grader) -> None:
    first = grader.grade(BEYOND, "2")
    assert first == Verdict("equal", "sympy_equal")
    assert grader.grade(BEYOND, "2") is first


def test_works_from_other_threads() -> None:
    verdicts = []
    with Grader(sympy=True) as grader:
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
    grader = Grader(sympy=True)
    grader.grade(*HARD)
    (pid,) = grader.sympy_pids
    grader.close()
    assert grader.sympy_pids == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert grader.grade(*HARD).verdict == "equal"
    grader.close()


def test_a_killed_process_costs_one_verdict_not_the_run() -> None:
    with Grader(sympy=True, workers=1) as grader:
        grader.grade(*HARD)
        os.kill(grader.sympy_pids[0], signal.SIGKILL)
        assert grader.grade(r"(\sqrt[67]{3})^{67}", "3").reason == "sympy_unavailable"
        assert grader.grade(r"(\sqrt[67]{5})^{67}", "5").verdict == "equal"


def test_batches_ask_several_processes_and_each_distinct_pair_once() -> None:
    golds = [rf"(\sqrt[67]{{{n}}})^{{67}}" for n in (2, 3, 5)] * 3
    answers: list[str | None] = ["2", "3", "5"] * 3
    with Grader(sympy=True, workers=2) as grader:
        verdicts = grader.grade_batch([*golds, "7"], [*answers, None])
        assert verdicts == [Verdict("equal", "sympy_equal")] * 9 + [NOTHING]
        assert verdicts[:9] == [grader.grade(*pair) for pair in zip(golds, answers, strict=True)]
        assert len(grader.sympy_pids) <= 2


def test_an_event_loop_goes_on_while_sympy_works() -> None:
    async def main() -> tuple[int, list[str]]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        with Grader(sympy=True, timeout_s=1, workers=2) as grader:
            ticking = asyncio.create_task(tick())
            pairs = [("((((9!)!)!)!)!", "7"), HARD]
            verdicts = await asyncio.gather(*(grader.grade_async(*pair) for pair in pairs))
            ticking.cancel()
        return ticks, [verdict.verdict for verdict in verdicts]

    ticks, verdicts = asyncio.run(main())
    assert verdicts == ["undecided", "equal"]
    assert ticks > 10


def test_verdicts_are_kept_on_disk_for_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "verdicts.sqlite"
    with Grader(sympy=True, timeout_s=1, cache=path) as grader:
        first = grader.grade(*HARD)
        assert grader.grade("((((9!)!)!)!)!", "7").reason == "sympy_limit"
    with Grader(sympy=True, timeout_s=1, cache=path) as grader:
        assert grader.grade(*HARD) == first
        assert grader.sympy_pids == []
        # What ran into a limit is tried again; other conventions are other verdicts.
        assert grader.grade("((((9!)!)!)!)!", "7").reason == "sympy_limit"
        assert len(grader.sympy_pids) == 1
    script = f"""
from mathforge.grading import Grader
for n in range(20):
    with Grader(sympy=True, timeout_s=1, cache={str(path)!r}) as grader:
        assert grader.grade({HARD[0]!r}, {HARD[1]!r}).verdict == "equal"
        assert not grader.sympy_pids
"""
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


def test_a_broken_cache_costs_time_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with Grader(sympy=True, cache=path) as grader:
        assert grader.grade(*HARD).verdict == "equal"
    with Grader(sympy=True, cache=tmp_path / "verdicts.sqlite" / "below-a-file") as grader:
        assert grader.grade(*HARD).verdict == "equal"


def test_options_reach_sympy() -> None:
    with Grader(sympy=True, options=Options(log_base="ten")) as grader:
        assert grader.grade(rf"\log 8+{BEYOND}", r"\lg 8+2").reason == "sympy_equal"
    rounded = (rf"\ln 2+{BEYOND}", "2.693147")
    with Grader(sympy=True) as grader:
        assert grader.grade(*rounded).reason == "sympy_rounded"
    with Grader(sympy=True, options=Options(rounded_from=None)) as grader:
        assert grader.grade(*rounded).verdict == "different"
    with Grader(sympy=True, options=Options(name_bare=False)) as grader:
        assert grader.grade(rf"x={BEYOND}", "2").verdict == "undecided"


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
    answers = ["1/2", None, "0.5", "3", "", "03", r"\frac12"]
    assert classes(answers) == [0, None, 0, 1, None, 1, 0]
    assert classes(["5 cm", "5"]) == [0, 0]
    assert classes(["5 cm", "5"], Options(unit_bare=False)) == [0, 1]


def test_classes_of_groups() -> None:
    groups = [7, 8, 7, 8, 7, 9]
    answers = ["1/2", "3", "0.5", "4", "1", None]
    assert classes_batch(groups, answers) == [0, 0, 0, 1, 1, None]
    assert classes_batch([str(group) for group in groups], answers, threads=3) == [0, 0, 0, 1, 1, None]
    column = classes_batch(pl.Series(groups), pl.Series(answers))
    assert pl.Series(column).to_list() == [0, 0, 0, 1, 1, None]
    with pytest.raises(ValueError, match="6 group ids but 1 answers"):
        classes_batch(groups, ["1"])
