"""Math-Verify as a process: reads pairs of answers, writes its label. Killed from outside when it hangs.

Run as `python -m mathforge.grading._math_verify_worker`. Writes one empty line when ready, then for each line
`[gold, answer]` one line with `correct`, `wrong` or `error`.
"""

from __future__ import annotations

import json
import logging
import re
import sys

from math_verify import parse, verify  # type: ignore[import-untyped]

_DELIMITER = re.compile(r"(?<!\\)(?:\$|\\[(\[])")


def _label(gold: str, answer: str) -> str:
    try:
        return "correct" if verify(parse(_delimited(gold)), parse(_delimited(answer))) else "wrong"
    except Exception:  # what it raises is part of the comparison
        return "error"


def _delimited(answer: str) -> str:
    """It reads LaTeX between dollars only, as its own examples write it."""
    return answer if _DELIMITER.search(answer) else f"${answer}$"


def _serve() -> None:
    logging.disable()
    print(flush=True)
    for line in sys.stdin:
        print(json.dumps(_label(*json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
