"""Laws: whatever is forked, killed, saved or parked, a session is what its own cells make of a fresh one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CELLS = [
    "x = x + 1 if 'x' in globals() else 0",
    "import random; r = random.random()",
    "import os; u = os.urandom(3)",
    "open('f', 'a').write('x')",
    "import os\nif os.path.exists('f'): os.remove('f')",
    "l = list(range(20_000)); l[::-1]; None",
    "b = bytearray(1 << 20)",
    "1 / 0",
    "import sympy; s = sympy.expand((sympy.Symbol('a') + 1) ** 5)",
    "n = sum(i * i for i in range(200_000))",
    "h = open('g', 'w+'); h.write('text')",
    "import ctypes; c = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)",
]
KILLS = ["x = 'killed'; import os; os._exit(1)", "import os; open('f', 'w').write('killed'); os.abort()"]
LOOK = (
    "import os\n"
    "sorted((k, repr(v)) for k, v in globals().items() if k in {'x', 'r', 'u', 'n', 's'}), "
    "sorted(os.listdir()), os.path.exists('f') and len(open('f').read()), c() if 'c' in globals() else None"
)

steps = st.one_of(
    st.tuples(st.just("run"), st.integers(0, 9), st.sampled_from(CELLS)),
    st.tuples(st.just("kill"), st.integers(0, 9), st.sampled_from(KILLS)),
    st.tuples(st.just("fork"), st.integers(0, 9), st.none()),
    st.tuples(st.just("save"), st.integers(0, 9), st.none()),
    st.tuples(st.just("close"), st.integers(0, 9), st.none()),
)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=14), st.booleans())
def test_a_session_is_what_its_cells_make_of_a_fresh_one(box, states, plan, through_files):
    sessions = [(box.session(seed=1), [])]
    for action, which, code in plan:
        session, history = sessions[which % len(sessions)]
        if action == "run":
            session.run(code, 20.0)
            history.append(code)
        elif action == "kill":
            assert session.run(code, 20.0).rolled_back
        elif action == "fork":
            sessions.append((session.fork(), [*history]))
        elif action == "save":
            state = session.snapshot()
            if through_files:
                state.save(states / "state")
                state = box.load(states / "state")
            sessions.append((box.restore(state), [*history]))
        elif len(sessions) > 1:
            sessions.remove((session, history))
            session.close()
    for session, history in sessions:
        model = box.session(seed=1)
        for code in history:
            model.run(code, 20.0)
        if not any("open" in code or "write" in code for code in history):
            # Time stamps of files are the only thing in memory that is not in the history.
            assert session.state_hash() == model.state_hash(), history
        assert session.run(LOOK, 20.0).stdout == model.run(LOOK, 20.0).stdout, history
