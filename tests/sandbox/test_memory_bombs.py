"""Threat: a cell takes all memory. Its cap is 256 MiB here; the host's memory does not grow beyond it."""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import pytest

DEEP = 10**6


@pytest.mark.parametrize(
    "code",
    [
        "[0] * 10**9",
        "bytearray(1 << 30)",
        "bytes(1 << 31)",
        "a = []\nwhile True: a.append('x' * 10**6)",
        "a = 'x'\nwhile True: a += a",
        "a = {}\nwhile True: a[len(a)] = None",
        "a = set()\nwhile True: a.add(len(a))",
        "1 << 10**10",
        "'%1000000000d' % 1",
        "f'{1:>1000000000}'",
        "'a'.ljust(10**9)",
        "'x' * (2**31 - 1)",
        "'\\U0001f600' * 10**9",
        "b'x'.join([b'y' * 10**6] * 10**4)",
        "('a' * 10**7).replace('a', 'b' * 1000)",
        "list(range(10**9))",
        "list(__import__('itertools').product(range(100), repeat=6))",
        "import array; array.array('d', bytes(8)) * 10**9",
        "import zlib; c = zlib.compress(bytes(10**8)); [zlib.decompress(c) for _ in range(100)]",
        "class A: pass\na = None\nwhile True:\n    b = A(); b.a = a; a = b",
        "def f():\n    while True: yield\na = []\nwhile True: a.append(f())",
        "a = [[]]\nwhile True: a = a + [list(x) for x in a]",
        "import collections; collections.deque(iter(int, 1))",
        "sum(iter(lambda: [0] * 10**6, 1), [])",
        "import io; b = io.BytesIO()\nwhile True: b.write(bytes(1 << 20))",
        "import decimal; decimal.getcontext().prec = 10**9; decimal.Decimal(1) / 3",
        "eval('+'.join(['x'] * 10**7))",
        "import ctypes; [ctypes.create_string_buffer(1 << 24) for _ in range(100)]",
        "compile('a = (' + '1,' * 10**8 + ')', 'x', 'exec')",
    ],
)
def test_a_bomb_is_a_memory_error_of_the_cell(attack, code):
    outcome = attack(code, 5.0)
    # What is merely slow to fill memory may meet its time limit first.
    assert outcome.status in {"memory", "timeout", "error"}


@pytest.mark.parametrize(
    "code",
    [
        "kept = open('big', 'wb')\nwhile True: kept.write(bytes(1 << 20)); kept.flush()",
        "import os\nfor i in range(10**7): open(f'file{i}', 'w').close()",
        "import os\nfor i in range(10**7): os.mkdir(f'dir{i}')",
        "import os\nwhile True: os.mkdir('d' * 200); os.chdir('d' * 200)",
        "open('sparse', 'wb').truncate(1 << 40)",
        "f = open('sparse', 'wb'); f.seek(1 << 40); f.write(b'x'); f.flush()",
        "import os; f = open('sparse', 'wb'); os.pwrite(f.fileno(), b'x', (1 << 63) - 2)",
        "import os; f = open('sparse', 'wb'); os.ftruncate(f.fileno(), (1 << 63) - 1)",
        "import tempfile; a = []\nwhile True: a.append(tempfile.TemporaryFile()); a[-1].write(bytes(1 << 22)); a[-1].flush()",
        "import os\nwhile True:\n    f = open('x', 'wb'); f.write(bytes(1 << 24)); f.flush(); os.remove('x'); kept = [f, globals().get('kept')]",
    ],
)
def test_files_cannot_take_the_hosts_memory(attack, code):
    outcome = attack(code, 3.0)
    assert outcome.status in {"error", "memory", "timeout"}


def test_memory_is_given_back(attack, box):
    for _ in range(5):
        session = box.session()
        assert session.run("a = bytearray(150 << 20); len(a)", 120.0).status == "ok"
        session.close()
    attack("1")


def test_many_bombs_in_a_row(attack):
    for _ in range(5):
        assert attack("a = []\nwhile True: a.append(bytearray(1 << 22))", 120.0).status == "memory"


@pytest.mark.parametrize(
    "code",
    ["while True: a = (a,)", "while True: a = [a, bytearray(30_000)]", "while True: a = [a, 'x' * 99]"],
)
def test_a_cell_that_leaves_no_memory_is_undone(run, code):
    """Small objects fill the heap to its last byte: no cell could run in it, not even one that frees them."""
    run("a = 'before'", 120.0)
    outcome = run(code, 250.0)
    assert (outcome.status, outcome.rolled_back) == ("memory", True)
    assert "the cell left no memory to go on with" in outcome.stderr
    assert run("a", 120.0).stdout == "'before'\n"
    assert run("b = bytearray(10 << 20); len(b)", 120.0).stdout == "10485760\n"


def test_a_cell_that_leaves_some_memory_keeps_its_variables(run):
    """A dictionary has to double its room, so memory is left when that fails."""
    outcome = run("a = {}\nwhile True: a[len(a)] = None", 250.0)
    assert (outcome.status, outcome.rolled_back) == ("memory", False)
    assert run("len(a) > 10**6", 120.0).stdout == "True\n"
