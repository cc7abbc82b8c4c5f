"""Extraction as Python sees it: options, the rule that found an answer, batches."""

import pickle

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mathforge.grading import ExtractOptions, compare_batch, extract_answer, extract_batch, find_answer

LONE_SURROGATE = "\ud83d"


def test_the_rule_and_the_place_are_told() -> None:
    found = find_answer("<|channel|>final<|message|>so $\\boxed{\\frac12}$<|return|>")
    assert found is not None
    assert (found.answer, found.rule, found.place) == ("\\frac12", "box", "final")
    found = find_answer("so it is \\boxed{5")
    assert found is not None
    assert (found.answer, found.rule, found.place) == ("5", "unclosed_box", "prose")
    assert find_answer("no answer here") is None


def test_options_switch_rules_on_and_off() -> None:
    assert extract_answer("The answer is 7.") == "7"
    assert extract_answer("The answer is 7.", ExtractOptions(phrases=False)) is None
    assert extract_answer("it was 7") is None
    assert extract_answer("it was 7", ExtractOptions(last_number=True)) == "7"
    assert extract_answer(r"\boxed{3}, \boxed{4}", ExtractOptions(join_boxes=True)) == "3, 4"
    assert extract_answer(r"\boxed{3", ExtractOptions.boxes()) is None
    assert ExtractOptions.boxes() == ExtractOptions(unclosed_box=False, phrases=False, letters=False)
    assert repr(ExtractOptions()).startswith("ExtractOptions(unclosed_box=True, join_boxes=False")


def test_lone_surrogates_do_not_stop_extraction() -> None:
    assert extract_answer(f"{LONE_SURROGATE} \\boxed{{5}}") == "5"
    assert extract_batch([f"{LONE_SURROGATE} \\boxed{{5}}", None]) == ["5", None]


PIECES = st.lists(
    st.sampled_from(
        [
            *("\\boxed{", "}", "\\fbox{", "\\boxed ", "7", "\\frac{1}{2}", "\\{", "\\}", "{", " ", "\n", "$"),
            *("The answer is ", "Answer:", "####", "(B)", ".", ", ", "and", "```output", "```", "</think>"),
            *(
                "<|channel|>final",
                "<|message|>",
                "<|end|>",
                "<|start|>assistant",
                "<|call|>",
                "<tool_response>",
            ),
            *("é", "−", "½", "<|start|>user", "\\boxed{}", "..."),
        ]
    ),
    max_size=30,
).map("".join)
OPTIONS = st.builds(
    ExtractOptions,
    unclosed_box=st.booleans(),
    join_boxes=st.booleans(),
    phrases=st.booleans(),
    letters=st.booleans(),
    last_number=st.booleans(),
)


@given(PIECES, OPTIONS)
def test_an_answer_is_trimmed_and_stands_in_the_text(text: str, options: ExtractOptions) -> None:
    found = find_answer(text, options)
    if found is not None:
        assert found.answer
        assert found.answer == found.answer.strip()
        assert found.rule == "joined_boxes" or found.answer in text
        assert extract_answer(text, options) == found.answer


@given(PIECES)
def test_a_complete_box_at_the_end_wins(text: str) -> None:
    options = ExtractOptions()
    ended = f"{text}<|end|><|start|>assistant<|channel|>final<|message|>so $\\boxed{{1234}}$."
    assert extract_answer(ended, options) == "1234"


@given(st.lists(st.none() | PIECES, max_size=40), st.integers(1, 4))
def test_a_batch_is_the_same_as_one_by_one(texts: list[str | None], threads: int) -> None:
    one_by_one = [None if text is None else extract_answer(text) for text in texts]
    assert extract_batch(texts, threads=threads) == one_by_one


def test_verdicts_of_batches_are_plain_objects() -> None:
    verdicts = compare_batch(["1/2", None, "3"], ["0.5", "1", None])
    assert [verdict.verdict for verdict in verdicts] == ["equal", "different", "different"]
    assert pickle.loads(pickle.dumps(verdicts)) == verdicts


def test_arrow_columns_in_give_arrow_columns_out() -> None:
    texts = pl.Series(["\\boxed{1/2}", None, "The answer is 3."])
    answers = pl.Series(extract_batch(texts))
    assert answers.to_list() == ["1/2", None, "3"]
    frame = pl.DataFrame(compare_batch(pl.Series(["0.5", "1", "4"]), answers))
    assert frame.rows() == [
        ("equal", "same_value"),
        ("different", "no_answer"),
        ("different", "integer_differs"),
    ]
