"""Which differences between outputs count, and what they are called."""

import pytest

from mathforge.sandbox.comparing import KINDS, TESTS, classify, normalise

PLAIN = """before
Traceback (most recent call last):

  Cell In[7], line 2
    inverse(0)

  File /usr/lib/python3.12/site-packages/sympy/core/expr.py:342 in __int__
    raise TypeError("no")

ZeroDivisionError: division by zero
"""
STANDARD = """before
Traceback (most recent call last):
  File "<cell 3>", line 9, in <module>
    inverse(0)
    ~~~~~~~^^^
ZeroDivisionError: division by zero
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1\n", "1"),
        ("a  \nb\n", "a\nb"),
        (PLAIN, STANDARD),
        ("<A at 0x7f00aa> <function f at 0x1>", "<A at 0x55> <function f at 0x22>"),
        ("found, time: 0.0243", "found, time: 12.5"),
        ("took 3.25s (7.5 seconds)", "took 0.01s (17.25 seconds)"),
        ("", "[WARN] No output available. Use print() to output anything to stdout to receive the output"),
        ("\x1b[1mbold\x1b[0m", "bold"),
        (
            "  Cell In[62], line 17\n    s = 1?\n        ^\nSyntaxError: invalid syntax\n",
            '  File "<cell 2>", line 17\n    s = 1?\n         ^\nSyntaxError: invalid syntax\n',
        ),
        (
            "7\nTraceback (most recent call last):\n\n  Cell In[3], line 1\n    f()\n\nKeyboardInterrupt\n"
            "[TIMEOUT] Execution interrupted.",
            "7\n[ERROR] Execution timed out after 10 seconds.",
        ),
        (
            "7\nTraceback (most recent call last):\n  File x\nKeyboardInterrupt\n"
            "TimeoutError: the cell was stopped after 2 s; the session's variables are kept\n",
            "7\n[TIMEOUT] Execution interrupted.",
        ),
        (
            "Traceback (most recent call last):\n\n  Cell In[1], line 1\n    f()\n\nKeyError: 1\n\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n\n  Cell In[1], line 3\n    g()\n\nValueError: 2\n",
            "Traceback (most recent call last):\n  f\nKeyError: 1\n\n"
            "During handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n  g\nValueError: 2\n",
        ),
    ],
)
def test_what_no_run_repeats_does_not_count(one, other):
    assert normalise(one) == normalise(other)
    assert classify(one, other) == "equal"


@pytest.mark.parametrize("text", ["1.25", "time 3", "a 3.5 b", "x  y", "0x7f", "KeyError: 'a'", "1\n\n2"])
def test_what_counts_is_left_alone(text):
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("recorded", "ours", "code", "kind"),
    [
        ("1\n[TIMEOUT] Execution interrupted.", "1\n2\n", "", "timeout"),
        ("1\n", "[ERROR] Out of memory.", "", "memory"),
        (
            "3.3.0",
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'pulp'",
            "",
            "package",
        ),
        ("[notice] new pip", "SyntaxError: shell commands (!) and magics (%) do not exist", "", "shell"),
        ("3\n", "Traceback (most recent call last):\nNameError: name 'x' is not defined", "", "state"),
        ("8\n", "OverflowError: Python int too large to convert to C long", "", "platform"),
        ("9223372036854775807", "2147483647", "import sys; sys.maxsize", "platform"),
        ("ValueError: a", "ValueError: b", "", "version"),
        ("[1,\n 2]", "[1, 2]", "", "layout"),
        ("{1, 2}", "{2, 1}", "", "ordering"),
        ("0.1234567890123", "0.1234567890124", "", "rounding"),
        ("(10, 17.2)", "(10, 18.9)", "time.time()", "timing"),
        ("4", "7", "random.randint(1, 9)", "random"),
        ("4", "7", "random.seed(1); random.randint(1, 9)", "other"),
        ("4", "7", "import random", "other"),
        ("1", "", "", "other"),
    ],
)
def test_kinds(recorded, ours, code, kind):
    assert classify(recorded, ours, code=code) == kind


def test_the_order_of_the_tests_is_the_order_of_the_kinds():
    assert ("equal", *(kind for kind, _ in TESTS), "inherited", "other") == KINDS
