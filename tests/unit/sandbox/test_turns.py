import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from mathforge.sandbox._turns import Turns


def test_no_more_than_the_places_run_and_all_do_in_order():
    turns = Turns(3)
    lock = threading.Lock()
    running = most = 0
    order: list[int] = []

    with ThreadPoolExecutor(8) as pool:

        def work() -> None:
            nonlocal running
            time.sleep(0.001)
            with lock:
                running -= 1
            turns.give_back()

        def start(number: int) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
                order.append(number)
            pool.submit(work)

        for number in range(300):
            turns.take(lambda number=number: start(number))
        end = time.monotonic() + 10
        while len(order) < 300 and time.monotonic() < end:
            time.sleep(0.005)
    assert most == 3
    assert order == list(range(300))


def test_starts_that_end_at_once_do_not_recurse():
    turns = Turns(1)
    turns.take(lambda: None)
    depth = []
    count = sys.getrecursionlimit() * 2

    def start() -> None:
        depth.append(len(_stack()))
        turns.give_back()

    for _ in range(count):
        turns.take(start)
    turns.give_back()
    assert len(depth) == count
    assert max(depth) == min(depth)


def _stack() -> list[object]:
    frames = []
    frame = sys._getframe()
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames
