"""Writes output files like those of large runs: `python -m benches.samples FOLDER SET`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

SAMPLES = 16
SETS = {
    "light200k": (12_500, 0),
    "light1m": (62_500, 0),
    "light10m": (625_000, 0),
    "small": (3_125, 1_700),
    "large": (3_125, 20_000),
}
"""Problems, and characters of text per row; 16 samples of each, one file per seed."""

_WORDS = (
    "we",
    "have",
    "the",
    "sum",
    r"\\frac{a}{b}",
    "so",
    "that",
    r"x^{2}",
    "is",
    "equal",
    r"\\sqrt{3}",
    "to",
    "and",
    "then",
    r"\\left(",
    r"\\right)",
    "which",
    "gives",
    "by",
    "\\n",
    "symmetry",
    "n",
    "=",
    "mod",
    "7",
    '\\"claim\\"',
)


def rows(problems: int, text: int, seed: int) -> Iterator[str]:
    """JSON lines of one seed, the same on every machine."""
    random_ = random.Random(seed)
    pool = " ".join(random_.choices(_WORDS, k=200_000)) if text else ""
    for problem in range(problems):
        truth = str(random.Random(problem).randrange(1000))
        difficulty = random.Random(-problem - 1).random()
        kind = random_.random()
        correct = kind > difficulty
        if kind < 0.03:
            answer = None
        elif correct:
            answer = truth if random_.random() < 0.9 else f"{truth}.0"
        else:
            answer = (
                str(random_.randrange(1000))
                if random_.random() < 0.8
                else f"\\frac{{{random_.randrange(9)}}}{{7}}"
            )
        given = json.dumps(answer)
        label = "true" if correct else "false"
        tokens = random_.randrange(20_000)
        line = f'{{"id": "p{problem}", "predicted_answer": {given}, "symbolic_correct": {label}, '
        line += f'"num_generated_tokens": {tokens}'
        if text:
            at = random_.randrange(len(pool) - 2 * text)
            body = pool[at : at + random_.randrange(text // 2, text * 3 // 2)]
            # A cut inside an escape would not be JSON.
            body = body.rsplit(" ", 1)[0].partition(" ")[2]
            line += f', "generation": "{body}", "expected_answer": "{truth}"'
        yield line + "}\n"


def write(folder: Path, name: str) -> Path:
    """The folder of a set, made if it is not there."""
    problems, text = SETS[name]
    target = folder / name
    if not (target / "done").exists():
        target.mkdir(parents=True, exist_ok=True)
        for seed in range(SAMPLES):
            with (target / f"output-rs{seed}.jsonl").open("w", encoding="utf-8") as out:
                out.writelines(rows(problems, text, seed))
        (target / "done").touch()
    return target


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), sys.argv[2]))
