"""Forks, and the way back: a copy is a copy, both sides are walled off, a killed cell leaves no trace."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from mathforge.errors import SandboxError
from mathforge.sandbox import Sandbox

KILL = "import os; os._exit(1)"
LOOK = "sorted(k for k in globals() if not k.startswith('_')), open('f').read(), f.read(1), random.random()"


@pytest.fixture
def parent(box):
    parent = box.session()
    parent.run("import random; x = [1]; open('f', 'w').write('abcdef'); f = open('f'); f.read(1)", 10.0)
    return parent


def test_a_fork_sees_what_its_parent_saw_and_then_its_own(parent):
    child = parent.fork()
    assert child.state_hash() == parent.state_hash()
    assert child.run(LOOK, 10.0).stdout == parent.run(LOOK, 10.0).stdout
    child.run("x.append('child'); open('f', 'a').write('child'); import os; os.chdir('/tmp')", 10.0)
    parent.run("x.append('parent'); y = 1", 10.0)
    assert child.run("x, 'y' in globals(), os.getcwd()", 10.0).stdout == "([1, 'child'], False, '/tmp')\n"
    assert parent.run("import os; x, open('f').read(), os.getcwd()", 10.0).stdout == (
        "([1, 'parent'], 'abcdef', '/home/user')\n"
    )


def test_a_fork_of_a_fork_outlives_both(parent):
    child = parent.fork()
    child.run("x.append(2)", 10.0)
    grandchild = child.fork()
    parent.close()
    child.close()
    assert grandchild.run("x, f.read()", 10.0).stdout == "([1, 2], 'bcdef')\n"
    assert grandchild.run("x = 0\n" + KILL, 10.0).rolled_back
    assert grandchild.run("x", 10.0).stdout == "[1, 2]\n"


def test_a_seeded_fork_draws_other_numbers_and_keeps_its_variables(parent):
    code = "import os, random; x, os.urandom(4), random.random()"
    same, one, again, other = parent.fork(), parent.fork(1), parent.fork(1), parent.fork(2)
    drawn = [session.run(code, 10.0).stdout for session in (parent, same, one, again, other)]
    assert drawn[0] == drawn[1]
    assert drawn[2] == drawn[3]
    assert len({drawn[0], drawn[2], drawn[4]}) == 3
    assert one.run("x = 0\n" + KILL, 10.0).rolled_back
    assert one.run("x, random.random()", 10.0).stdout == again.run("x, random.random()", 10.0).stdout


def test_one_side_cannot_exhaust_what_the_other_may_use(parent):
    child = parent.fork()
    assert child.run("big = bytearray(150 << 20)", 10.0).status == "ok"
    assert parent.run("big = bytearray(150 << 20)", 10.0).status == "ok"
    assert child.run("big2 = bytearray(150 << 20)", 10.0).status == "memory"
    assert child.fork().run("big2 = bytearray(150 << 20)", 10.0).status == "memory"


def test_a_closed_session_cannot_be_forked(parent):
    parent.close()
    with pytest.raises(RuntimeError, match="closed"):
        parent.fork()


@pytest.mark.parametrize(
    "step",
    [
        "import sympy; y = sympy.solve(sympy.Symbol('t') ** 3 - 2)",
        "import time; t = time.time(), time.monotonic()",
        "import time\nfor _ in range(70_000): time.time()",
        "import time; time.sleep(0.05)",
        "y = sum(i * i for i in range(10**6))",
        "1 / 0",
        "y = bytearray(20 << 20)",
        "[0] * 10**9",
        "import os; os.remove('f'); os.mkdir('d'); open('d/g', 'w').write('g')",
        "import ctypes; c = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)",
        "import asyncio; await asyncio.sleep(0.01)",
    ],
)
def test_a_kill_leaves_every_bit_as_it_was(parent, step):
    parent.run(step, 20.0)
    before = parent.state_hash()
    outcome = parent.run("import os; x = f = None; open('new', 'w').write('z')\n" + KILL, 10.0)
    assert (outcome.status, outcome.rolled_back, outcome.state_lost) == ("error", True, False)
    assert parent.state_hash() == before
    look = "import os; x, 'new' in os.listdir(), f.read()"
    assert parent.run(look, 10.0).stdout == "([1], False, 'bcdef')\n"


def test_a_kill_after_a_soft_interrupt_goes_back_to_after_it(parent):
    assert parent.run("n = 0\nwhile True: n += 1", 0.3).status == "timeout"
    reached = parent.run("n", 10.0).stdout
    assert parent.run("n = -1\n" + KILL, 10.0).rolled_back
    assert parent.run("n", 10.0).stdout == reached


def test_kill_after_kill(parent):
    for _ in range(5):
        assert parent.run("x.append(0)\n" + KILL, 10.0).rolled_back
    assert parent.run("x", 10.0).stdout == "[1]\n"


@pytest.mark.parametrize("workers", [0, 2])
def test_forks_over_the_pool(workers):
    with Sandbox(workers=workers) as box:
        parent = box.session(seed=5)
        parent.run("import random; x = 1")

        async def scenario() -> list[str]:
            forks = await asyncio.gather(*(parent.fork_async() for _ in range(6)))
            cells = [fork.run_async(f"x += {n}; x, random.random()") for n, fork in enumerate(forks)]
            return [outcome.stdout for outcome in await asyncio.gather(*cells)]

        outputs = asyncio.run(scenario())
        assert [eval(output)[0] for output in outputs] == [1, 2, 3, 4, 5, 6]
        assert len({eval(output)[1] for output in outputs}) == 1
        assert parent.run("x").stdout == "1\n"
        with parent.fork(seed=1) as fork:
            outcome = fork.run("x = 2\n" + KILL)
            assert (outcome.rolled_back, fork.run("x").stdout) == (True, "1\n")
        parent.close()
        with pytest.raises(SandboxError, match="closed"):
            parent.fork()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_fork_of_a_session_whose_worker_died_is_an_error():
    with Sandbox(workers=1) as box:
        session = box.session()
        session.run("x = 1")
        pid = session._cells._place[0].pid  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        with pytest.raises(SandboxError, match="ended"):
            session.fork()
        assert session.run("x").status == "lost"
        assert session.run("1").stdout == "1\n"
