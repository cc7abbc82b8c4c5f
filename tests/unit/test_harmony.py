"""Encoding, rendering, streaming and the python call."""

from __future__ import annotations

from array import array

import pytest

from mathforge import harmony

CALLS = {
    "first in the completion": "<|channel|>analysis to=python code<|message|>{}<|call|>",
    "recipient in the role": " to=python<|channel|>analysis code<|message|>{}<|call|>",
    "role and constrained": " to=python<|channel|>analysis <|constrain|>code<|message|>{}<|call|>",
    "constrained": "<|channel|>analysis to=python <|constrain|>code<|message|>{}<|call|>",
    "constrained without a space": "<|channel|>analysis to=python<|constrain|>code<|message|>{}<|call|>",
    "commentary": "<|channel|>commentary to=python code<|message|>{}<|call|>",
    "final": "<|channel|>final to=python code<|message|>{}<|call|>",
    "no content type": "<|channel|>analysis to=python<|message|>{}<|call|>",
    "content type first": "<|channel|>analysis code to=python<|message|>{}<|call|>",
    "no channel": " to=python code<|message|>{}<|call|>",
    "as a function": "<|channel|>commentary to=functions.python <|constrain|>json<|message|>{}<|call|>",
    "function of python": "<|channel|>analysis to=python.exec code<|message|>{}<|call|>",
    "no recipient": "<|channel|>analysis code<|message|>{}<|call|>",
    "stop token stripped": "<|channel|>analysis to=python code<|message|>{}",
    "ended as a message": "<|channel|>analysis to=python code<|message|>{}<|end|>",
    "ended as a turn": "<|channel|>analysis to=python code<|message|>{}<|return|>",
    "start repeated": "<|start|>assistant<|channel|>analysis to=python code<|message|>{}<|call|>",
}
THOUGHT = "<|channel|>analysis<|message|>thought<|end|><|start|>assistant"
CALL = "<|channel|>analysis to=python code<|message|>0<|call|>"
OUTPUT = CALL + "<|start|>{}<|message|>0<|end|><|start|>assistant"


@pytest.mark.parametrize(
    "before",
    [
        "",
        THOUGHT,
        OUTPUT.format("python to=assistant<|channel|>analysis"),
        OUTPUT.format("python code to=assistant<|channel|>analysis"),
        OUTPUT.format("python<|channel|>analysis to=assistant"),
    ],
    ids=[
        "first",
        "after a thought",
        "after a result",
        "after a NeMo-Skills result",
        "after an oss-harmony result",
    ],
)
@pytest.mark.parametrize("layout", CALLS.values(), ids=CALLS.keys())
def test_every_layout_of_the_call_is_found(before: str, layout: str) -> None:
    code = 'print("a")\nx'
    text = before + layout.format(code)
    assert harmony.python_call(harmony.parse(text)) == code
    assert harmony.python_call(harmony.parse(harmony.encode(text))) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<|channel|>final<|message|>5<|return|>",
        "<|channel|>analysis<|message|>thought<|call|>",
        "<|channel|>commentary to=functions.f json<|message|>{}<|call|>",
        "<|channel|>analysis to=python code",
        CALL + "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|>",
        "<|start|>user to=python<|message|>1<|end|>",
    ],
)
def test_what_is_no_call(text: str) -> None:
    assert harmony.python_call(harmony.parse(text)) is None


def test_special_text_in_code_does_not_end_the_call_in_ids() -> None:
    code = 's = "<|call|><|end|>"'
    head = harmony.encode("<|channel|>analysis to=python code<|message|>")
    ids = [*head, *harmony.encode(code, escape=True), harmony.CALL]
    assert harmony.python_call(harmony.parse(ids)) == code


def test_token_constants() -> None:
    names = ["START", "MESSAGE", "CHANNEL", "CONSTRAIN", "END", "CALL", "RETURN", "ENDOFTEXT"]
    for name in names:
        assert harmony.encode(f"<|{name.lower()}|>") == [getattr(harmony, name)]
    assert harmony.VOCABULARY_SIZE == 201_088


def test_ids_in_every_container() -> None:
    ids = harmony.encode("<|channel|>final<|message|>é<|return|>")
    for given in (ids, tuple(ids), array("I", ids), array("q", ids)):
        assert harmony.decode(given) == "<|channel|>final<|message|>é<|return|>"
        assert harmony.parse(given)[0].content == "é"


def test_ids_in_numpy_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    ids = harmony.encode("<|channel|>final<|message|>é<|return|>")
    for kind in ("uint32", "int64"):
        assert harmony.decode_bytes(numpy.array(ids, dtype=kind)).endswith("é<|return|>".encode())


@pytest.mark.parametrize("ids", [[201_088], [1, -1], [2**40]])
def test_unknown_ids_have_no_text(ids: list[int]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        harmony.decode(ids)


@pytest.mark.parametrize("given", [b"abc", 5, ["a"]])
def test_wrong_types_are_refused(given: object) -> None:
    with pytest.raises(TypeError):
        harmony.decode(given)


def test_wrong_names_are_refused() -> None:
    with pytest.raises(ValueError, match="effort is one of low, medium, high"):
        harmony.system("extreme")
    with pytest.raises(ValueError, match="layout is one of"):
        harmony.render([], layout="mine")
    with pytest.raises(ValueError, match="role is one of"):
        harmony.parse([], role="robot")


def test_prompt_to_the_character() -> None:
    system = harmony.system("high", current_date="2025-06-28", python="Run it.", functions=True)
    ids = harmony.render([system, harmony.developer("Be brief."), harmony.user("2+2?")])
    assert harmony.decode(ids) == (
        "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\nCurrent date: 2025-06-28\n\nReasoning: high\n\n"
        "# Tools\n\n## python\n\nRun it.\n\n"
        "# Valid channels: analysis, commentary, final. Channel must be included for every message.\n"
        "Calls to these tools must go to the commentary channel: 'functions'.<|end|>"
        "<|start|>developer<|message|># Instructions\n\nBe brief.<|end|>"
        "<|start|>user<|message|>2+2?<|end|><|start|>assistant"
    )


def test_call_and_training_ends() -> None:
    constrained = "<|constrain|>code"
    call = harmony.Message("assistant", "1", channel="analysis", recipient="python", content_type=constrained)
    assert (call.tool, call.content_type, call.constrained) == ("python", "code", True)
    final = harmony.Message("assistant", "5", channel="final")
    ids = harmony.render(
        [final, call, harmony.tool_result("1"), final], for_completion=False, for_training=True
    )
    assert harmony.decode(ids) == (
        "<|start|>assistant<|channel|>final<|message|>5<|end|>"
        "<|start|>assistant to=python<|channel|>analysis <|constrain|>code<|message|>1<|call|>"
        "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|>"
        "<|start|>assistant<|channel|>final<|message|>5<|return|>"
    )


def test_stream_events() -> None:
    parser = harmony.StreamParser()
    chunks = ["<|chan", "nel|>final<|mess", "age|>a", "b<|return|>", "<|endoftext|>"]
    events = [event for chunk in chunks for event in parser.push(chunk)]
    events += parser.finish()
    assert [(e.kind, e.message_index, e.text) for e in events] == [
        ("message_start", 0, ""),
        ("delta", 0, "a"),
        ("delta", 0, "b"),
        ("message_end", 0, ""),
        ("message_end", 0, ""),
    ]
    assert events[0].message.channel == "final"
    assert events[-1].message.content == "ab"
    assert [d.code for d in events[-1].message.diagnostics] == ["endoftext"]
    with pytest.raises(ValueError, match="not both"):
        parser.push([1])


@pytest.mark.parametrize(
    ("layout", "call", "result"),
    [
        ("openai-0.0.8", " to=python<|channel|>analysis code", "python to=assistant<|channel|>analysis"),
        (
            "oss-0.0.11",
            " to=python<|channel|>analysis <|constrain|>code",
            "python to=assistant<|channel|>analysis",
        ),
        ("hf", " to=python<|channel|>analysis code", "python to=assistant<|channel|>analysis"),
        ("nemo", "<|channel|>analysis to=python code", "python code to=assistant<|channel|>analysis"),
    ],
)
def test_each_layout_writes_its_headers(layout: harmony.Layout, call: str, result: str) -> None:
    messages = [
        harmony.Message("assistant", "1", channel="analysis", recipient="python", content_type="code"),
        harmony.tool_result("2"),
    ]
    text = harmony.decode(harmony.render(messages, layout=layout))
    assert text == (
        f"<|start|>assistant{call}<|message|>1<|call|><|start|>{result}<|message|>2<|end|><|start|>assistant"
    )


def test_as_parsed_keeps_damage_and_unknown_ids() -> None:
    ids = [harmony.CALL, 300_000, harmony.START, harmony.START, 29_010, 201_088, harmony.CHANNEL, 2**32 - 1]
    assert harmony.render(harmony.parse(ids), layout="as-parsed", for_completion=False) == ids


def test_unknown_layouts_and_drop_rules_are_named() -> None:
    with pytest.raises(ValueError, match=r"layout is one of openai-0\.0\.8, .*as-parsed"):
        harmony.render([], layout="chatml")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="drop is one of none, first-final, last-final"):
        harmony.render([], drop="all")  # type: ignore[arg-type]


def test_a_stream_goes_on_from_its_snapshot() -> None:
    ids = harmony.encode(
        "<|channel|>analysis<|message|>one<|end|><|start|>assistant<|channel|>final<|message|>two"
    )
    parser = harmony.StreamParser()
    seen = [parser.push(ids[:2]), parser.push(ids[2:7])]
    restored = harmony.StreamParser.restore(parser.snapshot())
    for stream in (parser, restored):
        later = [stream.push(ids[7:]), stream.finish()]
        ended = [event.message for events in seen + later for event in events if event.kind == "message_end"]
        assert ended == harmony.parse(ids)


def test_what_is_no_snapshot_is_refused() -> None:
    parser = harmony.StreamParser()
    parser.push("<|channel|>analysis<|message|>one")
    snapshot = parser.snapshot()
    with pytest.raises(ValueError, match="damaged"):
        harmony.StreamParser.restore(snapshot[:-1])
    with pytest.raises(ValueError, match="damaged"):
        harmony.StreamParser.restore(snapshot.replace(b"one", b"two"))
    with pytest.raises(ValueError, match="no snapshot"):
        harmony.StreamParser.restore(b"")
