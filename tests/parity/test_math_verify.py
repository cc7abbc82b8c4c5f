"""Integer and fraction answers: the same verdicts as Math-Verify."""

import random

from math_verify import parse, verify

from mathforge.grading import compare


def spelled(draw: random.Random, top: int, bottom: int) -> str:
    factor = draw.choice((1, 1, 2, 3))
    top, bottom = top * factor, bottom * factor
    return draw.choice(
        (
            rf"\frac{{{top}}}{{{bottom}}}",
            rf"\dfrac{{{top}}}{{{bottom}}}",
            f"{top}/{bottom}",
            rf"\left(\frac{{{top}}}{{{bottom}}}\right)",
        )
    )


def test_fractions_and_integers_agree() -> None:
    draw = random.Random(7)
    differing = []
    for _ in range(300):
        top, bottom = draw.randrange(1, 40), draw.choice((1, 1, 2, 3, 5, 7, 12))
        other = top if draw.random() < 0.5 else top + draw.choice((-1, 1, 10))
        gold, answer = spelled(draw, top, bottom), spelled(draw, other, bottom)
        theirs = verify(parse(f"${gold}$"), parse(f"${answer}$"))
        ours = compare(gold, answer)
        if ours.verdict == "undecided" or (ours.verdict == "equal") != theirs:
            differing.append((gold, answer, ours, theirs))
    assert differing == []
