"""Sentences any solution may end in."""

from __future__ import annotations

CLOSERS = (
    "So the answer is {{ans}}.",
    "Thus the answer: {{ans}}. That settles it.",
    "Everything is consistent, I'm confident: {{ans}}.",
    "Answer {{ans}}.",
    "Good. Now write the final answer, {{ans}}.",
    "Therefore {{ans}}.",
    "OK so final: {{ans}}. Provide a brief explanation.",
    "Hence the result {{ans}}; done.",
)

FINALS = (
    "The answer is $\\boxed{{{ans}}}$.",
    "\\[\\boxed{{{ans}}}\\]",
    "**Answer:** $\\boxed{{{ans}}}$",
    "Carrying out the computation described above gives\n\n$$\\boxed{{{ans}}}$$",
    "The requested value is\n\n$$\\boxed{{{ans}}}.$$",
    "Final answer: \\boxed{{{ans}}}",
)

WITHOUT_ANSWER = (
    "I was not able to determine the value with certainty, so I do not give a number here.",
    "The computation above is not conclusive; a complete argument would need more room.",
)

REBOXED = "At first sight one could think of \\boxed{{{guess}}}, but that is a first guess only; look again."
