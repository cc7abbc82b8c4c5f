"""Code and output blocks in streams."""

from __future__ import annotations

import pytest

from mathforge import harmony
from mathforge.stream import TAGS, Detector

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


def test_unknown_style() -> None:
    with pytest.raises(ValueError, match="tags is one of gpt-oss, "):
        Detector("mine")
