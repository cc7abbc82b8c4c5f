"""Harmony beside oss-harmony, the maintained build of openai-harmony.

Deliberate differences are listed in docs/harmony-differences.md.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from mathforge import harmony

os.environ.pop("TIKTOKEN_ENCODINGS_BASE", None)
peer = pytest.importorskip("openai_harmony", reason="oss-harmony is not installed")

ALPHABET = [
    *"aAbBzZ  \n\r\t'slS.,/\\{}$01239_-+=<|>",
    *[
        "\u0301",
        "\u017f",
        "ǅ",
        "ʰ",
        "中文",
        "'ll",
        "'RE",
        "\u00a0",
        "\u3000",
        "\u0085",
        "🧮",
        "\\frac{",
        "Ⅷ",
        "½",
        "ß",
    ],
]


@pytest.fixture(scope="module")
def encoding() -> object:
    return peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)


def test_every_character_is_encoded_alike(encoding) -> None:
    points = [*range(0xD800), *range(0xE000, 0x20000), *range(0x20000, 0x110000, 131)]
    for start in range(0, len(points), 64):
        text = "".join(
            f"aB{chr(c)}cD 1{chr(c)}2 {chr(c)}{chr(c)}'s x{chr(c)}\n A{chr(c)}"
            for c in points[start : start + 64]
        )
        assert harmony.encode(text, escape=True) == encoding.encode(text, disallowed_special=()), hex(
            points[start]
        )


def test_random_text_is_encoded_alike(encoding) -> None:
    dice = random.Random(0)
    for _ in range(20_000):
        text = "".join(dice.choices(ALPHABET, k=dice.randrange(1, 50)))
        assert harmony.encode(text, escape=True) == encoding.encode(text, disallowed_special=()), text


@pytest.mark.parametrize("unit", ["a", " ", "\n", "ab", "中", "=-", "0", "A\u0301", "\t \n", "'s"])
def test_long_runs_are_encoded_alike(encoding, unit: str) -> None:
    text = unit * 3000
    assert harmony.encode(text) == encoding.encode(text)


def test_special_tokens_are_encoded_and_decoded_alike(encoding) -> None:
    for token in range(199_998, harmony.VOCABULARY_SIZE):
        text = encoding.decode([token])
        assert harmony.decode([token]) == text
        assert harmony.encode(f"a{text} b") == encoding.encode(f"a{text} b", allowed_special="all")


def test_random_ids_are_decoded_alike(encoding) -> None:
    dice = random.Random(1)
    for _ in range(2000):
        ids = [dice.randrange(harmony.VOCABULARY_SIZE) for _ in range(40)]
        assert harmony.decode(ids) == encoding.decode(ids)


def conversations(seed: int, count: int):
    """Pairs of the same conversation: ours and theirs, as far as both can write it alike."""
    dice = random.Random(seed)

    def text() -> str:
        return "".join(dice.choices([*ALPHABET, "<|end|>", "<|start|>assistant"], k=dice.randrange(0, 40)))

    for _ in range(count):
        effort, date, python = (
            dice.choice(["low", "medium", "high"]),
            dice.choice([None, "2025-06-28"]),
            dice.random() < 0.5,
        )
        content = peer.SystemContent.new().with_reasoning_effort(peer.ReasoningEffort(effort.capitalize()))
        content = content.with_conversation_start_date(date) if date else content
        content = content.with_python_tool() if python else content
        ours = [harmony.system(effort, python=python, current_date=date)]
        theirs = [peer.Message.from_role_and_content(peer.Role.SYSTEM, content)]
        if dice.random() < 0.5:
            instructions = "Be brief. " + text()
            ours.append(harmony.developer(instructions))
            developer = peer.DeveloperContent.new().with_instructions(instructions)
            theirs.append(peer.Message.from_role_and_content(peer.Role.DEVELOPER, developer))
        question = text()
        ours.append(harmony.user(question))
        theirs.append(peer.Message.from_role_and_content(peer.Role.USER, question))
        for _ in range(dice.randrange(0, 4)):
            thought, code, output = text(), text(), text()
            ours += [
                harmony.Message("assistant", thought, channel="analysis"),
                harmony.Message("assistant", code, channel="analysis", recipient="python"),
                harmony.tool_result(output),
            ]
            assistant, tool = peer.Role.ASSISTANT, peer.Author.new(peer.Role.TOOL, "python")
            theirs += [
                peer.Message.from_role_and_content(assistant, thought).with_channel("analysis"),
                peer.Message.from_role_and_content(assistant, code)
                .with_channel("analysis")
                .with_recipient("python"),
                peer.Message.from_author_and_content(tool, output)
                .with_channel("analysis")
                .with_recipient("assistant"),
            ]
        if dice.random() < 0.5:
            answer = text()
            ours.append(harmony.Message("assistant", answer, channel="final"))
            theirs.append(
                peer.Message.from_role_and_content(peer.Role.ASSISTANT, answer).with_channel("final")
            )
        yield ours, peer.Conversation.from_messages(theirs)


def test_conversations_are_rendered_alike(encoding) -> None:
    keep = peer.RenderConversationConfig(auto_drop_analysis=False)
    for ours, theirs in conversations(2, 150):
        completion = encoding.render_conversation_for_completion(theirs, peer.Role.ASSISTANT, config=keep)
        assert harmony.render(ours) == completion
        assert harmony.render(ours, for_completion=False) == encoding.render_conversation(theirs, config=keep)
        training = encoding.render_conversation_for_training(theirs, config=keep)
        assert harmony.render(ours, for_completion=False, for_training=True) == training


HEADERS = [
    (author, channel, recipient, content_type)
    for author in ("assistant", "functions.f", "python", "user")
    for channel in (None, "analysis", "commentary", "final")
    for recipient in (None, "python", "functions.f", "assistant")
    for content_type in (None, "code", "<|constrain|>json")
]


@pytest.mark.parametrize(("author", "channel", "recipient", "content_type"), HEADERS)
def test_headers_are_written_as_oss_harmony_does(
    encoding, author: str, channel: str | None, recipient: str | None, content_type: str | None
) -> None:
    if author in {"assistant", "user"}:
        role, theirs = author, peer.Message.from_role_and_content(peer.Role(author), "1 + 1")
    else:
        role = "tool"
        theirs = peer.Message.from_author_and_content(peer.Author.new(peer.Role.TOOL, author), "1 + 1")
    theirs = theirs.with_channel(channel) if channel else theirs
    theirs = theirs.with_recipient(recipient) if recipient else theirs
    theirs = theirs.with_content_type(content_type) if content_type else theirs
    ours = harmony.Message(
        role, "1 + 1", author=author, channel=channel, recipient=recipient, content_type=content_type
    )
    assert harmony.render([ours], layout="oss-0.0.11", for_completion=False) == encoding.render(theirs)


def test_first_final_drops_what_oss_harmony_drops(encoding) -> None:
    config = peer.RenderConversationConfig(auto_drop_analysis=True)
    dice = random.Random(4)
    for _ in range(300):
        ours, theirs = [], []
        for _ in range(dice.randrange(1, 9)):
            role, channel = dice.choice(
                [("user", None), *[("assistant", c) for c in ("analysis", "commentary", "final", None)]]
            )
            ours.append(harmony.Message(role, "x", channel=channel))
            message = peer.Message.from_role_and_content(peer.Role(role), "x")
            theirs.append(message.with_channel(channel) if channel else message)
        expected = encoding.render_conversation(peer.Conversation.from_messages(theirs), config=config)
        assert harmony.render(ours, drop="first-final", for_completion=False) == expected


def test_completions_are_parsed_alike(encoding) -> None:
    prompt = [harmony.START, *harmony.encode("assistant")]
    for ours, _ in conversations(3, 150):
        completion = [m for m in ours if m.role in {"assistant", "tool"}]
        if not completion:
            continue
        ids = harmony.render(completion, for_completion=False)[len(prompt) :]
        theirs = encoding.parse_messages_from_completion_tokens(ids, peer.Role.ASSISTANT)
        parsed = harmony.parse(ids)
        assert len(parsed) == len(theirs)
        for mine, other in zip(parsed, theirs, strict=True):
            assert mine.content == "".join(part.text for part in other.content)
            assert (mine.channel, mine.recipient) == (other.channel, other.recipient)
            assert mine.role == other.author.role.value


def test_model_order_of_the_call_is_parsed_alike(encoding) -> None:
    ids = harmony.encode("<|channel|>analysis to=python <|constrain|>code<|message|>1<|call|>")
    [theirs] = encoding.parse_messages_from_completion_tokens(ids, peer.Role.ASSISTANT)
    [ours] = harmony.parse(ids)
    assert (ours.channel, ours.recipient) == (theirs.channel, theirs.recipient) == ("analysis", "python")
    assert re.sub(r"^<\|constrain\|>", "", theirs.content_type) == ours.content_type == "code"
