"""Every convention of a comparison as an option, and the presets."""

from dataclasses import asdict, replace

import pytest

from mathforge.grading import PRESETS, Options, compare, compare_batch


def test_the_defaults_are_those_of_the_core() -> None:
    assert Options().policy.fields() == asdict(Options())
    assert compare("35", r"35\%", Options()) == compare("35", r"35\%")


def test_every_field_reaches_the_core() -> None:
    for name, value in asdict(Options()).items():
        other = {"rounded_from": 3, "log_base": "ten"}.get(name, not value)
        changed = replace(Options(), **{name: other})
        assert changed.policy.fields() == {**asdict(Options()), name: other}
        assert changed.policy != Options().policy


@pytest.mark.parametrize(
    ("gold", "answer", "options"),
    [
        ("1/3", "0.333333", Options(rounded_from=None)),
        ("1/3", "0.333333", Options(rounded_from=7)),
        ("35", r"35\%", Options(percent_bare=False)),
        ("1011_2", "1011", Options(base_bare=False)),
    ],
)
def test_a_convention_switched_off(gold: str, answer: str, options: Options) -> None:
    assert compare(gold, answer).verdict == "equal"
    assert compare(gold, answer, options).verdict != "equal"
    assert compare_batch([gold, gold], [answer, gold], options)[0].verdict != "equal"


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
