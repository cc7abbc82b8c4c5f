"""Two outputs of one cell, from two kernels or two runs: equal up to what no run repeats, or how they differ.

`normalise` removes what says nothing about the kernel that ran the cell: memory addresses, times taken, the
frames of tracebacks, and the words a tool adds around an output. `classify` names the difference between two
outputs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Literal, get_args

Kind = Literal[
    "equal",
    "timeout",
    "memory",
    "package",
    "shell",
    "state",
    "platform",
    "version",
    "layout",
    "ordering",
    "rounding",
    "timing",
    "random",
    "inherited",
    "other",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

TIMED_OUT = "[timed out]"

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What an interrupted cell ends with: the notebook's word, the sandbox's own, and the tool's.
TIMEOUT_NOTES = re.compile(
    r"(?:^Traceback \(most recent call last\):\n(?:.*\n)*?KeyboardInterrupt\s*)?"
    r"^(?:\[TIMEOUT\] Execution interrupted\.|\[ERROR\] Execution timed out after .*"
    r"|TimeoutError: the cell (?:was stopped after|did not stop within) .*)\s*\Z",
    re.MULTILINE,
)
NO_OUTPUT = re.compile(r"\A\[WARN\] No output available\..*\Z")
REMEDY = re.compile(
    r"^(?:.* is not in this sandbox; add it with .*|.* cannot be used in this sandbox: .*"
    r"|this sandbox has no .*)\n?",
    re.MULTILINE,
)
FRAMES = re.compile(r"^Traceback \(most recent call last\):\n(?:(?:[ \t].*)?\n)*", re.MULTILINE)
SYNTAX_FRAME = re.compile(r"^ +(?:Cell In|File ).*\n(?: .*\n)*(?=\w*(?:Error|Warning))", re.MULTILINE)
CHAIN = re.compile(r"\n*^((?:During handling of|The above exception was).*:)\n+", re.MULTILINE)
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
NUMBER = r"\d+\.\d+(?:[eE][+-]?\d+)?"
TIMED_BEFORE = re.compile(
    rf"(\b(?:time|times|timing|elapsed|took|duration|runtime|seconds)\b[^\w\n]{{0,4}}){NUMBER}", re.IGNORECASE
)
TIMED_AFTER = re.compile(rf"{NUMBER}(?=\s*(?:s|sec|secs|seconds|ms|us|µs)\b)")

TOKEN = re.compile(rf"{NUMBER}|\w+|[^\w\s]")
ERROR = re.compile(
    r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Singularity|Failed))(?::|$)", re.MULTILINE
)
MISSING_MODULE = re.compile(r"ModuleNotFoundError|ImportError|No module named|cannot import name")
OUT_OF_MEMORY = re.compile(r"\bMemoryError\b|\[ERROR\] Out of memory|the machine stack is exhausted")
SHELL = re.compile(
    r"shell commands \(!\) and magics \(%\) do not exist|\[notice\]|Requirement already satisfied"
)
WORD_SIZE = re.compile(r"OverflowError: .*(?:C (?:long|int|ssize_t)|index-sized)|OverflowError: cannot fit")
WORD_SIZE_CODE = re.compile(r"\b(?:maxsize|getsizeof|maxint)\b|\bhash\(|\bid\(")
CLOCK = re.compile(r"\b(?:time|perf_counter|process_time|monotonic|now|clock)\(")
RANDOM = re.compile(
    r"\brandom\.\w+\(|\b(?:random|shuffle|randint|randrange|choices?|sample|uniform|randprime|urandom|uuid4)\("
)
SEEDED = re.compile(r"\bseed\(|\bRandom\(\w")


def normalise(output: str) -> str:
    """The text with everything removed that two runs of one kernel need not repeat.

    In this order: terminal colours and trailing spaces; the notice of a time-out (with the traceback of
    its KeyboardInterrupt) and of no output, however worded, become `[timed out]` and the empty text; the
    remedy for a missing package goes; of a traceback or a syntax error the frames go and each exception's own
    lines stay; `at 0x...` loses the address; a decimal number that is named as a time or followed by its unit
    becomes `<time>`.
    """
    text = ANSI.sub("", output.replace("\r\n", "\n"))
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    text = REMEDY.sub("", NO_OUTPUT.sub("", text))
    text = TIMEOUT_NOTES.sub(TIMED_OUT, text)
    text = SYNTAX_FRAME.sub("", FRAMES.sub("Traceback:\n", text))
    text = CHAIN.sub(r"\n\1\n", text)
    text = ADDRESS.sub("at 0x", text)
    text = TIMED_BEFORE.sub(r"\1<time>", TIMED_AFTER.sub("<time>", text))
    return text.strip("\n")


def classify(recorded: str, ours: str, *, code: str = "") -> Kind:
    """How two outputs of one cell differ, "equal" when only by what `normalise` removes.

    The kinds are tried in the order of `KINDS`; the first that fits is given:

    * timeout, memory: one of the two was stopped at a limit (two cells stopped at different times are equal
      when they printed the same until then);
    * package: a module is missing on one side;
    * shell: a `!` or `%` line;
    * state: ours lacks a name that the recording had, so an earlier cell differed;
    * platform: the size of a machine word shows (overflow errors, `hash`, `sys.maxsize`);
    * version: both raise, in other words or another type;
    * layout, ordering: the same text but for white space; the same words in another order;
    * rounding: numbers that agree to nine digits;
    * timing, random: the code reads a clock, or draws random numbers from an unseeded source;
    * other. "inherited" needs the cells before: see `lineage.Judge`.

    Args:
        recorded: the output that counts as right.
        ours: the output to be judged.
        code: the session's source so far, the cell's included; without it "timing" and "random" are never
            seen.
    """
    left, right = normalise(recorded), normalise(ours)
    if left == right:
        return "equal"
    return next((kind for kind, fits in TESTS if fits(left, right, code)), "other")


def _either(pattern: re.Pattern[str]) -> Callable[[str, str, str], bool]:
    return lambda left, right, _: bool(pattern.search(left) or pattern.search(right))


def _lost_name(left: str, right: str, _: str) -> bool:
    return "NameError:" in right and "NameError:" not in left


def _word_size(left: str, right: str, code: str) -> bool:
    return bool(WORD_SIZE.search(right) or WORD_SIZE.search(left) or WORD_SIZE_CODE.search(code))


def _both_raise(left: str, right: str, _: str) -> bool:
    return bool(ERROR.search(left) and ERROR.search(right))


def _layout(left: str, right: str, _: str) -> bool:
    return "".join(left.split()) == "".join(right.split())


def _ordering(left: str, right: str, _: str) -> bool:
    return sorted(TOKEN.findall(left)) == sorted(TOKEN.findall(right))


def _rounding(left: str, right: str, _: str) -> bool:
    return all(_near(a, b) for a, b in zip_longest(TOKEN.findall(left), TOKEN.findall(right), fillvalue=""))


def _near(left: str, right: str) -> bool:
    if left == right:
        return True
    try:
        return math.isclose(float(left), float(right), rel_tol=1e-9, abs_tol=1e-12) and "." in left + right
    except ValueError:
        return False


# In the order of KINDS; a time-out or a missing module explains whatever else differs.
TESTS: tuple[tuple[Kind, Callable[[str, str, str], bool]], ...] = (
    ("timeout", lambda left, right, _: TIMED_OUT in left + right),
    ("memory", _either(OUT_OF_MEMORY)),
    ("package", _either(MISSING_MODULE)),
    ("shell", _either(SHELL)),
    ("state", _lost_name),
    ("platform", _word_size),
    ("version", _both_raise),
    ("layout", _layout),
    ("ordering", _ordering),
    ("rounding", _rounding),
    ("timing", lambda _left, _right, code: bool(CLOCK.search(code))),
    ("random", lambda _left, _right, code: bool(RANDOM.search(code)) and not SEEDED.search(code)),
)
