"""Every convention of a comparison as an option, and the presets."""

from dataclasses import asdict, replace

import pytest

from mathforge.grading import PRESETS, Options, compare, compare_batch
from mathforge.grading.against import labels


def test_the_defaults_are_those_of_the_core() -> None:
    assert Options().policy.fields() == asdict(Options())
    assert compare("35", r"35\%", Options()) == compare("35", r"35\%")


def test_every_field_reaches_the_core() -> None:
    for name, value in asdict(Options()).items():
        other = {"rounded_from": 3, "log_base": "ten"}.get(name, not value)
        changed = replace(Options(), **{name: other})
        assert changed.policy.fields() == {**asdict(Options()), name: other}
        assert changed.policy != Options().policy


EQUAL_BY_CONVENTION = [
    ("1/3", "0.333333", Options(rounded_from=None)),
    ("1/3", "0.333333", Options(rounded_from=7)),
    ("35", r"35\%", Options(percent_bare=False)),
    ("1011_2", "1011", Options(base_bare=False)),
    ("42", r"42\text{ cm}", Options(unit_bare=False)),
    (r"42\text{ cm}", r"0.42\text{ m}", Options(unit_conversion=False)),
    ("(3,-4)", "3,-4", Options(tuple_bare=False)),
    ("2,3", "3,2", Options(list_ordered=True)),
    ("]2,5[", "(2,5)", Options(reversed_brackets=False)),
    ("[2,5)", r"2\le x<5", Options(interval_as_inequality=False)),
    ("x=5", "5", Options(name_bare=False)),
    ("B", "(B) 12", Options(option_letters=False)),
    (r"\emptyset", r"\text{no solution}", Options(no_solution_words=False)),
    (r"\text{Tuesday}", r"\text{tuesday}", Options(words_folded=False)),
    ("3:4", "3/4", Options(ratio_as_fraction=False)),
    (r"\frac{1}{2", "1/2", Options(repair=False)),
    ("1,234", "1234", Options(thousands=False)),
]
DIFFERENT_BY_CONVENTION = [
    ("1/3", "0.333", Options(rounded_from=3)),
    ("0,5", "0.5", Options(decimal_comma=True)),
    (r"60^\circ", r"\pi/3", Options(degrees_as_radians=True)),
    ("(3,-4)", "[3,-4]", Options(brackets_matter=False)),
    ("(3,-4)", r"\{3,-4\}", Options(brackets_matter=False)),
    (r"\log 100", "2", Options(log_base="ten")),
    ("12_7", "9_{10}", Options(base_by_value=True)),
    ("12:30", "12:30 PM", Options(half_day_bare=True)),
]


@pytest.mark.parametrize(("gold", "answer", "options"), EQUAL_BY_CONVENTION)
def test_a_convention_given_up(gold: str, answer: str, options: Options) -> None:
    for pair in ((gold, answer), (answer, gold)):
        assert compare(*pair).verdict == "equal"
        assert compare(*pair, options).verdict != "equal"
    assert compare_batch([gold, gold], [answer, gold], options)[0].verdict != "equal"


@pytest.mark.parametrize(("gold", "answer", "options"), DIFFERENT_BY_CONVENTION)
def test_a_convention_taken_up(gold: str, answer: str, options: Options) -> None:
    for pair in ((gold, answer), (answer, gold)):
        assert compare(*pair).verdict != "equal"
        assert compare(*pair, options).verdict == "equal"


def test_wrong_options_are_named() -> None:
    with pytest.raises(TypeError, match="rounded"):
        Options(rounded=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"grading\.Options"):
        compare("1", "1", "strict")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="natural or ten"):
        _ = Options(log_base="two").policy  # type: ignore[arg-type]


def test_presets_are_there() -> None:
    assert list(PRESETS) == ["default", "math-verify", "nemo-skills", "strict"]
    assert PRESETS["default"] == Options()
    for options in PRESETS.values():
        assert compare(r"\frac{14}{18}", "7/9", options).verdict == "equal"
        assert compare("7", "8", options).verdict == "different"


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        (r"\log 100", "2", True),
        (r"\log 8", r"\ln 8", False),
        (r"\emptyset", r"\{\}", True),
        (r"\text{no solution}", r"\emptyset", False),
        (r"35\%", "0.35", True),
        (r"35\%", "35", True),
        ("1/3", "0.333333", True),
        ("1/3", "0.333", False),
        ("42", r"42\text{ cm}", True),
        (r"60^\circ", "60", True),
        (r"60^\circ", r"\frac{\pi}{3}", False),
        ("3,-4", "(3,-4)", True),
        (r"\{3,4\}", "3,4", True),
        ("(3,4)", "[3,4]", False),
        ("2,3,7", "7,3,2", True),
        ("y=2x+1", "2x+1", True),
        ("x=5", "y=5", False),
        ("1011_2", "1011", True),
        (r"\text{Tuesday}", r"\text{tuesday}", True),
        ("3:4", "6:8", True),
        (r"\$18.90", "18.90", True),
        (r"\pm 3", "3,-3", True),
        ("0,5", "0.5", False),
        (r"|x|", r"\sqrt{x^2}", True),
    ],
)
def test_the_preset_of_math_verify_has_its_conventions(gold: str, answer: str, equal: bool) -> None:
    assert (compare(gold, answer, PRESETS["math-verify"]).verdict == "equal") is equal
    assert labels([(gold, answer)] if "$" not in gold else [(f"${gold}$", f"${answer}$")]) == [
        "correct" if equal else "wrong"
    ]


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        *((r"1{,}000", "1000"), ("50", "50%"), ("5", "x=5"), ("1,2", "2,1"), ("(1,2)", "1,2")),
        *(("5", "5 cm"), (r"\infty", "infinity"), (r"90^\circ", "90"), (r"1\frac12", "3/2")),
        *((r"\binom52", "10"), ("5!", "120"), (r"\sqrt8", r"2\sqrt2"), ("f(x)=x+1", "x+1")),
        *((r"x\in(0,1)", "(0,1)"), (r"\{1,2\}", r"\{2,1\}"), ("2,3", r"2 \text{ and } 3")),
        *((r"\log_2 8", "3"), ("x^2+2x+1", "(x+1)^2"), ("0.3333333333333333", r"\frac13")),
    ],
)
def test_the_preset_of_nemo_skills_takes_what_it_takes(gold: str, answer: str) -> None:
    assert compare(gold, answer, PRESETS["nemo-skills"]).verdict == "equal"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        *(("yes", "Yes"), ("True", "true"), ("0.333", r"\frac13"), ("[1,2)", "(1,2]")),
        *(("(1,2)", "[1,2]"), (r"\text{no solution}", r"\emptyset")),
    ],
)
def test_the_preset_of_nemo_skills_refuses_what_it_refuses(gold: str, answer: str) -> None:
    assert compare(gold, answer, PRESETS["nemo-skills"]).verdict != "equal"
