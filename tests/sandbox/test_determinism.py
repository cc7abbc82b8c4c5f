"""Deterministic mode: the same cells come to the same, bit for bit, however busy the machine is."""

import threading
import time

import pytest

from mathforge import _native

CELLS = [
    ("import random, os, time, uuid; random.random(), os.urandom(8), uuid.uuid4(), hash('a'), id([])", 10.0),
    ("t = time.time(), time.monotonic(), time.perf_counter(), time.process_time(); t", 10.0),
    ("import datetime; datetime.datetime.now(), time.localtime()", 10.0),
    ("s = time.monotonic(); time.sleep(2.5); round(time.monotonic() - s, 2)", 10.0),
    (
        "import asyncio; await asyncio.sleep(1); await asyncio.gather(*(asyncio.sleep(1) for _ in range(3)))",
        10.0,
    ),
    ("n = 0\nwhile True: n += 1", 0.2),
    ("n", 10.0),
    ("import sympy; t = sympy.Symbol('t'); sympy.integrate(sympy.sin(t) * t, t)", 10.0),
    ("time.sleep(60)", 0.5),
    ("def f(n):\n    return f(n + 1)\nf(0)", 10.0),
    ("m = 0\nwhile True:\n    try:\n        while True: m += 1\n    except BaseException: pass", 0.2),
    ("'m' in globals(), n", 10.0),
    ("while time.time() < 1_700_000_100: pass", 200.0),
    ("open('f', 'w').write('x'); os.stat('f').st_mtime, [object() for _ in range(3)]", 10.0),
    ("import tempfile; tempfile.mkdtemp()", 10.0),
]


@pytest.fixture(scope="module")
def box(image):
    return _native.Sandbox(str(image), memory_mib=256, deterministic=True, seed=7)


def played(box, cells=CELLS):
    session = box.session()
    seen = []
    for code, timeout_s in cells:
        outcome = session.run(code, timeout_s)
        said = (outcome.status, outcome.stdout, outcome.stderr, outcome.rolled_back, outcome.state_lost)
        seen.append((*said, session.state_hash()))
    return seen


@pytest.mark.timeout(900)
def test_two_runs_are_equal_to_the_last_bit(box, image):
    first = played(box)
    stop = threading.Event()
    threads = [threading.Thread(target=lambda: sum(range(10**5)) and stop.is_set()) for _ in range(2)]
    noise = _native.Sandbox(str(image), memory_mib=256).session()
    for thread in threads:
        thread.start()
    other = threading.Thread(target=noise.run, args=("while True: pass", 3.0))
    other.start()
    second = played(_native.Sandbox(str(image), memory_mib=256, deterministic=True, seed=7))
    other.join()
    for (code, _), one, two in zip(CELLS, first, second, strict=True):
        assert one == two, code


@pytest.mark.timeout(900)
def test_what_the_cells_come_to(box):
    seen = [said[:4] for said in played(box)]
    assert [status for status, *_ in seen] == [
        *("ok", "ok", "ok", "ok", "ok", "timeout", "ok", "ok", "timeout", "error", "timeout", "ok", "ok"),
        *("ok", "ok"),
    ]
    assert seen[3][1] == "2.5\n"
    assert "2023" in seen[2][1]
    assert [said[3] for said in seen].count(True) == 1
    assert seen[11][1].startswith("(False, ")


def test_virtual_time_takes_no_time(box):
    start = time.monotonic()
    assert box.session().run("import time; time.sleep(3000)", 5000.0).status == "ok"
    assert time.monotonic() - start < 30


def test_another_seed_is_another_run(box, image):
    cells = CELLS[:1]
    other = _native.Sandbox(str(image), memory_mib=256, deterministic=True, seed=8)
    assert played(box, cells) != played(other, cells)
    assert played(box, cells) == played(box, cells)


def test_forks_and_saved_states_stay_on_the_path(box, tmp_path):
    session = box.session()
    session.run(CELLS[0][0], 10.0)
    session.snapshot().save(tmp_path / "state")
    ways = [
        session,
        session.fork(),
        box.restore(session.snapshot()),
        box.restore(box.load(tmp_path / "state")),
    ]
    code = "random.random(), os.urandom(4), time.time(), time.monotonic()"
    assert len({way.run(code, 10.0).stdout for way in ways}) == 1
    assert len({way.state_hash() for way in ways}) == 1
