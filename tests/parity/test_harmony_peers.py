"""Tools, whole conversations and parsing beside openai-harmony 0.0.8, oss-harmony 0.0.11 and the chat
template.

Deliberate differences are listed in docs/harmony-differences.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.harmony_peers import Peer, PeerError, chat_template, openai_harmony, oss_harmony
from support.tool_schemas import tools

from mathforge import harmony
from mathforge.function_calls import function_call, function_result

LAYOUTS = ["openai-0.0.8", "oss-0.0.11"]
TEXT = st.lists(
    st.sampled_from([*"ab \n'\"1{}\\", "é", "🧮", "<|end|>", "<|start|>assistant"]), max_size=12
).map("".join)
RELAXED = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Peer]]:
    with oss_harmony() as oss, openai_harmony(tmp_path_factory.mktemp("ranks")) as openai:
        yield {"openai-0.0.8": openai, "oss-0.0.11": oss}


@pytest.fixture(scope="module")
def template() -> Iterator[Peer]:
    with chat_template() as peer:
        yield peer


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[harmony.Message], list[dict[str, Any]]]:
    """The same conversation twice: our messages, and what a peer builds its own from."""
    functions = draw(st.one_of(st.just([]), tools()))
    effort, date = (
        draw(st.sampled_from(["low", "medium", "high"])),
        draw(st.sampled_from([None, "2025-06-28"])),
    )
    built_in = draw(st.lists(st.sampled_from(["python", "browser"]), unique=True))
    ours = [
        harmony.system(
            effort,
            python="python" in built_in,
            browser="browser" in built_in,
            current_date=date,
            functions=bool(functions),
        )
    ]
    theirs: list[dict[str, Any]] = [
        {"role": "system", "content": {"effort": effort, "current_date": date, "tools": built_in}}
    ]
    instructions = draw(st.one_of(st.none(), TEXT))
    if functions or instructions is not None:
        ours.append(harmony.developer(instructions, tools=functions))
        theirs.append({"role": "developer", "content": {"instructions": instructions, "tools": functions}})

    def say(role: str, content: str, author: str | None = None, **header: str | None) -> None:
        ours.append(harmony.Message(role, content, author=author, **header))
        theirs.append({"role": role, "content": content, "name": author, **header})

    for _ in range(draw(st.integers(0, 3))):
        say("user", draw(TEXT))
        for kind in draw(st.lists(st.sampled_from(["think", "python", "function", "preamble"]), max_size=4)):
            if kind == "think":
                say("assistant", draw(TEXT), channel="analysis")
            elif kind == "preamble":
                say("assistant", draw(TEXT), channel="commentary")
            elif kind == "python":
                written = draw(st.sampled_from([None, "code", "<|constrain|>code"]))
                say("assistant", draw(TEXT), channel="analysis", recipient="python", content_type=written)
                say("tool", draw(TEXT), author="python", channel="analysis", recipient="assistant")
            else:
                written = draw(st.sampled_from(["json", "<|constrain|>json"]))
                say("assistant", "{}", channel="commentary", recipient="functions.f", content_type=written)
                say("tool", draw(TEXT), author="functions.f", channel="commentary", recipient="assistant")
        if draw(st.booleans()):
            say("assistant", draw(TEXT), channel="final")
    return ours, theirs


@pytest.mark.parametrize("layout", LAYOUTS)
@RELAXED
@given(
    pair=conversations(),
    purpose=st.sampled_from(["completion", "training", "conversation"]),
    drop=st.booleans(),
)
def test_conversations_are_rendered_to_the_same_ids(
    peers: dict[str, Peer],
    layout: str,
    pair: tuple[list[harmony.Message], list[dict[str, Any]]],
    purpose: str,
    drop: bool,
) -> None:
    ours, theirs = pair
    ids = harmony.render(
        ours,
        layout=layout,
        drop="first-final" if drop else "none",
        for_completion=purpose == "completion",
        for_training=purpose == "training",
    )
    assert ids == peers[layout].ask("render", messages=theirs, purpose=purpose, drop=drop)


@pytest.mark.parametrize("layout", LAYOUTS)
@RELAXED
@given(functions=tools())
def test_tools_are_written_alike(
    peers: dict[str, Peer], layout: str, functions: list[dict[str, Any]]
) -> None:
    ids = harmony.render(
        [harmony.developer(tools=functions, layout=layout)], layout=layout, for_completion=False
    )
    asked = [{"role": "developer", "content": {"tools": functions}}]
    theirs = peers[layout].ask("render", messages=asked, purpose="conversation")
    assert harmony.decode(ids) == harmony.decode(theirs)


@RELAXED
@given(functions=tools(plain=True), instructions=st.one_of(st.just(""), TEXT))
def test_prompts_are_those_of_the_chat_template(
    template: Peer, functions: list[dict[str, Any]], instructions: str
) -> None:
    offered = [{"type": "function", "function": tool} for tool in functions]
    asked = [{"role": "user", "content": "q"}]
    if instructions:
        asked.insert(0, {"role": "developer", "content": instructions})
    theirs = template.ask(
        "template",
        date="2025-06-28",
        arguments={
            "messages": asked,
            "tools": offered,
            "builtin_tools": ["python", "browser"],
            "reasoning_effort": "high",
            "add_generation_prompt": True,
        },
    )
    ours = harmony.render(
        [
            harmony.system("high", python=True, browser=True, current_date="2025-06-28", functions=True),
            harmony.developer(instructions or None, tools=offered, layout="hf"),
            harmony.user("q"),
        ],
        layout="hf",
    )
    assert harmony.decode(ours) == theirs


def test_a_function_loop_is_that_of_the_chat_template(template: Peer) -> None:
    offered = [{"type": "function", "function": {"name": "f", "description": "Does."}}]
    call = {"type": "function", "function": {"name": "f", "arguments": {"a": ["é", 1]}}}
    arguments = {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "thinking": "hm", "tool_calls": [call]},
            {"role": "tool", "content": 'say "two"'},
        ],
        "tools": offered,
        "add_generation_prompt": True,
    }
    theirs = template.ask("template", date="2025-06-28", arguments=arguments)
    ours = [
        harmony.system(current_date="2025-06-28", functions=True),
        harmony.developer(tools=offered, layout="hf"),
        harmony.user("q"),
        harmony.Message("assistant", "hm", channel="analysis"),
        function_call("f", {"a": ["é", 1]}),
        function_result("f", 'say "two"', layout="hf"),
    ]
    assert harmony.decode(harmony.render(ours, layout="hf")) == theirs


def seen(message: harmony.Message) -> dict[str, Any]:
    """Our message as a peer shows its own."""
    content_type = message.content_type
    if content_type is not None and message.constrained:
        content_type = f"<|constrain|>{content_type}"
    return {
        "role": message.role,
        "name": message.author if message.role == "tool" else None,
        "channel": message.channel,
        "recipient": message.recipient,
        "content_type": content_type,
        "content": message.content,
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@RELAXED
@given(pair=conversations(), written=st.sampled_from([*LAYOUTS, "hf", "nemo"]))
def test_what_any_layout_writes_is_parsed_alike(
    peers: dict[str, Peer],
    layout: str,
    pair: tuple[list[harmony.Message], list[dict[str, Any]]],
    written: str,
) -> None:
    ours = [m for m in pair[0] if written != "nemo" or m.role != "tool"]  # no peer reads NeMo's tool header
    ids = harmony.render(ours, layout=written, for_completion=False)
    assert [seen(m) for m in harmony.parse(ids)] == peers[layout].ask("parse", ids=ids)


PIECES = [
    "<|start|>", "<|start|>assistant", "<|channel|>", "<|channel|>analysis", "<|channel|>final",
    "<|channel|>commentary", "<|message|>", "<|message|>x", "<|end|>", "<|call|>", "<|return|>",
    "<|constrain|>", " to=python", " to=functions.f", " code", " <|constrain|>json", " json",
    "assistant", "hm", " ", "user",
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=600)
@given(chosen=st.lists(st.sampled_from(PIECES), min_size=1, max_size=10))
def test_where_we_see_nothing_odd_they_read_the_same(
    peers: dict[str, Peer], layout: str, chosen: list[str]
) -> None:
    ids = harmony.encode("".join(chosen))
    ours = harmony.parse(ids)
    # They are told where a conversation begins; we see it.
    role = None if ids[0] == harmony.START else "assistant"
    odd = {found.code for message in ours for found in message.diagnostics}
    try:
        theirs = peers[layout].ask("parse", ids=ids, role=role)
    except PeerError:
        assert odd or any(is_listed(message) for message in ours), ours
        return
    if not odd - {"truncated_content", "call_channel", "call_end", "malformed_arguments"} and not any(
        map(is_listed, ours)
    ):
        assert [seen(m) for m in ours] == theirs


def is_listed(message: harmony.Message) -> bool:
    """Deliberate differences without repair: content types without recipient, authors they do not know."""
    known = message.author in {"assistant", "user", "system", "developer"}
    return (message.content_type is not None and message.recipient is None) or not known
