"""Loss masks in each convention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge import harmony
from mathforge.loss_masks import CONVENTIONS, is_failure, loss_mask, sampled_mask, training_ids

TEXT = st.text(max_size=20)


@st.composite
def transcripts(draw: st.DrawFn) -> tuple[list[int], list[bool]]:
    """A tool loop as a harness runs it, and who wrote each id."""
    ids = harmony.render([harmony.system(python=True), harmony.user(draw(TEXT))])
    sampled = [False] * len(ids)

    def append(more: list[int], by_model: bool) -> None:
        ids.extend(more)
        sampled.extend([by_model] * len(more))

    opening = len(harmony.encode("<|start|>assistant"))
    assert ids[-opening:] == [harmony.START, 173781]
    for call in draw(st.lists(st.booleans(), max_size=5)):
        thoughts = [
            harmony.Message("assistant", draw(TEXT), channel="analysis")
            for _ in range(draw(st.integers(0, 2)))
        ]
        recipient = {"channel": "analysis", "recipient": "python"} if call else {"channel": "final"}
        last = harmony.Message("assistant", draw(TEXT), **recipient)
        layout = draw(st.sampled_from(["openai-0.0.8", "oss-0.0.11", "nemo"]))
        rendered = harmony.render([*thoughts, last], layout=layout, for_completion=False, for_training=True)
        append(rendered[opening:], True)
        reply = harmony.tool_result(draw(TEXT)) if call else harmony.user(draw(TEXT))
        append(harmony.render([reply]), False)
    append(harmony.encode("<|channel|>final<|message|>1<|return|>"), True)
    return ids, sampled


@given(transcripts())
def test_sampled_is_exactly_what_the_model_wrote(transcript: tuple[list[int], list[bool]]) -> None:
    ids, sampled = transcript
    assert loss_mask(ids) == sampled


def trained(text: str, convention: str, **options: object) -> str:
    ids = harmony.encode(text)
    mask = loss_mask(ids, convention, **options)  # type: ignore[arg-type]
    return harmony.decode([token for token, counts in zip(ids, mask, strict=True) if counts])


ASKED = "<|start|>user<|message|>q<|end|>"
CALL = "<|start|>assistant to=python<|channel|>analysis code<|message|>1<|call|>"
RESULT = "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|>"
THOUGHT = "<|start|>assistant<|channel|>analysis<|message|>so<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>1<|return|>"


def test_each_convention() -> None:
    text = ASKED + CALL + RESULT + THOUGHT + FINAL
    rest = [part.removeprefix("<|start|>assistant") for part in (CALL, THOUGHT, FINAL)]
    assert trained(text, "assistant") == CALL + THOUGHT + FINAL
    assert trained(text, "from-channel") == "".join(rest).removeprefix(" to=python")
    assert trained(text, "sampled") == rest[0] + rest[1] + FINAL


def test_channels_and_malformed_messages_are_left_out() -> None:
    odd = "<|start|>assistant<|channel|>analysis??<|message|>x<|end|>"
    text = ASKED + odd + THOUGHT + FINAL
    assert trained(text, "assistant", channels=["final"]) == FINAL
    assert trained(text, "assistant", malformed=False) == THOUGHT + FINAL


@given(st.lists(st.one_of(st.integers(199_990, 200_020), st.integers(0, 2**32 - 1)), max_size=40))
def test_any_ids_have_a_mask(ids: list[int]) -> None:
    for convention in CONVENTIONS:
        assert len(loss_mask(ids, convention)) == len(ids)


def test_an_unknown_convention_is_named() -> None:
    with pytest.raises(ValueError, match="convention is one of sampled, assistant, from-channel"):
        loss_mask([], "some")  # type: ignore[arg-type]


FAILED_CALL = CALL.replace("<|message|>1", "<|message|>1/0")
FAILURE = RESULT.replace("<|message|>1", "<|message|>ZeroDivisionError: division by zero")


def test_failed_rounds_are_left_out() -> None:
    text = ASKED + FAILED_CALL + FAILURE + CALL + RESULT + FINAL
    assert trained(text, "assistant", failed_rounds=False) == CALL + FINAL
    assert trained(text, "assistant", failed_rounds=False, tool_outputs=True) == CALL + RESULT + FINAL
    # A call that nobody answered taught nothing either.
    assert trained(ASKED + THOUGHT + CALL, "assistant", failed_rounds=False) == THOUGHT


def test_tool_outputs_and_everything() -> None:
    text = ASKED + CALL + RESULT + FINAL
    assert trained(text, "assistant", tool_outputs=True) == CALL + RESULT + FINAL
    assert trained(text, "all") == text
    assert trained(text, "all", channels=["final"]) == ASKED + RESULT + FINAL


@pytest.mark.parametrize(
    ("output", "failed"),
    [
        ("42\n", False),
        ("", False),
        ("[WARN] No output available. Use print()", False),
        ("Traceback (most recent call last):\n  File ...\nValueError: x\n", True),
        ("partial\nNameError: name 'x' is not defined", True),
        ("KeyboardInterrupt", True),
        ("[ERROR] Execution timed out after 10 seconds.", True),
        ("Error bound: 3", False),
        ("numpy.linalg.LinAlgError: Singular matrix", True),
    ],
)
def test_what_is_a_failure(output: str, failed: bool) -> None:
    assert is_failure(output) == failed


def test_the_last_answer_is_ended_for_training() -> None:
    kept = FINAL.replace("<|return|>", "<|end|>")

    def ended(text: str) -> str:
        return harmony.decode(training_ids(harmony.encode(text)))

    assert ended(ASKED + kept) == ASKED + FINAL
    assert ended(ASKED + FINAL + ASKED + kept) == ASKED + kept + ASKED + FINAL
    for text in (ASKED + THOUGHT, ASKED + CALL, ASKED + kept + ASKED, ASKED + "<|start|>assistant", ""):
        assert ended(text) == text


@given(transcripts())
def test_training_ids_keep_their_length_and_are_stable(transcript: tuple[list[int], list[bool]]) -> None:
    ids, _ = transcript
    ready = training_ids(ids)
    assert len(ready) == len(ids)
    assert training_ids(ready) == ready
    assert ready.count(harmony.RETURN) == 1
    changed = {(old, new) for old, new in zip(ids, ready, strict=True) if old != new}
    assert changed <= {(harmony.RETURN, harmony.END), (harmony.END, harmony.RETURN)}


@given(transcripts(), st.booleans(), st.booleans())
def test_options_only_take_away_from_what_the_assistant_wrote(
    transcript: tuple[list[int], list[bool]], malformed: bool, failed_rounds: bool
) -> None:
    ids, sampled = transcript
    for convention in CONVENTIONS:
        whole = loss_mask(ids, convention)
        part = loss_mask(ids, convention, malformed=malformed, failed_rounds=failed_rounds)
        assert all(all_of or not some for some, all_of in zip(part, whole, strict=True))
    wide = loss_mask(ids, "assistant")
    assert all(wide[at] for at, by_model in enumerate(sampled) if by_model)


@given(
    st.lists(st.integers(0, 300_000), max_size=9),
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 300_000), max_size=9),
            st.one_of(st.none(), st.lists(st.integers(0, 300_000), max_size=9)),
        ),
        max_size=5,
    ),
)
def test_the_record_of_rounds_says_who_wrote_what(
    prompt: list[int], rounds: list[tuple[list[int], list[int] | None]]
) -> None:
    ids, mask = sampled_mask(prompt, rounds)
    assert ids == prompt + [token for sampled, between in rounds for token in [*sampled, *(between or [])]]
    trained_ids = [token for token, counts in zip(ids, mask, strict=True) if counts]
    assert trained_ids == [token for sampled, _ in rounds for token in sampled]
