import random
import sys
import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from mathforge.sandbox._outcome import Outcome
from mathforge.sandbox._turns import Line, Turns

DONE = Outcome("ok")


def finish_at_once(answer: Future[Outcome]) -> None:
    answer.set_result(DONE)


class Recorder:
    """Starts cells by noting them; the test ends them."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Future[Outcome]]] = []

    def cell(self, name: str):
        return lambda answer: self.started.append((name, answer))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.started]

    def end(self, index: int) -> None:
        self.started[index][1].set_result(DONE)


def submit(turns: Turns, line: Line, start) -> Future[Outcome]:
    turns.reserve().result(0)
    return turns.submit(line, start)


def test_no_more_than_the_places_run_and_all_do_in_order_of_arrival():
    turns = Turns(3)
    lock = threading.Lock()
    running = most = 0
    order: list[int] = []

    with ThreadPoolExecutor(8) as pool:

        def work(answer: Future[Outcome]) -> None:
            nonlocal running
            time.sleep(0.001)
            with lock:
                running -= 1
            answer.set_result(DONE)

        def start(number: int, answer: Future[Outcome]) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
                order.append(number)
            pool.submit(work, answer)

        answers = [submit(turns, Line(), lambda a, number=number: start(number, a)) for number in range(300)]
        for answer in answers:
            assert answer.result(10) is DONE
    assert most == 3
    # Each line arrives with what the others have had, so strictly by arrival unless one was late to the lock.
    assert sorted(order) == list(range(300))
    assert order[:3] == [0, 1, 2]


def test_one_cell_of_a_session_runs_at_a_time_and_in_order():
    turns, cells, line = Turns(4), Recorder(), Line()
    for name in "abc":
        submit(turns, line, cells.cell(name))
    assert cells.names == ["a"]
    cells.end(0)
    assert cells.names == ["a", "b"]
    cells.end(1)
    assert cells.names == ["a", "b", "c"]


def test_a_session_with_many_cells_does_not_come_before_one_with_a_single_cell():
    turns, cells, greedy = Turns(1), Recorder(), Line()
    for number in range(50):
        submit(turns, greedy, cells.cell(f"greedy {number}"))
    submit(turns, Line(), cells.cell("modest"))
    time.sleep(0.01)
    cells.end(0)
    assert cells.names == ["greedy 0", "modest"]


def test_time_is_shared_evenly_between_long_and_short_cells():
    turns, had = Turns(1), {"long": 0.0, "short": 0.0}
    stop = time.monotonic() + 0.6
    with ThreadPoolExecutor(1) as pool:

        def keep_busy(name: str, line: Line, seconds: float) -> None:
            def work(answer: Future[Outcome]) -> None:
                start = time.monotonic()
                time.sleep(seconds)
                had[name] += time.monotonic() - start
                if start < stop:
                    keep_busy(name, line, seconds)
                answer.set_result(DONE)

            submit(turns, line, lambda answer: pool.submit(work, answer) and None)

        keep_busy("long", Line(), 0.05)
        keep_busy("short", Line(), 0.002)
        while time.monotonic() < stop + 0.2:
            time.sleep(0.01)
    assert 0.5 < had["long"] / had["short"] < 2.0


def test_an_idle_session_saves_nothing_up():
    turns, cells, idle, busy = Turns(1), Recorder(), Line(), Line()
    busy.had_s = turns._now_s = 100.0
    submit(turns, busy, cells.cell("busy"))
    submit(turns, idle, cells.cell("idle 1"))
    submit(turns, idle, cells.cell("idle 2"))
    assert idle.had_s == 100.0
    cells.end(0)
    assert cells.names == ["busy", "idle 1"]


def test_the_queue_is_bounded_and_reservations_wait():
    turns, cells, line = Turns(1, room=2), Recorder(), Line()
    for name in "abc":  # one runs, two wait
        submit(turns, line, cells.cell(name))
    outside = [turns.reserve() for _ in range(3)]
    assert not any(room.done() for room in outside)
    assert turns.waiting == 5
    outside[0].cancel()
    cells.end(0)
    assert [room.done() for room in outside] == [True, True, False]
    turns.release()
    assert outside[2].done()


def test_a_cancelled_cell_leaves_the_queue_and_never_starts():
    turns, cells, line = Turns(1, room=2), Recorder(), Line()
    first, second, third = (submit(turns, line, cells.cell(name)) for name in "abc")
    assert second.cancel()
    assert turns.waiting == 1
    cells.end(0)
    assert cells.names == ["a", "c"]
    assert not first.cancelled()
    cells.end(1)
    assert third.result() is DONE
    assert turns.waiting == 0


def test_closing_cancels_what_waits_and_what_comes():
    turns, cells = Turns(1, room=2), Recorder()
    running, waiting = submit(turns, Line(), cells.cell("a")), submit(turns, Line(), cells.cell("b"))
    submit(turns, Line(), cells.cell("c"))
    outside = turns.reserve()
    turns.close()
    assert waiting.cancelled()
    assert outside.cancelled() or outside.done()
    cells.end(0)
    assert running.result() is DONE
    with pytest.raises(CancelledError):
        submit(turns, Line(), cells.cell("d")).result(1)
    assert cells.names == ["a"]


def test_cells_that_end_at_once_do_not_recurse():
    turns, line, cells = Turns(1), Line(), Recorder()
    submit(turns, Line(), cells.cell("blocker"))
    depths = []

    def start(answer: Future[Outcome]) -> None:
        depths.append(len(_stack()))
        answer.set_result(DONE)

    count = sys.getrecursionlimit() * 2
    for _ in range(count):
        submit(turns, line, start)
    cells.end(0)
    assert len(depths) == count
    assert max(depths) == min(depths)


def test_nothing_is_lost_when_threads_submit_and_cancel_at_random():
    turns = Turns(2, room=8)
    lines = [Line() for _ in range(5)]
    answers: list[Future[Outcome]] = []
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(2) as workers:

        def client(seed: int) -> None:
            rng = random.Random(seed)
            for _ in range(300):
                turns.reserve().result(10)
                answer = turns.submit(rng.choice(lines), lambda a: workers.submit(finish_at_once, a) and None)
                answers.append(answer)
                if rng.random() < 0.3:
                    answer.cancel()

        for done in [pool.submit(client, seed) for seed in range(4)]:
            done.result(30)
        for answer in answers:
            if not answer.cancelled():
                assert answer.result(10) is DONE
    assert len(answers) == 1200
    assert turns.waiting == 0
    assert turns._free == 2
    assert turns._room == 8


def _stack() -> list[object]:
    frames = []
    frame = sys._getframe()
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def test_a_thread_runs_its_own_cell_where_nobody_has_to_wait():
    turns, line, other = Turns(2), Line(), Line()
    recorder = Recorder()
    entered = turns.enter(line)
    assert entered is not None
    assert turns.enter(line) is None, "one cell of a session at a time"
    behind = submit(turns, line, recorder.cell("behind"))
    submit(turns, other, recorder.cell("beside"))
    assert recorder.names == ["beside"]
    assert turns.enter(Line()) is None, "no place is free"
    turns.leave(line, entered)
    assert recorder.names == ["beside", "behind"]
    recorder.end(0)
    assert turns.enter(line) is None, "the cell that was submitted runs"
    recorder.end(1)
    assert behind.result(0) == DONE
    entered = turns.enter(line)
    assert entered is not None
    turns.leave(line, entered)
    turns.close()
    assert turns.enter(line) is None


def test_time_of_cells_that_threads_run_themselves_counts():
    turns, greedy, modest = Turns(1), Line(), Line()
    recorder = Recorder()
    entered = turns.enter(greedy)
    assert entered is not None
    time.sleep(0.01)
    submit(turns, greedy, recorder.cell("greedy"))
    submit(turns, modest, recorder.cell("modest"))
    turns.leave(greedy, entered)
    assert recorder.names == ["modest"]
    recorder.end(0)
    assert recorder.names == ["modest", "greedy"]
    recorder.end(1)
