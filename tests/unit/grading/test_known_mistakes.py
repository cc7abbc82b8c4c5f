"""Pairs that other graders call equal and that are not, by kind of mistake: none is equal here."""

import pytest

from mathforge.grading import compare

MISTAKES = {
    "equations_without_real_solutions": [("x^4+1=0", "x^2+5=2"), ("e^x=-1", "x^2=-3")],
    "tiny_numbers_chopped": [
        ("2^{-60}", "2^{-61}"),
        ("1/3^{80}", "1/3^{81}"),
        ("1/100!", "1/101!"),
        ("(2/3)^{100}", "(2/3)^{101}"),
        ("x^2+10^{-20}", "x^2"),
    ],
    "decimals_rounded_to_six_places": [
        ("0.1", "0.1000004"),
        ("0.0000001", "0.0000002"),
        ("12.3456789", "12.3456788"),
    ],
    "imaginary_unit_dropped": [("7", r"3+4\mathrm{i}")],
    "degrees_dropped": [(r"\sin 30", r"\sin 30^\circ")],
    "base_dropped": [("12_7", "12_8"), ("1_3", "1_5")],
    "units_dropped": [(r"100\text{ km}", r"100\text{ mi}"), ("5 cm, 3 m", "5 m, 3 m")],
    "last_right_hand_side_wins": [("5", "2=5"), ("10", "x+y=10"), ("7", "8 = 7")],
    "inverse_function_as_reciprocal": [("f^{-1}(x)", r"\frac{1}{f(x)}")],
    "words_as_products_of_letters": [("Bob", "obB"), ("p", "P")],
    "undefined_values_by_text": [("1/0", "1/0"), ("0/0", "0/0")],
    "spaces_between_digits_dropped": [("73", "7 3")],
    "interval_as_tuple": [("(3,-4)", "[3,-4]"), ("(3,-4)", r"\{3,-4\}")],
    "repeated_items_dropped": [("2,2,3", "2,3")],
    "option_letter_in_prose": [("A", "A line")],
    "tiny_floats_alike": [("3e-10", "3e-11")],
    "empty_against_empty": [("", "")],
    "relative_tolerance": [("10000", "10001"), ("2^{2024}", "2^{2023}")],
    "ends_and_directions_ignored": [("[2,5)", "(2,5)"), ("x>3", "x<3")],
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake(kind: str) -> None:
    for gold, answer in MISTAKES[kind]:
        verdicts = compare(gold, answer), compare(answer, gold)
        assert all(verdict.verdict != "equal" for verdict in verdicts), (gold, answer, verdicts)
