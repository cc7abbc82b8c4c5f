"""Code and output blocks in streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mathforge import harmony
from mathforge.stream import TAGS, Detector, Driver, find_repetition

TEXTS = {
    "gpt-oss": "<|channel|>analysis to=python code<|message|>1+1<|call|>"
    "<|start|>python code to=assistant<|channel|>analysis<|message|>2<|end|>"
    "<|start|>assistant<|channel|>final<|message|>2<|return|>",
    "llama3": "So<|python_tag|>1+1<|eom_id|><|start_header_id|>ipython<|end_header_id|>2"
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>2",
    "nemotron": "So <llm-code>\n1+1</llm-code>\n<llm-code-output>\n2</llm-code-output>\n2",
    "openmath": "So <tool_call>1+1</tool_call>\n```output\n2```\n",
    "qwen": "So ```python\n1+1```\n```output\n2```\n",
    "qwen-lean": "So ```lean4\n1+1```\n```output\n2```\n",
}


@pytest.mark.parametrize("tags", TAGS)
def test_blocks_of_every_style(tags: str) -> None:
    for size in (1, 7, 1000):
        detector = Detector(tags)
        text = TEXTS[tags]
        events = [e for at in range(0, len(text), size) for e in detector.push(text[at : at + size])]
        events += detector.finish()
        assert [e.kind for e in events] == ["code_start", "code", "output_start", "output"]
        assert [(e.text, e.round, e.complete) for e in events[1::2]] == [("1+1", 0, True), ("2", 0, True)]
        code = events[1]
        assert "1+1" in text.encode()[code.byte_start : code.byte_end].decode()


def test_ids_for_gpt_oss_only() -> None:
    detector = Detector()
    events = [e for token in harmony.encode(TEXTS["gpt-oss"]) for e in detector.push([token])]
    assert [e.text for e in events if e.kind == "code"] == ["1+1"]
    with pytest.raises(ValueError, match="read from text"):
        Detector("qwen").push([1])


@pytest.mark.parametrize("tags", TAGS)
def test_a_detector_goes_on_from_its_snapshot(tags: str) -> None:
    text = TEXTS[tags]
    for cut in range(len(text)):
        detector = Detector(tags)
        detector.push(text[:cut])
        restored = Detector.restore(detector.snapshot())
        later = [[*one.push(text[cut:]), *one.finish()] for one in (detector, restored)]
        assert [(e.kind, e.text, e.byte_start) for e in later[0]] == [
            (e.kind, e.text, e.byte_start) for e in later[1]
        ]
    with pytest.raises(ValueError, match="no snapshot"):
        Detector.restore(harmony.StreamParser().snapshot())


def test_unknown_style() -> None:
    with pytest.raises(ValueError, match="tags is one of gpt-oss, "):
        Detector("mine")


CALL = "<|channel|>analysis to=python code<|message|>"


@pytest.mark.parametrize("cut", [str, str.encode, harmony.encode])
def test_a_loop_is_driven_by_text_bytes_and_ids(cut: Callable[[str], Sequence[int] | str | bytes]) -> None:
    driver = Driver()
    sampled = cut(f"<|channel|>analysis<|message|>é<|end|><|start|>assistant{CALL}x = 1<|call|>")
    steps = [driver.feed(sampled[at : at + 1]) for at in range(len(sampled))]
    assert {step.kind for step in steps[:-1]} == {"continue"}
    assert (steps[-1].kind, steps[-1].code) == ("needs_tool", "x = 1")
    assert driver.finish() == steps[-1]
    answer = "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|><|start|>assistant"
    driver.answer(harmony.encode(answer) if cut is harmony.encode else answer)
    fork = driver.copy()
    driver.feed(cut("<|channel|>final<|message|>5<|return|>"))
    assert (driver.finish().kind, driver.channel) == ("done", "final")
    fork.feed(cut(CALL + "2"))
    [call] = fork.finish().calls
    assert (call.code, call.round, call.closed, call.closing, call.tool) == (
        "2",
        1,
        False,
        "<|call|>",
        "python",
    )
    assert [(span.kind, span.round, span.complete) for span in driver.spans] == [
        ("code", 0, True),
        ("output", 0, True),
    ]
    assert (driver.spans[0].token_start is not None) == (cut is harmony.encode)


@pytest.mark.parametrize("tags", TAGS)
def test_rounds_of_every_style_are_driven(tags: str) -> None:
    text = TEXTS[tags]
    for size in (1, 5, 1000):
        driver = Driver(tags)
        codes = [driver.feed(text[at : at + size]).code for at in range(0, len(text), size)]
        assert set(codes) <= {None, "1+1"}
        assert driver.finish().kind == "done"
        assert [span.kind for span in driver.spans] == ["code", "output"]


def test_loops_are_found_in_ids_and_text() -> None:
    found = find_repetition(list(range(2000)) + [1, 2, 3] * 400)
    assert found is not None
    assert (found.period, found.length) == (3, 512)
    assert find_repetition("counting " * 50) is None
    assert find_repetition("counting " * 50, least_length=100) is not None
    assert find_repetition("".join(f"Case {n}: no. " for n in range(9999))) is None
