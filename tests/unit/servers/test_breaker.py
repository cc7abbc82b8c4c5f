"""The circuit breaker, under a clock that the tests turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.servers.breaker import Breaker


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(clock)


def opened(breaker):
    breaker.open()
    breaker.half_open()
    return breaker


def test_failures_of_different_requests_open_it(breaker):
    assert not breaker.fail("a")
    assert not breaker.fail("b")
    assert breaker.admits()
    assert breaker.fail("c")
    assert not breaker.admits()


def test_one_request_that_always_fails_does_not(breaker):
    assert not any(breaker.fail("poison") for _ in range(100))
    assert breaker.admits()


def test_an_answer_forgives(breaker):
    for _ in range(10):
        breaker.fail("a")
        breaker.fail("b")
        breaker.succeed()
    assert breaker.admits()


def test_a_refused_connection_opens_it_at_once(breaker):
    assert breaker.fail("a", is_certain=True)
    assert not breaker.admits()


def test_half_open_lets_one_trial_through(breaker):
    opened(breaker)
    assert breaker.admits()
    breaker.begin()
    assert not breaker.admits()
    breaker.succeed()
    assert breaker.state == "closed"


def test_a_trial_that_fails_opens_it_again_for_longer(breaker):
    pauses = []
    for _ in range(6):
        opened(breaker)
        breaker.begin()
        assert breaker.fail("trial")
        pauses.append(max(breaker.pause_s() for _ in range(200)))
    assert pauses[-1] > 4 * pauses[0]
    assert max(pauses) <= 30


def test_a_withdrawn_trial_makes_room_for_another(breaker):
    opened(breaker)
    breaker.begin()
    breaker.release()
    assert breaker.admits()


def test_a_trial_that_takes_minutes_does_not_hold_up_the_others(breaker, clock):
    opened(breaker)
    breaker.begin()
    clock.now += 5
    assert breaker.admits()
    breaker.begin()
    assert breaker.state == "closed"


def test_a_late_answer_of_a_server_that_is_cut_off_proves_nothing(breaker):
    breaker.open()
    breaker.succeed()
    assert not breaker.admits()


ACTIONS = st.lists(
    st.sampled_from(["begin", "succeed", "release", "fail a", "fail b", "fail c", "half_open", "tick"])
)


@given(ACTIONS)
def test_it_is_open_exactly_from_the_failure_that_opens_it_to_the_answer_that_half_opens_it(actions):
    clock = Clock()
    breaker = Breaker(clock)
    is_open = False
    for action in actions:
        name, _, request = action.partition(" ")
        if name == "tick":
            clock.now += 3
        elif name == "fail":
            is_open = breaker.fail(request) or is_open
        elif name == "begin" and not breaker.admits():
            continue
        else:
            getattr(breaker, name)()
            is_open = is_open and name != "half_open"
        assert (breaker.state == "open") == is_open
        assert not (is_open and breaker.admits())
