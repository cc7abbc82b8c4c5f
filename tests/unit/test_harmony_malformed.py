"""Every known way in which models depart from the format, and what the parser makes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mathforge import harmony
from mathforge.errors import MalformedOutputError
from mathforge.harmony import Message

GOOD = "<|channel|>analysis<|message|>thought<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>5<|return|>"


def read(text: str, **options: list[str]) -> list[Message]:
    """Parses text and ids, which must agree, and checks that the spans cover the input."""
    from_text = harmony.parse(text, **options)
    ids = harmony.encode(text)
    from_ids = harmony.parse(ids, **options)
    assert [fields(m) for m in from_ids] == [fields(m) for m in from_text]
    assert [codes(m) for m in from_ids] == [codes(m) for m in from_text]
    bounds = [0, *(m.token_end for m in from_ids)]
    assert [(m.token_start, m.token_end) for m in from_ids] == list(pairwise(bounds))
    assert bounds[-1] == len(ids)
    return from_ids


def fields(m: Message) -> tuple[object, ...]:
    return (
        m.role, m.author, m.channel, m.recipient, m.content_type, m.content, m.end, m.complete, m.tool,
        m.header, m.byte_start, m.byte_end,
    )  # fmt: skip


def codes(m: Message) -> list[str]:
    return [d.code for d in m.diagnostics]


def short(m: Message) -> tuple[str | None, str, str | None]:
    return m.channel, m.content, m.end


def test_m01_stop_before_message() -> None:
    [m] = read("I'm sorry, but I can't help.<|end|>")
    assert short(m) == (None, "I'm sorry, but I can't help.", "end")
    assert codes(m) == ["missing_message"]


def test_m02_message_token_missing() -> None:
    [m] = read("<|channel|>final The answer is 5.<|return|>")
    assert short(m) == ("final", "The answer is 5.", "return")
    assert codes(m) == ["missing_message"]


def test_m02_in_a_call() -> None:
    [m] = read("<|channel|>analysis to=python code print(1)<|call|>")
    assert (m.channel, m.recipient, m.content_type, m.content) == ("analysis", "python", "code", "print(1)")
    assert harmony.python_call([m]) == "print(1)"
    [m] = read('<|channel|>commentary to=functions.f <|constrain|>json{"a": 1}<|call|>')
    assert (m.recipient, m.content_type, m.content) == ("functions.f", "json", '{"a": 1}')


@pytest.mark.parametrize("follow", ["<|start|>assistant<|channel|>", "<|channel|>"])
def test_m03_channel_word_after_call(follow: str) -> None:
    call, final = read(
        f"<|channel|>analysis to=python code<|message|>1<|call|>commentary{follow}final<|message|>5<|return|>"
    )
    assert harmony.python_call([call]) == "1"
    assert short(final) == ("final", "5", "return")


@pytest.mark.parametrize("stray", ["<|call|>", "<|return|>", "<|end|>", "<|end|><|end|>"])
def test_m04_second_end(stray: str) -> None:
    [m] = read(f"<|channel|>analysis to=python code<|message|>1<|call|>{stray}")
    assert m.end == "call"
    assert set(codes(m)) == {"stray_end"}
    first, second = read(GOOD + stray + FINAL)
    assert (first.end, second.content) == ("end", "5")


def test_m05_text_between_messages() -> None:
    first, stray, last = read(f"{GOOD}So let us go on.{FINAL}")
    assert short(stray) == (None, "So let us go on.", None)
    assert "missing_message" in codes(stray)
    assert (first.content, last.content) == ("thought", "5")
    first, stray, last = read(f"{GOOD}So let us go on.<|channel|>final<|message|>5<|return|>")
    assert (stray.content, stray.role, codes(stray)) == (
        "So let us go on.",
        "assistant",
        ["missing_start", "stray_text"],
    )
    assert short(last) == ("final", "5", "return")


def test_m06_start_twice() -> None:
    _, m = read(f"{GOOD}<|start|>{FINAL}")
    assert short(m) == ("final", "5", "return")
    assert codes(m) == ["duplicate_start"]


@pytest.mark.parametrize("author", ["assistant", ""])
def test_m07_start_missing(author: str) -> None:
    _, m = read(f"{GOOD}{author}<|channel|>final<|message|>5<|return|>")
    assert (m.role, *short(m)) == ("assistant", "final", "5", "return")
    assert codes(m) == ["missing_start"]


def test_m08_empty_channel() -> None:
    [m] = read("<|channel|><|message|>text<|end|>")
    assert short(m) == (None, "text", "end")
    assert codes(m) == ["empty_channel"]


@pytest.mark.parametrize(
    ("header", "recipient", "code"),
    [
        (" to=python to=python<|channel|>analysis code", "python", "duplicate_recipient"),
        (" to=python<|channel|>analysis to=python code", "python", "duplicate_recipient"),
        (" to=functions.a<|channel|>commentary to=functions.b json", "functions.b", "conflicting_recipients"),
        ("<|channel|>commentary to=functions.a to=functions.b json", "functions.b", "conflicting_recipients"),
    ],
)
def test_m09_recipient_twice(header: str, recipient: str, code: str) -> None:
    [m] = read(f"{header}<|message|>{{}}<|call|>")
    assert (m.recipient, codes(m)) == (recipient, [code])


def test_m10_second_channel_after_recipient() -> None:
    [m] = read(
        "<|channel|>commentary to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
    )
    assert (m.channel, m.recipient, m.content_type) == ("commentary", "functions.f", "json")
    assert codes(m) == ["duplicate_channel"]
    [m] = read("<|channel|>analysis<|channel|>final<|message|>x<|end|>")
    assert m.channel == "analysis"


@pytest.mark.parametrize(
    ("written", "channel", "code"),
    [
        ("analysis––commentary", "analysis", "channel_garbage"),
        ("finalx", "final", "channel_garbage"),
        ("commentary?", "commentary", "channel_garbage"),
        ("??", "??", "unknown_channel"),
        ("critic", "critic", "unknown_channel"),
    ],
)
def test_m11_channel_with_garbage(written: str, channel: str, code: str) -> None:
    [m] = read(f"<|channel|>{written}<|message|>x<|end|>")
    assert (m.channel, codes(m), m.header) == (channel, [code], f"<|channel|>{written}")


def test_m12_end_inside_header_closes_it() -> None:
    bad, good = read(f"<|channel|>??garbage<|end|>{FINAL}")
    assert (bad.recipient, bad.content, bad.end) == (None, "??garbage", "end")
    assert (short(good), good.diagnostics) == (("final", "5", "return"), [])
    bad, good = read(f"<|channel|>??garbage{FINAL}")
    assert (bad.end, short(good)) == (None, ("final", "5", "return"))


def test_m13_space_after_constrain() -> None:
    [m] = read("<|channel|>commentary to=functions.f <|constrain|> json<|message|>{}<|call|>")
    assert (m.content_type, m.constrained, m.recipient) == ("json", True, "functions.f")


@pytest.mark.parametrize("content_type", [" <|constrain|>json", " json", "<|constrain|>json"])
def test_m14_content_type_without_recipient(content_type: str) -> None:
    [m] = read(f"<|channel|>final{content_type}<|message|>{{}}<|return|>")
    assert (m.recipient, m.content_type, m.tool) == (None, "json", None)


def test_m15_code_without_recipient() -> None:
    [m] = read("<|channel|>analysis code<|message|>print(1)<|call|>")
    assert (m.recipient, m.content_type, m.tool, codes(m)) == (None, "code", "python", ["inferred_recipient"])
    assert harmony.python_call([m]) == "print(1)"
    [m] = read("<|channel|>analysis code<|message|>print(1)<|end|>")
    assert m.tool is None


def test_m16_recipient_without_to() -> None:
    [m] = read("<|channel|>commentary functions.f json<|message|>{}<|call|>")
    assert (m.recipient, m.content_type, codes(m)) == ("functions.f", "json", ["bare_recipient"])


def test_m17_content_type_glued_to_name() -> None:
    [m] = read("<|channel|>commentary to=functions.fjson<|message|>{}<|call|>", tools=["functions.f"])
    assert (m.recipient, m.content_type, codes(m)) == ("functions.f", "json", ["glued_recipient"])
    [m] = read("<|channel|>commentary to=functions.tojson<|message|>{}<|call|>", tools=["functions.f"])
    assert (m.recipient, m.content_type) == ("functions.tojson", None)
    [m] = read("<|channel|>analysis to=pythoncode<|message|>1<|call|>")
    assert harmony.python_call([m]) == "1"


@pytest.mark.parametrize(
    ("recipient", "tool"),
    [
        ("assistant", None),
        ("user", None),
        ("all", None),
        ("functions.python", "python"),
        ("container.exec", "container.exec"),
        ("repo_browser.open", "repo_browser.open"),
    ],
)
def test_m18_unusual_recipients(recipient: str, tool: str | None) -> None:
    [m] = read(f"<|channel|>commentary to={recipient}<|message|>x<|call|>")
    assert (m.recipient, m.tool) == (recipient, tool)


@pytest.mark.parametrize(
    ("channel", "recipient", "flagged"),
    [
        ("analysis", "functions.f", True),
        ("commentary", "functions.f", False),
        ("commentary", "python", True),
        ("final", "python", True),
        ("analysis", "python", False),
    ],
)
def test_m19_call_on_the_wrong_channel(channel: str, recipient: str, flagged: bool) -> None:
    [m] = read(f"<|channel|>{channel} to={recipient}<|message|>x<|call|>")
    assert m.tool == recipient
    assert ("call_channel" in codes(m)) == flagged


def test_m20_preamble() -> None:
    [m] = read("<|channel|>commentary<|message|>I will look it up.<|end|>")
    assert (m.tool, m.diagnostics) == (None, [])


@pytest.mark.parametrize(("token", "end"), [("<|end|>", "end"), ("<|return|>", "return"), ("", None)])
def test_m21_call_with_another_end(token: str, end: str | None) -> None:
    [m] = read(f"<|channel|>analysis to=python code<|message|>print(1){token}")
    assert (m.tool, m.end, m.complete) == ("python", end, end is not None)
    assert harmony.python_call([m]) == "print(1)"


def test_m22_cut_in_content() -> None:
    [m] = read("<|channel|>analysis<|message|>half a thou")
    assert (m.content, m.end, m.complete, codes(m)) == ("half a thou", None, False, ["truncated_content"])


@pytest.mark.parametrize(
    "tail", ["<|start|>", "<|start|>assistant", "<|start|>assistant<|channel|>analysis to=python code"]
)
def test_m23_cut_in_header(tail: str) -> None:
    first, m = read(GOOD + tail)
    assert first.content == "thought"
    assert (m.content, m.complete, m.tool) == ("", False, None)
    assert "truncated_header" in codes(m)
    assert harmony.python_call([first, m]) is None


def test_m24_start_inside_content() -> None:
    first, second = read(f"<|channel|>analysis<|message|>thought{FINAL}")
    assert (short(first), codes(first)) == (("analysis", "thought", None), ["missing_end"])
    assert short(second) == ("final", "5", "return")


def test_m24_header_inside_content() -> None:
    first, second = read("<|channel|>analysis<|message|>thought<|channel|>final<|message|>5<|return|>")
    assert (short(first), codes(first)) == (("analysis", "thought", None), ["missing_end"])
    assert (short(second), codes(second)) == (("final", "5", "return"), ["missing_start"])


def test_m24_stray_tokens_inside_content() -> None:
    [m] = read("<|channel|>final<|message|>a<|message|>b<|channel|>c<|end|>")
    assert (m.content, codes(m)) == ("ab<|channel|>c", ["stray_message", "stray_channel"])


def test_m25_endoftext_ends_the_sample() -> None:
    [m] = read("<|channel|>final<|message|>5<|endoftext|><|endoftext|>")
    assert (short(m), m.complete) == (("final", "5", None), True)
    assert set(codes(m)) == {"endoftext"}


def test_m26_unknown_author() -> None:
    _, m = read(f"{GOOD}<|start|>bash<|message|>out<|end|>")
    assert (m.role, m.author, m.content) == ("tool", "bash", "out")


def test_m27_author_with_a_word_more() -> None:
    _, m = read(f"{GOOD}<|start|>python code to=assistant<|channel|>analysis<|message|>out<|end|>")
    assert (m.role, m.author, m.recipient, m.channel, m.content) == (
        "tool",
        "python",
        "assistant",
        "analysis",
        "out",
    )
    assert m.diagnostics == []


def test_m28_split_characters() -> None:
    ids = harmony.encode("<|channel|>final<|message|>")
    emoji = harmony.encode("🧮", escape=True)
    assert len(emoji) > 1
    parser = harmony.StreamParser()
    parser.push(ids)
    texts = [event.text for token in emoji for event in parser.push([token])]
    assert texts == ["🧮"]
    [m] = harmony.parse([*ids, *emoji[:-1], harmony.RETURN])
    assert m.content == "\ufffd"


def test_m29_special_tokens_taken_off() -> None:
    text = (
        "analysisLet me see.assistantanalysis to=python codeprint(1)python to=assistantanalysis1\n"
        'assistantcommentary to=functions.f json{"a": 1}assistantfinalIt is 1.'
    )
    thought, call, result, function, final = harmony.parse(text, unmarked=True)
    assert (thought.channel, thought.content) == ("analysis", "Let me see.")
    assert harmony.python_call([call]) == "print(1)"
    assert (result.role, result.author, result.content) == ("tool", "python", "1\n")
    assert (function.tool, function.content) == ("functions.f", '{"a": 1}')
    assert (final.channel, final.content) == ("final", "It is 1.")
    assert all("unmarked" in codes(m) for m in (thought, call, result, function, final))
    # Nobody asked, or a marker is left: nothing is guessed.
    assert harmony.parse(text)[0].channel is None
    assert len(harmony.parse("<|channel|>final<|message|>assistantfinal<|return|>", unmarked=True)) == 1


@pytest.mark.parametrize("size", [60, 5000, 400_000])
def test_m30_endless_header(size: int) -> None:
    [m] = read("<|channel|>analysis" + " word" * size + "<|end|>")
    assert m.channel == "analysis"
    assert m.content == ("word " * size).strip()
    assert codes(m) == ["missing_message"]


@pytest.mark.parametrize("blank", ["\n", "\u00a0", "\u200b", " \n\t", "\ufeff "])
def test_m31_odd_white_space(blank: str) -> None:
    [m] = read(f"<|channel|>{blank}analysis{blank} to=python{blank}code{blank}<|message|>1<|call|>")
    assert (m.channel, m.recipient, m.content_type, m.diagnostics) == ("analysis", "python", "code", [])


def test_m32_two_calls_in_one_turn() -> None:
    call = "<|channel|>analysis to=python code<|message|>"
    first, second = read(f"{call}1<|call|><|start|>assistant{call}2<|call|>")
    assert [harmony.python_call([m]) for m in (first, second)] == ["1", "2"]


def test_author_repeated_at_the_start() -> None:
    [m] = read("<|start|>assistant<|channel|>final<|message|>5<|return|>")
    assert (short(m), m.recipient) == (("final", "5", "return"), None)
    [m] = read("assistant<|channel|>final<|message|>5<|return|>")
    assert (short(m), codes(m)) == (("final", "5", "return"), ["repeated_author"])


def test_unknown_ids_are_replaced() -> None:
    ids = [*harmony.encode("<|channel|>final<|message|>"), 201_088, 4_000_000_000, harmony.RETURN]
    [m] = harmony.parse(ids)
    assert (m.content, codes(m)) == ("\ufffd\ufffd", ["unknown_token", "unknown_token"])


@pytest.mark.parametrize(
    ("arguments", "flagged"),
    [("{}", False), ('{"a": [1]}', False), ('{"a": 1', True), ("[1]", True), ("", True), ("a = 1", True)],
)
def test_arguments_that_are_no_json_object(arguments: str, flagged: bool) -> None:
    [m] = read(f" to=functions.f<|channel|>commentary <|constrain|>json<|message|>{arguments}<|call|>")
    assert ("malformed_arguments" in codes(m)) == flagged
    [m] = read(f"<|channel|>analysis to=python code<|message|>{arguments}<|call|>")
    assert codes(m) == []


def test_strict_raises_at_the_first_warning() -> None:
    text = f"{GOOD}assistant<|channel|>final<|message|>5<|return|>"
    for given, offset in ((text, "byte 44"), (harmony.encode(text), r"token 5 \(byte 44\)")):
        with pytest.raises(MalformedOutputError, match=f"{offset}: missing_start") as caught:
            harmony.parse(given, strict=True)
        assert (caught.value.diagnostic.code, caught.value.code) == ("missing_start", "malformed_output")
    # What is only unusual is no error.
    assert len(harmony.parse(f"{GOOD}<|end|>{FINAL}", strict=True)) == 2


def test_what_is_announced_and_does_not_come() -> None:
    [m] = read("<|channel|>commentary to=functions.f <|constrain|><|message|>{}<|call|>")
    assert (m.content_type, codes(m)) == (None, ["empty_content_type"])
    [m] = read("<|channel|>analysis to=<|message|>1<|end|>")
    assert (m.recipient, codes(m)) == (None, ["empty_recipient"])


def test_a_call_addressed_to_nobody() -> None:
    [m] = read("<|channel|>analysis<|message|>so<|call|>")
    assert (m.tool, codes(m)) == (None, ["unaddressed_call"])


def test_an_author_in_place_of_the_implied_one() -> None:
    [m] = read("user<|message|>so<|end|>")
    assert (m.role, codes(m)) == ("user", ["other_author"])
