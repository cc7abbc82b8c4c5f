"""Threat: a cell writes without end, or what it writes is no text."""

import pytest

CAP_CHARS = 10_000 + 200


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "while True: print()",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 65536)",
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(10**6))",
        "import sys\nwhile True: sys.__stdout__.write('\\x1b[2J' * 1000)",
        "import os\nwhile True: os.writev(1, [b'x' * 1000] * 100)",
        "f = open('/dev/stdout', 'w')\nwhile True: f.write('x' * 10**6)",
        "import traceback\nwhile True:\n    try: 1/0\n    except Exception: traceback.print_exc()",
        "import logging\nwhile True: logging.error('x' * 1000)",
        "import faulthandler\nwhile True: faulthandler.dump_traceback()",
    ],
)
def test_a_flood_is_cut_and_stopped(attack, code):
    outcome = attack(code, 0.3)
    assert outcome.status in {"timeout", "error"}
    assert outcome.truncated or outcome.status == "error"
    assert len(outcome.stdout) < CAP_CHARS
    assert len(outcome.stderr) < CAP_CHARS + 1000


@pytest.mark.parametrize(
    "code",
    [
        "'x' * 10**8",
        "list(range(10**7))",
        "raise ValueError('x' * 10**8)",
        "raise type('E' * 10**6, (Exception,), {})()",
        "def f(n):\n    if n: f(n - 1)\n    else: 1/0\nf(900)",
        "raise ExceptionGroup('g', [ValueError(i) for i in range(10**5)])",
        "e = ValueError(); [e.add_note('note' * 100) for _ in range(10**5)]; raise e",
        "x = 1\n" + "y" * 10**6 + " = = 1",
        "assert False, 'x' * 10**8",
        "{i: i for i in range(10**6)}",
        "10 ** 4000",
        "import sys; sys.exit('x' * 10**8)",
        "print('x' * 10**8, end='')",
        "print(*range(10**6), sep='\\n')",
    ],
)
def test_one_huge_piece_is_cut(attack, code):
    outcome = attack(code, 10.0)
    assert len(outcome.stdout) < CAP_CHARS
    assert len(outcome.stderr) < CAP_CHARS + 1000


@pytest.mark.parametrize(
    "data",
    ["bytes(range(256)) * 100", "b'\\xf0\\x9f\\x98' * 10_000", "b'\\xed\\xa0\\x80' * 10", "b'\\0' * 100"],
)
def test_bytes_that_are_no_text_arrive_as_text(attack, data):
    outcome = attack(f"import os\nos.write(1, {data})\nos.write(2, {data})")
    assert outcome.status == "ok"
    (outcome.stdout + outcome.stderr).encode("utf-8")


def test_surrogates_and_control_characters(attack):
    outcome = attack("print('\\ud800 \\x1b[31m \\x07 \\u202e')")
    assert outcome.status == "ok"
    outcome.stdout.encode("utf-8")
