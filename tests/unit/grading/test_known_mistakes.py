"""Mistakes of other graders, by kind: pairs they call equal that are not, and pairs they miss."""

import pytest

from mathforge.grading import PRESETS, compare

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
    "imaginary_unit_dropped": [("7", r"3+4\mathrm{i}"), ("4+3", r"3+4\mathrm{i}")],
    "degrees_dropped": [(r"\sin 30", r"\sin 30^\circ"), (r"\cos 60", r"\cos 60^\circ")],
    "base_dropped": [("12_7", "12_8"), ("1_3", "1_5")],
    "units_dropped": [
        (r"100\text{ km}", r"100\text{ mi}"),
        (r"42\text{ cm}", r"42\text{ m}"),
        ("5 cm, 3 m", "5 m, 3 m"),
    ],
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
    "texts_cut_short": [("8", "7"), ("p", "P")],
    "numbers_close_to_simple_ones": [
        (r"\sqrt{10^{20}+1}", "10^{10}"),
        (r"e^{\pi}-\pi", "20"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744"),
        (r"\sin(10^{-20})", "0"),
    ],
    "ends_and_directions_ignored": [("[2,5)", "(2,5)"), ("x>3", "x<3")],
}

MISSED = {
    "leading_zeros": [("73", "073"), ("16", "016")],
    "separators": [("1234567", r"1\,234\,567"), ("1234567", "1 234 567")],
    "mixed_numbers": [("11/4", "2 3/4"), ("11/4", r"2\frac34")],
    "unicode": [
        ("1/2", "½"),
        (r"2\sqrt3", "2√3"),
        ("-7", "−7"),
        (r"\pi", "π"),
        ("x^2", "x²"),
        ("5", "５"),
        (r"60^\circ", "60°"),
        (r"\infty", "∞"),
    ],
    "repeating_decimals": [("1/3", r"0.\overline{3}"), ("1/3", r"0.\dot{3}")],
    "percent": [(r"35\%", "0.35"), ("0.5", "50%")],
    "currency": [("18.90", "18.90 dollars"), ("18.90", "€18.90")],
    "scientific": [(r"1.5\times10^8", "1.5e8"), ("1000", "1e3"), ("6.02e23", r"6.02\times10^{23}")],
    "complex": [("3+4i", "4i+3"), ("3+4i", r"3+4\mathrm{i}"), (r"e^{i\pi}", "-1"), ("i^2", "-1")],
    "degrees": [(r"\sin 30^\circ", r"\frac12")],
    "intervals_and_inequalities": [
        ("[2,5)", r"2\le x<5"),
        ("2x>6", "x>3"),
        (r"2\le x<5", r"5>x\ge2"),
        ("(2,5)", r"x>2 \text{ and } x<5"),
    ],
    "matrices": [(r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4]]")],
    "roots_and_factorials": [
        ("x^{2/3}", r"\sqrt[3]{x^2}"),
        ("6", "2(3)"),
        ("384", "8!!"),
        (r"\binom{10}{3}", "C_{10}^3"),
    ],
    "big_powers": [("2^{2024}", "4^{1012}"), ("7^{7^7}", "7^{823543}"), ("2024!", r"2024\cdot 2023!")],
    "expanded_powers": [("(x+1)^{200}", "(x^2+2x+1)^{100}")],
    "logarithms": [(r"\ln 8", r"3\ln 2"), (r"\log_2 8", "3")],
    "no_solution": [(r"\text{no solution}", r"\emptyset"), ("DNE", r"\varnothing")],
    "words": [(r"\text{Tuesday}", "tuesday"), ("Yes", "yes"), ("True", "true")],
    "options": [("B", "(B)"), ("B", "B."), ("B", "b"), ("B", r"\textbf{(B)} 12"), ("A", "a")],
    "markdown": [("17", "**17**")],
    "nested_boxes": [("7", r"\boxed{\boxed{7}}")],
    "damaged_latex": [
        (r"\frac{1}{2}", r"\frac{1}{2"),
        (r"\frac{1}{2}", "rac{1}{2}"),
        (r"\frac{1}{2}", "\frac{1}{2}"),
    ],
    "bases": [("1011_2", "(1011)_2"), ("1011_2", r"1011_{\text{two}}"), ("1011_2", "1011")],
}
"""Pairs that are the same answer and that other graders call different, by kind."""


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake(kind: str, preset: str) -> None:
    for gold, answer in MISTAKES[kind]:
        verdicts = [compare(*pair, PRESETS[preset]) for pair in ((gold, answer), (answer, gold))]
        assert all(verdict.verdict != "equal" for verdict in verdicts), (gold, answer, verdicts)


@pytest.mark.parametrize("kind", MISSED)
def test_missed(kind: str) -> None:
    for gold, answer in MISSED[kind]:
        verdicts = compare(gold, answer), compare(answer, gold)
        assert all(verdict.verdict == "equal" for verdict in verdicts), (gold, answer, verdicts)
