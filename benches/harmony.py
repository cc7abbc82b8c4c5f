"""Harmony: spans, text, messages, streams and encoding beside other libraries, and what can be had by hand.

tiktoken and rs-bpe are fetched into a folder of their own; without a registry they are named as missing.
tiktoken gets its vocabulary from our table, rs-bpe carries its own; oss-harmony is the engine of openai-
harmony under another name (both cannot be installed side by side).

Figures of the core come from `rust/examples/harmony_rates.rs`: the best of the runs of half a second. Figures
through Python are CPU time of the calling thread, also the best.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import openai_harmony as peer
import pyarrow as pa

from mathforge import harmony

from .measure import Row
from .rivals.environments import add_encoders

ROUNDS = 12
ROWS = 200
THREAD_ROWS = 500  # starting two threads takes about 0.3 ms, a tenth of the time for 200 rows
FIRST_SPECIAL = 199_998
CHUNK = 16
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


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


def best(work: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> float:
    """Least seconds of a call: on a busy machine the slower runs measure its other work."""
    end = time.monotonic() + 0.5
    taken = []
    while time.monotonic() < end or len(taken) < 3:
        start = clock()
        work()
        taken.append(clock() - start)
    return min(taken)


def python_loop(ids: list[int]) -> list[tuple[int, int]]:
    """What a careful user writes by hand: split the ids at special tokens."""
    spans, start = [], 0
    for index, token in enumerate(ids):
        if token >= FIRST_SPECIAL:
            spans.append((start, index))
            start = index + 1
    return spans


def find_loop(text: str) -> list[str]:
    """The same on text with `str.find`."""
    parts, start = [], 0
    while (at := text.find("<|", start)) >= 0:
        parts.append(text[start:at])
        start = text.find("|>", at) + 2
    return parts


def stream(ids: list[int], chunk: int) -> None:
    """The ids in lists of a length."""
    parser = harmony.StreamParser()
    for start in range(0, len(ids), chunk):
        parser.push(ids[start : start + chunk])
    parser.finish()


def peer_stream(encoding: peer.HarmonyEncoding, ids: list[int]) -> None:
    parser = peer.StreamableParser(encoding, peer.Role.ASSISTANT, strict=False)
    for token in ids:
        parser.process(token)


def core_seconds(text: str) -> dict[str, float]:
    """Figures of the core alone."""
    root = Path(__file__).parents[1]
    command = ["cargo", "run", "--quiet", "-p", "mathforge-core", "--example", "harmony_rates"]
    told = subprocess.run(command, cwd=root, input=text, text=True, check=True, stdout=subprocess.PIPE)
    return {row["what"]: row["seconds"] for row in map(json.loads, told.stdout.splitlines())}


def encoders() -> Iterator[tuple[str, Callable[[str], object]]]:
    """Other encoders of ordinary text."""
    add_encoders()
    if find_spec("tiktoken"):
        import tiktoken

        ranks = {harmony.decode_bytes([token]): token for token in range(FIRST_SPECIAL)}
        encoding = tiktoken.Encoding("o200k", pat_str=O200K, mergeable_ranks=ranks, special_tokens={})
        yield "tiktoken", encoding.encode_ordinary
    if find_spec("rs_bpe"):
        from rs_bpe.bpe import openai

        yield "rs-bpe", openai.o200k_base().encode


def rate(count: int, seconds: float) -> str:
    """Tokens per second, in millions."""
    return f"{count / seconds / 1e6:.1f} Mtok/s"


def speed(size: int, seconds: float) -> str:
    """Bytes per second."""
    return f"{size / seconds / 1e9:.2f} GB/s"


def rows() -> list[Row]:
    """Every gate, with the floor and the rivals beside it."""
    text = completion_text()
    ids = harmony.encode(text)
    core = core_seconds(text)
    memcpy = 64 * 2**20 / core["memcpy 64 MiB"]
    return [
        Row("memcpy of this machine", f"{memcpy / 1e9:.1f} GB/s"),
        *span_rows(text, ids, core),
        *text_rows(text, core),
        *stream_rows(ids, core),
        *encode_rows(text, ids, core),
        *thread_rows(text),
    ]


def span_rows(text: str, ids: list[int], core: dict[str, float]) -> list[Row]:
    """Ids to where the messages are, and to messages."""
    array = np.array(ids, np.uint32)
    column = pa.array([ids] * ROWS, pa.list_(pa.uint32()))
    loop = best(lambda: python_loop(ids))
    found = best(lambda: np.flatnonzero(array >= FIRST_SPECIAL))
    encoding = peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)
    parse = best(
        lambda: encoding.parse_messages_from_completion_tokens(ids, peer.Role.ASSISTANT, strict=False)
    )
    decode = best(lambda: encoding.decode(ids))

    def beside(what: str, gate: str, ours: float, rival: str, other: float) -> Row:
        return Row(
            f"{what} ({gate})" if gate else what,
            rate(len(ids), ours),
            f"{rival} {rate(len(ids), other)}",
            f"{other / ours:.1f}x",
        )

    batch = best(lambda: harmony.parse_batch(column, content=False, threads=1)) / ROWS
    whole = best(lambda: harmony.parse_batch(column, threads=1)) / ROWS
    one = best(lambda: harmony.spans(array))
    of_list = best(lambda: harmony.spans(ids))
    tiny = [harmony.CHANNEL, 17196, harmony.MESSAGE, 13, harmony.RETURN]
    tiny_call = best(lambda: [harmony.parse(tiny) for _ in range(1000)]) / 1000
    peer_tiny = best(lambda: encoding.parse_messages_from_completion_tokens(tiny, peer.Role.ASSISTANT))
    return [
        beside("ids -> spans, core", ">= 500", core["ids to spans"], "numpy >=", found),
        beside(f"ids -> spans, Arrow column of {ROWS}", ">= 500", batch, "Python loop", loop),
        beside("ids -> spans, one numpy array", "", one, "Python loop", loop),
        beside("ids -> spans, one Python list", "", of_list, "Python loop", loop),
        beside("ids -> messages with text, Arrow column", "", whole, "oss-harmony", parse),
        beside(
            "ids -> Message objects, one numpy array",
            "",
            best(lambda: harmony.parse(array)),
            "oss-harmony",
            parse,
        ),
        beside("ids -> text, core", ">= 150", core["ids to text"], "oss-harmony", decode),
        beside(
            "ids -> text, one numpy array",
            ">= 150",
            best(lambda: harmony.decode(array)),
            "oss-harmony",
            decode,
        ),
        Row(
            "tiny call, 5 ids (<= 2 us)",
            f"{tiny_call * 1e6:.2f} us",
            f"oss-harmony {peer_tiny * 1e6:.0f} us",
            f"{peer_tiny / tiny_call:.0f}x",
        ),
    ]


def text_rows(text: str, core: dict[str, float]) -> list[Row]:
    """Text to messages."""
    size = len(text.encode())
    column = pa.array([text] * ROWS, pa.large_string())
    batch = best(lambda: harmony.parse_batch(column, threads=1)) / ROWS
    objects = best(lambda: harmony.parse(text))
    found = best(lambda: find_loop(text))
    return [
        Row(what, speed(size, ours), f"str.find {speed(size, found)}", f"{found / ours:.1f}x")
        for what, ours in [
            ("text -> spans, core", core["text to spans"]),
            (f"text -> messages, Arrow column of {ROWS} (>= 1.5)", batch),
            ("text -> Message objects, one str", objects),
        ]
    ]


def stream_rows(ids: list[int], core: dict[str, float]) -> list[Row]:
    """Nanoseconds per token of a stream with deltas."""
    encoding = peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)
    rival = best(lambda: peer_stream(encoding, ids)) / len(ids)
    figures = [
        ("stream, token by token, core (<= 30 ns)", core["push"] / len(ids)),
        (f"stream, lists of {CHUNK}, Python (<= 150 ns)", best(lambda: stream(ids, CHUNK)) / len(ids)),
        ("stream, token by token, Python", best(lambda: stream(ids, 1)) / len(ids)),
    ]
    return [
        Row(what, f"{ours * 1e9:.0f} ns", f"oss-harmony {rival * 1e9:.0f} ns", f"{rival / ours:.0f}x")
        for what, ours in figures
    ]


def encode_rows(text: str, ids: list[int], core: dict[str, float]) -> list[Row]:
    """Text to ids; the peers encode the special tokens' texts as ordinary text."""
    ours = best(lambda: harmony.encode(text))
    plain = len(harmony.encode(text, escape=True))
    encoding = peer.load_harmony_encoding(peer.HarmonyEncodingName.HARMONY_GPT_OSS)
    measured = [("oss-harmony", best(lambda: encoding.encode(text, allowed_special="all")), len(ids))]
    measured += [(name, best(lambda encode=encode: encode(text)), plain) for name, encode in encoders()]
    missing = {"tiktoken", "rs-bpe"} - {name for name, *_ in measured}
    table = [Row("encode, core (>= 9)", rate(len(ids), core["encode"]))]
    for name, seconds, count in measured:
        ratio = (seconds / count) / (ours / len(ids))
        table.append(
            Row(
                "encode, to a list (>= 9)",
                rate(len(ids), ours),
                f"{name} {rate(count, seconds)}",
                f"{ratio:.1f}x",
            )
        )
    return table + [Row("encode", "", f"{name}: not installed") for name in sorted(missing)]


def thread_rows(text: str) -> list[Row]:
    """One thread over two: in wall time, which a busy machine hides, and in the CPU time of both together."""
    column = pa.array([text] * THREAD_ROWS, pa.large_string())
    ids = harmony.encode_batch(column)

    def ratios(work: Callable[[int], object]) -> str:
        clocks = {"wall": time.perf_counter, "CPU": time.process_time}
        taken = {name: [best(partial(work, n), clock) for n in (1, 2)] for name, clock in clocks.items()}
        return ", ".join(f"{name} {one / two:.2f}x" for name, (one, two) in taken.items())

    return [
        Row(f"two threads, {THREAD_ROWS} rows: {what} (wall >= 1.8x)", ratios(work))
        for what, work in [
            ("text -> messages", lambda threads: harmony.parse_batch(column, threads=threads)),
            ("ids -> messages with text", lambda threads: harmony.parse_batch(ids, threads=threads)),
            ("encode", lambda threads: harmony.encode_batch(column, threads=threads)),
        ]
    ]
