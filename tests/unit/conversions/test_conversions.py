"""Each form: what it looks like, what it loses, and that nothing is lost in silence."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.conversations import LOOP, conversations, fields

from mathforge import harmony
from mathforge.conversions import (
    MEANINGS,
    Loss,
    convert_row,
    from_nemo,
    from_openai,
    from_sharegpt,
    to_nemo,
    to_openai,
    to_sharegpt,
)
from mathforge.errors import InputError

WAYS = {
    "openai": (to_openai, from_openai),
    "sharegpt": (to_sharegpt, from_sharegpt),
    "nemo": (to_nemo, from_nemo),
}


@pytest.mark.parametrize("form", WAYS)
@given(messages=conversations())
def test_without_a_loss_the_way_back_gives_the_same(form: str, messages: list[harmony.Message]) -> None:
    there, back = WAYS[form]
    written = there(messages)
    json.dumps(written.value)
    read = back(written.value)
    losses = written.losses + read.losses
    assert {loss.code for loss in losses} <= MEANINGS.keys()
    if not losses:
        assert fields(read.value) == fields(messages)


@given(conversations())
def test_whatever_else_is_lost_every_text_comes_back_in_its_order(messages: list[harmony.Message]) -> None:
    read = from_openai(to_openai(messages).value).value
    assert [m.content for m in read if m.content] == [m.content for m in messages if m.content]


def test_a_tool_loop_survives_openai_without_loss() -> None:
    written = to_openai(LOOP)
    assert written.losses == []
    roles = [message["role"] for message in written.value["messages"]]
    assert roles == ["system", "developer", "user", "assistant", "tool", "assistant", "tool", "assistant"]
    first, last = written.value["messages"][3], written.value["messages"][-1]
    assert first == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Compute.",
        "tool_calls": [
            {
                "id": "call_0",
                "type": "function",
                "function": {"name": "python", "arguments": '{"code": "6*7"}'},
            }
        ],
    }
    assert last == {"role": "assistant", "content": "\\boxed{42}", "reasoning_content": "So it is 42."}
    read = from_openai(written.value)
    assert (read.losses, fields(read.value)) == ([], fields(LOOP))


def test_a_tool_loop_in_sharegpt() -> None:
    loop = LOOP[2:]
    written = to_sharegpt(loop)
    assert written.losses == []
    turns = written.value["conversations"]
    assert [turn["from"] for turn in turns] == [
        "human", "function_call", "observation", "function_call", "observation", "gpt",
    ]  # fmt: skip
    assert turns[1]["value"] == (
        '<think>\nCompute.\n</think>\n\n{"name": "python", "arguments": {"code": "6*7"}}'
    )
    assert turns[-1]["value"] == "<think>\nSo it is 42.\n</think>\n\n\\boxed{42}"
    read = from_sharegpt(written.value)
    assert (read.losses, fields(read.value)) == ([], fields(loop))


def test_the_generation_of_nemo() -> None:
    written = to_nemo(LOOP[2:6] + LOOP[-2:])
    assert written.losses == []
    assert written.value == {
        "problem": "What is 6*7?",
        "generation": "<|channel|>analysis<|message|>Compute.<|end|>"
        "<|start|>assistant<|channel|>analysis to=python code<|message|>6*7<|call|>"
        "<|start|>python code to=assistant<|channel|>analysis<|message|>42\n<|end|>"
        "<|start|>assistant<|channel|>analysis<|message|>So it is 42.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>\\boxed{42}<|return|>",
    }
    read = from_nemo(written.value)
    assert [loss.code for loss in read.losses] == ["prompt"]
    assert [m.content for m in read.value] == [m.content for m in LOOP[2:6] + LOOP[-2:]]


def test_answers_without_markers() -> None:
    answered = from_nemo({"generation": "\\boxed{5}", "reasoning_content": "hm"})
    assert [(m.channel, m.content) for m in answered.value] == [("analysis", "hm"), ("final", "\\boxed{5}")]
    stripped = from_nemo({"generation": "analysishmassistantfinal\\boxed{5}"})
    assert [(m.channel, m.content) for m in stripped.value] == [("analysis", "hm"), ("final", "\\boxed{5}")]


def said(text: str) -> list[str]:
    return [loss.code for loss in to_openai(harmony.parse(text)).losses]


def test_what_chat_messages_lose_of_model_output() -> None:
    assert (
        said("<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>y<|end|>")
        == []
    )
    assert said("<|channel|>finalx<|message|>y<|end|>") == ["repairs"]
    assert said("<|channel|>final<|message|>y") == ["incomplete"]
    assert said("<|channel|>final<|message|>y<|return|>") == ["ending"]
    assert said("<|channel|>commentary<|message|>Let me see.<|end|>") == ["channel"]
    assert said("<|channel|>analysis to=functions.f <|constrain|>json<|message|>{}<|call|>") == ["channel"]
    ids = harmony.encode("<|channel|>final<|message|>y<|end|>")
    assert to_openai(harmony.parse(ids)).losses == [
        Loss("token_ids", None, "the conversation was parsed from ids")
    ]


def read_openai(*messages: dict[str, Any], **fields: Any) -> tuple[list[harmony.Message], list[str]]:
    read = from_openai({"messages": list(messages), **fields})
    return read.value, [loss.code for loss in read.losses]


def test_chat_messages_as_servers_and_datasets_write_them() -> None:
    [m], lost = read_openai({"role": "system", "content": "Be brief."})
    assert (m.role, m.content, lost) == ("developer", "# Instructions\n\nBe brief.", ["system_role"])
    [m], lost = read_openai(
        {
            "role": "user",
            "content": [{"type": "text", "text": "See "}, {"type": "image_url", "image_url": {}}],
        }
    )
    assert (m.content, lost) == ("See ", ["non_text", "field"])
    call = {"id": "chatcmpl-1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    (m, result), lost = read_openai(
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "chatcmpl-1", "content": "2"},
    )
    assert (m.recipient, m.content, m.content_type, m.constrained) == (
        "functions.f",
        '{"a": 1}',
        "json",
        True,
    )
    assert (result.author, result.channel) == ("functions.f", "commentary")
    assert lost == ["field", "arguments", "tool_call_id"]
    two, _ = read_openai({"role": "assistant", "content": "5", "reasoning": "hm"})
    assert [(m.channel, m.content) for m in two] == [("analysis", "hm"), ("final", "5")]


def test_tools_of_a_row_become_the_developer_message() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "Does.", "parameters": None}}]
    (developer, asked), lost = read_openai({"role": "user", "content": "q"}, tools=tools)
    assert developer.content == (
        "# Tools\n\n## functions\n\nnamespace functions {\n\n"
        "// Does.\ntype f = () => any;\n\n} // namespace functions"
    )
    assert (asked.content, lost) == ("q", ["tools"])
    (developer, _), _ = read_openai(
        {"role": "developer", "content": "Be brief."}, {"role": "user", "content": "q"}, tools=tools
    )
    assert developer.content.startswith("# Instructions\n\nBe brief.\n\n# Tools\n\n## functions")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], "not an object"),
        ({"a": 1}, "none of `messages`"),
        ({"messages": 1}, "`messages` is not a list"),
        ({"messages": [1]}, "message 0 is not an object"),
        ({"messages": [{"role": "judge"}]}, "role 'judge'"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "without a function name"),
        ({"messages": [], "tools": [{"type": "function"}]}, "tool 0"),
        ({"conversations": [{"from": "owl", "value": ""}]}, "turn 0 is not a known `from`"),
        ({"conversations": [{"from": "function_call", "value": "{"}]}, "turn 0 is no JSON"),
        ({"conversations": [], "tools": "{"}, "`tools` is not JSON"),
        ({"generation": None}, "`generation` is not text"),
        ({"token_ids": ["a"]}, "`token_ids`"),
    ],
)
def test_a_row_that_is_none_is_named(row: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        convert_row(row, "harmony")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "messages",
                    "from",
                    "value",
                    "tool_calls",
                    "function",
                    "name",
                    "id",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@example([{"role": []}], "messages")
@given(JSON, st.sampled_from(["messages", "conversations", "generation", "text", "token_ids"]))
def test_any_json_converts_or_is_named(value: Any, mark: str) -> None:
    for to in ("openai", "sharegpt", "nemo", "harmony"):
        with suppress(InputError):
            convert_row({mark: value}, to)  # type: ignore[arg-type]


def test_other_fields_of_a_row_stay() -> None:
    row = {
        "id": "p1",
        "problem": "q",
        "generation": "<|channel|>final<|message|>5<|return|>",
        "expected_answer": "5",
    }
    converted = convert_row(row, "openai")
    assert converted.value == {
        "id": "p1",
        "expected_answer": "5",
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "5"}],
    }
    again = convert_row(converted.value, "nemo")
    assert again.value == row


def test_real_runs_keep_every_message(shared: Path) -> None:
    import gzip

    with gzip.open(shared / "data" / "gpt_oss_traces.jsonl.gz", "rt", encoding="utf-8") as lines:
        runs = [json.loads(line) for _, line in zip(range(30), lines, strict=False)]
    for run in runs:
        messages = harmony.parse(run["prompt"] + run["text"])
        written = to_openai(messages)
        # What these runs have beyond a chat: cut ends, prose headed like code, a harness that interrupts.
        assert {loss.code for loss in written.losses} <= {"incomplete", "ending", "tool_name", "channel"}
        back = from_openai(written.value).value
        assert [m.content for m in back] == [m.content for m in messages]
