"""Harmony: parse and encode beside oss-harmony (the engine of openai-harmony) and a pure-Python loop."""

from __future__ import annotations

import openai_harmony as peer

from mathforge import harmony

from .measure import Row, cpu_seconds

ROUNDS = 12
FIRST_SPECIAL = 199_998


def completion_text() -> str:
    """One tool-using completion of about 13k tokens: twelve rounds of thought, code and output."""
    thought = "We consider the residues modulo 7 and count the solutions of $x^2 + y^2 \\equiv z^2$. " * 32
    loop = "for x in range(7):\n    for y in range(7):\n        total += (x*x + y*y) % 7 == 0\n"
    code = f"total = 0\n{loop}total\n" * 4
    parts = []
    for _ in range(ROUNDS):
        parts += [
            f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant",
            f"<|channel|>analysis to=python code<|message|>{code}<|call|>",
            "<|start|>python to=assistant<|channel|>analysis<|message|>13\n<|end|><|start|>assistant",
        ]
    parts.append("<|channel|>final<|message|>The answer is $\\boxed{13}$.<|return|>")
    return "".join(parts)


def python_loop(ids: list[int]) -> int:
    """What a careful user writes by hand: split the ids at special tokens."""
    spans, start = [], 0
    for index, token in enumerate(ids):
        if token >= FIRST_SPECIAL:
            spans.append((start, index))
            start = index + 1
    return len(spans)


def rate(tokens: int, seconds: float) -> str:
    """Tokens per CPU second, in millions."""
    return f"{tokens / seconds / 1e6:.1f} Mtok/s"


def rows() -> list[Row]:
    """Parse and encode rates."""
    text = completion_text()
    ids = harmony.encode(text)
    encoding = peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)
    tokens = len(ids)

    parse = cpu_seconds(lambda: harmony.parse(ids))
    peer_parse = cpu_seconds(
        lambda: encoding.parse_messages_from_completion_tokens(ids, peer.Role.ASSISTANT, strict=False),
        repeats=3,
    )
    loop = cpu_seconds(lambda: python_loop(ids))
    encode = cpu_seconds(lambda: harmony.encode(text))
    peer_encode = cpu_seconds(lambda: encoding.encode(text, allowed_special="all"))
    return [
        Row(
            f"parse {tokens} ids",
            rate(tokens, parse),
            f"oss-harmony {rate(tokens, peer_parse)}",
            f"{peer_parse / parse:.0f}x",
        ),
        Row("  spans only, by hand", "", f"Python loop {rate(tokens, loop)}", f"{loop / parse:.1f}x"),
        Row(
            "encode",
            rate(tokens, encode),
            f"oss-harmony {rate(tokens, peer_encode)}",
            f"{peer_encode / encode:.1f}x",
        ),
    ]
