"""Who answers what: the outcome of every sample, and the samples that show something special.

Outcomes, one letter per seed 0..7: R right, W wrong, T cut by its length, N finished without an answer,
E never stops calling the tool.

In demo-16 with and demo-12 without the tool the right answer is written in as many forms as it is given:
it has the majority by equivalence, and a wrong answer has it by spelling.
"""

from __future__ import annotations

SAMPLES = 8

TOOL = dict(
    line.split()
    for line in """
demo-01 RRRRWRRR
demo-02 RRWRRRRR
demo-03 RRRWRRRR
demo-04 RWRRRRRW
demo-05 RRRERRWR
demo-06 RRRRRRRR
demo-07 RRRRRWRR
demo-08 RRRRRRTR
demo-09 RRRRRRRR
demo-10 RRWRRRRR
demo-11 RRRRWRRR
demo-12 RWRRRRRR
demo-13 RRRRRRWR
demo-14 WRWWRWRW
demo-15 RRRRRRRR
demo-16 RWRWRRWT
demo-17 RRRRRRRR
demo-18 RWRRRRWR
demo-19 RRRRRRRR
demo-20 RRWRRRNR
demo-21 RWRRWRRW
demo-22 RRRRRRRW
demo-23 RRRRRRRR
demo-24 RRRRWRRR
""".strip().splitlines()
)

PURE = dict(
    line.split()
    for line in """
demo-01 RRWRRWRR
demo-02 RWRTRRWN
demo-03 RRRRWRRR
demo-04 RRWRRRRW
demo-05 WWTWNWWW
demo-06 RRWRRRRR
demo-07 RRRRRRWR
demo-08 RRWRRRNR
demo-09 RRRRRRRW
demo-10 RRRRWRRR
demo-11 RWRRRRWR
demo-12 RWRWRWRT
demo-13 WRRWRTRW
demo-14 WRWRWTRW
demo-15 RRRRWRRW
demo-16 RRWRRNRR
demo-17 RRRRWRRR
demo-18 RWRWRRWT
demo-19 RRRRRRRR
demo-20 RWRRRRNR
demo-21 RRWRRWRR
demo-22 RRRRWRRR
demo-23 RRRRRRTW
demo-24 RRWRRRRR
""".strip().splitlines()
)

MALFORMED = {
    ("demo-01", True, 2): "missing-message",
    ("demo-03", True, 5): "stray-end",
    ("demo-04", True, 4): "stray-text",
    ("demo-06", True, 3): "double-start",
    ("demo-07", True, 1): "missing-start",
    ("demo-09", True, 2): "missing-role",
    ("demo-10", True, 6): "empty-channel",
    ("demo-11", True, 3): "odd-channel",
    ("demo-12", True, 7): "content-type",
    ("demo-13", True, 4): "missing-end",
    ("demo-15", True, 5): "channel-inside",
    ("demo-17", True, 0): "newline",
    ("demo-18", True, 3): "endoftext",
    ("demo-19", True, 6): "analysis-only",
    ("demo-21", True, 3): "missing-message",
    ("demo-22", True, 4): "missing-role",
    ("demo-24", True, 7): "stray-end",
    ("demo-04", False, 3): "newline",
    ("demo-07", False, 4): "missing-start",
    ("demo-10", False, 2): "stray-end",
    ("demo-15", False, 1): "missing-end",
    ("demo-17", False, 6): "content-type",
    ("demo-22", False, 2): "stray-text",
}
"""(problem, with tool, seed) -> the malformed ending of that sample; its answer must still be found."""

REPEATED_START = {("demo-02", True, 4), ("demo-08", True, 3), ("demo-23", True, 2), ("demo-12", False, 4)}
"""Samples whose first round repeats the `<|start|>assistant` that the prompt already ends in."""

REBOXED = {("demo-05", True, 4), ("demo-13", True, 2), ("demo-20", True, 5), ("demo-03", False, 2)}
"""Samples that box another value on the way before they settle."""

ENDED_BY_RETURN = {("demo-06", True, 5), ("demo-16", True, 4)}
"""Samples whose first call ends in `<|return|>` where `<|call|>` belongs."""

COLD_CALL = frozenset({2, 6})
"""Seeds whose tool samples open with a call, without a word of reasoning before it."""

TERSE = frozenset({5, 6})
"""Seeds whose tool samples call again straight after a tool result."""

CHECKED = frozenset({1, 4, 7})
"""Seeds whose right tool samples verify the result once more before they answer."""
