"""Conversations as people have them, and as they should not have them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from mathforge import harmony
from mathforge.function_calls import function_call

TEXT = st.lists(
    st.sampled_from([*'ab\\{}"\n ', "é", "🧮", "<|end|>", "<think>", "</think>", "# Instructions\n\n"]),
    max_size=12,
).map("".join)
NAMES = st.sampled_from(["f", "g", "python", "search.web", "_x-1"])
CHANNELS = st.sampled_from(["analysis", "commentary", "final", None, "other"])


@st.composite
def assistant(draw: st.DrawFn) -> harmony.Message:
    kind = draw(st.sampled_from(["say", "say", "python", "function", "odd"]))
    if kind == "say":
        return harmony.Message("assistant", draw(TEXT), channel=draw(CHANNELS))
    if kind == "python":
        return harmony.Message(
            "assistant", draw(TEXT), channel="analysis", recipient="python", content_type="code"
        )
    if kind == "function":
        arguments = draw(st.one_of(TEXT, st.just("{}"), st.just('{"a": [1, 2.5, null]}'), st.just('{"a":1}')))
        return function_call(draw(NAMES), arguments)
    return harmony.Message(
        "assistant",
        draw(TEXT),
        channel=draw(CHANNELS),
        recipient=draw(st.sampled_from(["python", "functions.f", "browser.open", "user", "container.exec"])),
        content_type=draw(st.sampled_from([None, "code", "json", "<|constrain|>json"])),
    )


def answer(call: harmony.Message, text: str) -> harmony.Message:
    return harmony.tool_result(text, tool=call.recipient or "python", channel=call.channel or "analysis")


@st.composite
def conversations(draw: st.DrawFn) -> list[harmony.Message]:
    """Mostly loops as they should be: a call is answered at once."""
    messages = []
    if draw(st.booleans()):
        messages.append(harmony.system("high", python=True))
    if draw(st.booleans()):
        messages.append(harmony.developer(draw(TEXT)))
    for _ in range(draw(st.integers(0, 3))):
        messages.append(harmony.user(draw(TEXT)))
        for _ in range(draw(st.integers(0, 4))):
            said = draw(assistant())
            messages.append(said)
            if said.recipient is not None and draw(st.integers(0, 9)) > 0:
                messages.append(answer(said, draw(TEXT)))
    return messages


def fields(messages: list[harmony.Message]) -> list[tuple[object, ...]]:
    return [
        (m.role, m.author, m.channel, m.recipient, m.content_type, m.constrained, m.content) for m in messages
    ]


LOOP = [
    harmony.system("high", python=True),
    harmony.developer("Be brief."),
    harmony.user("What is 6*7?"),
    harmony.Message("assistant", "Compute.", channel="analysis"),
    harmony.Message("assistant", "6*7", channel="analysis", recipient="python", content_type="code"),
    harmony.tool_result("42\n"),
    harmony.Message("assistant", "Look it up, too.", channel="analysis"),
    function_call("lookup", json.dumps({"key": "answer"})),
    harmony.tool_result("42", tool="functions.lookup", channel="commentary"),
    harmony.Message("assistant", "So it is 42.", channel="analysis"),
    harmony.Message("assistant", "\\boxed{42}", channel="final"),
]
