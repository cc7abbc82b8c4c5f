"""The conventions of a comparison, one field each, and the presets of other graders."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

from .._native import Policy


@dataclass(frozen=True, kw_only=True)
class Options:
    r"""What counts as saying the same; every convention on which careful people differ.

    Attributes:
        rounded_from: a decimal equals the exact value that rounds or truncates to it, from this many
            significant digits on: `1/3` is `0.333333` and not `0.333`. None: never.
        percent_bare: `35\%` also equals a bare 35, besides 0.35.
        base_bare: `1011_2` also equals a bare 1011.
        base_by_value: numbers in two bases are compared by value: `12_7` equals `9_{10}`.
        decimal_comma: `0,5` is 0.5; a list needs semicolons or spaces after its commas.
        thousands: `1,234` is 1234 where its groups are well formed.
        unit_bare: a unit on one side only is free: 42 equals `42 cm`.
        unit_conversion: two units of one dimension convert: `42 cm` equals `0.42 m`; else their names must
            agree.
        degrees_as_radians: `60^\circ` also equals `\pi/3` without a unit.
        brackets_matter: `(3,-4)`, `[3,-4]` and `\{3,-4\}` differ by their brackets.
        tuple_bare: `3,-4` also equals the tuple `(3,-4)`.
        list_ordered: items without brackets are compared in order.
        set_repeats: `\{1,1,2\}` equals `\{1,2\}`, and a bare list against a set is a set.
        reversed_brackets: `]2,5[` is the open interval.
        interval_as_inequality: an interval equals the inequality that describes it.
        name_bare: `x=5` also equals a bare 5, and `y=2x+1` a bare `2x+1`.
        common_domain: expressions are compared where both are defined: `\frac{x^2}{x}` equals `x`.
        log_base: what `\log` without a base means where the other side gives no base either.
        imaginary_i: `i` is the imaginary unit.
        option_letters: a single capital letter A to J asks for an option: `B` equals `(B) 12`.
        no_solution_words: "no solution", DNE, "none" and the empty set are the same.
        words_folded: words are compared without case, punctuation and articles.
        ratio_as_fraction: `3:4` is the fraction 3/4.
        half_day_bare: a time of day without AM or PM equals one with it.
        repair: damaged LaTeX is repaired where only one reading is likely.
    """

    rounded_from: int | None = 6
    percent_bare: bool = True
    base_bare: bool = True
    base_by_value: bool = False
    decimal_comma: bool = False
    thousands: bool = True
    unit_bare: bool = True
    unit_conversion: bool = True
    degrees_as_radians: bool = False
    brackets_matter: bool = True
    tuple_bare: bool = True
    list_ordered: bool = False
    set_repeats: bool = True
    reversed_brackets: bool = True
    interval_as_inequality: bool = True
    name_bare: bool = True
    common_domain: bool = True
    log_base: Literal["natural", "ten"] = "natural"
    imaginary_i: bool = True
    option_letters: bool = True
    no_solution_words: bool = True
    words_folded: bool = True
    ratio_as_fraction: bool = True
    half_day_bare: bool = False
    repair: bool = True

    @cached_property
    def policy(self) -> Policy:
        """The same for the native core."""
        return Policy(**{field.name: getattr(self, field.name) for field in fields(self)})


PRESETS: dict[str, Options] = {
    "default": Options(),
    "math-verify": Options(log_base="ten", no_solution_words=False),
    "nemo-skills": Options(log_base="ten", no_solution_words=False, words_folded=False),
    "strict": Options(
        rounded_from=None,
        percent_bare=False,
        base_bare=False,
        unit_bare=False,
        tuple_bare=False,
        set_repeats=False,
        name_bare=False,
        common_domain=False,
        option_letters=False,
        no_solution_words=False,
        words_folded=False,
        ratio_as_fraction=False,
        repair=False,
    ),
}
"""Named conventions; `docs/grading.md` says what each reproduces and what not.

`math-verify` and `nemo-skills` are the conventions of those graders where they are conventions, not their
mistakes; `strict` takes nothing for granted that is not written.
"""
