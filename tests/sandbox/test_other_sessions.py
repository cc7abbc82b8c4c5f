"""Threat: a session reads or changes what belongs to another."""

import gc
import threading

import pytest

MARK = "mark-of-another-session"
# The scan reads its own memory from end to end. It looks for every byte raised by one, so that what it looks
# for is not there because it looks for it.
SCAN = (
    "import ctypes, gc\n"
    f"needle = {bytes(letter + 1 for letter in MARK.encode())!r}\n"
    "raised = bytes((n + 1) % 256 for n in range(256))\n"
    "found = at = 0\n"
    "end = max(map(id, gc.get_objects())) >> 16 << 16\n"
    "while at < end:\n"
    "    found += ctypes.string_at(at, 1 << 16).translate(raised).count(needle)\n"
    "    at += 1 << 16\n"
    "found > 0"
)


@pytest.mark.parametrize(
    "code",
    [
        "x = 'mark-of-another-session' * 1000",
        "open('/tmp/secret', 'w').write('mark-of-another-session')",
        "import sys; sys.mark = 'mark-of-another-session'",
        "import os; os.environ['MARK'] = 'mark-of-another-session'",
        "import sympy; sympy.Symbol('mark-of-another-session')",
        "import re; re.compile('mark-of-another-session')",
        "import functools\n@functools.cache\ndef f(x): return x\nf('mark-of-another-session')",
        "print('mark-of-another-session')",
        "raise ValueError('mark-of-another-session')",
    ],
)
def test_nothing_of_a_session_is_in_the_memory_of_another(attack, box, code):
    for _ in range(3):
        session = box.session()
        session.run(code, 10)
        session.close()
    living = box.session()
    living.run(code, 10)
    assert attack(SCAN, 20.0).stdout == "False\n"


def test_the_scan_finds_what_is_there(run):
    run(f"x = {MARK!r} + str(id(0))")
    assert run(SCAN).stdout == "True\n"


def test_files_directories_and_modules_are_its_own(attack, box):
    other = box.session()
    other.run("import os, sympy, builtins\nos.mkdir('d'); open('d/f', 'w').write('x'); os.chdir('d')", 10)
    other.run("sympy.Integer.__add__ = None; builtins.len = None; import sys; sys.path.clear()", 10)
    shown = attack(
        "import os, sys, sympy\nos.getcwd(), os.listdir(), len([]), sympy.Integer(1) + 1, len(sys.path) > 1"
    )
    assert shown.stdout == "('/home/user', [], 0, 2, True)\n"


def test_a_crash_of_one_does_not_show_in_another(attack, box):
    others = [box.session() for _ in range(4)]
    for number, other in enumerate(others):
        other.run(f"x = {number}", 10)
    for code in (
        "import os; os._exit(1)",
        "import ctypes; ctypes.memset(8, 255, 30 << 20)",
        "a = [0] * 10**9",
    ):
        attack(code, hurts_itself=True)
    assert [other.run("x", 10).stdout for other in others] == [f"{number}\n" for number in range(4)]


def test_sessions_at_the_same_time_do_not_mix(box):
    outputs: dict[int, list[str]] = {}

    def client(number: int) -> None:
        session = box.session()
        session.run(f"who = {number}", 20)
        outputs[number] = [session.run("print(who * 1000)\nwho", 20).stdout for _ in range(10)]

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {number: [f"{number * 1000}\n{number}\n"] * 10 for number in range(16)}


def test_an_open_file_outlives_nothing(attack, box):
    first = box.session()
    first.run("f = open('/tmp/shared', 'w'); f.write('x' * 10**5); f.flush()", 10)
    first.close()
    gc.collect()
    assert "FileNotFoundError" in attack("open('/tmp/shared')").stderr
