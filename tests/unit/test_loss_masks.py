"""Loss masks in each convention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge import harmony
from mathforge.loss_masks import CONVENTIONS, loss_mask

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
