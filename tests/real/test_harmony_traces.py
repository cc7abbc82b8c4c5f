"""The Harmony parser on real gpt-oss-120b runs: nothing raised, every call found, ids and text read alike."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from mathforge import harmony
from mathforge.stream import Detector, Driver, find_repetition

CALL = re.compile(
    r"<\|channel\|>analysis to=python code<\|message\|>(.*?)(?=<\|call\|>|<\|end\|>|<\|start\|>|$)", re.DOTALL
)


@pytest.fixture(scope="module")
def runs(shared: Path) -> list[dict[str, str]]:
    with gzip.open(shared / "data" / "gpt_oss_traces.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_call_is_found(runs: list[dict[str, str]]) -> None:
    found = 0
    for run in runs:
        calls = [m.content for m in harmony.parse(run["text"]) if m.tool == "python"]
        # A header that the harness cut before its content would be no call; none is in these runs.
        assert calls == CALL.findall(run["text"]), run["id"]
        found += len(calls)
    assert found > 5000


def test_ids_are_read_like_text(runs: list[dict[str, str]]) -> None:
    for run in runs:
        text = run["prompt"] + run["text"]
        ids = harmony.encode(text)
        assert harmony.decode(ids) == text
        from_ids, from_text = harmony.parse(ids), harmony.parse(text)
        assert [(m.header, m.content, m.end, m.byte_end) for m in from_ids] == [
            (m.header, m.content, m.end, m.byte_end) for m in from_text
        ]
        assert "".join(harmony.decode(ids[m.token_start : m.token_end]) for m in from_ids) == text


def test_every_byte_comes_back_as_parsed(runs: list[dict[str, str]]) -> None:
    for run in runs:
        text = run["prompt"] + run["text"]
        ids = harmony.encode(text)
        for given in (ids, text):
            back = harmony.render(harmony.parse(given), layout="as-parsed", for_completion=False)
            assert back == ids if given is ids else harmony.decode(back) == text, run["id"]


def test_streams_end_like_batches(runs: list[dict[str, str]]) -> None:
    for run in runs[:20]:
        ids = harmony.encode(run["text"])
        parser = harmony.StreamParser()
        events = [event for at in range(0, len(ids), 13) for event in parser.push(ids[at : at + 13])]
        events += parser.finish()
        last = {event.message_index: event.message for event in events if event.kind == "message_end"}
        assert list(last.values()) == harmony.parse(ids)


def test_tool_results_and_follow_ups_have_their_authors(runs: list[dict[str, str]]) -> None:
    for run in runs:
        messages = harmony.parse(run["prompt"] + run["text"])
        assert {m.author for m in messages} <= {"system", "developer", "user", "assistant", "python"}
        outputs = [m for m in messages if m.role == "tool"]
        assert len(outputs) == run["text"].count("<|start|>python")
        assert all(m.recipient == "assistant" for m in outputs)


def test_the_oddities_are_diagnosed(runs: list[dict[str, str]]) -> None:
    """Found by a plain search in the text, and by their codes."""
    searched = {
        # Headed like a call, but ended like prose.
        "call_end": r"to=python code<\|message\|>(?:(?!<\|(?:call|end|start)\|>).)*<\|end\|>",
        # A thought that ends as if it called somebody.
        "unaddressed_call": r"<\|channel\|>analysis<\|message\|>(?:(?!<\|(?:call|end|start)\|>).)*<\|call\|>",
        # Cut by what the harness wrote.
        "missing_end": r"(?<!<\|end\|>)(?<!<\|call\|>)(?<!<\|return\|>)<\|start\|>",
        # The harness took the last end token off.
        "truncated_content": r"(?<!<\|end\|>)(?<!<\|call\|>)(?<!<\|return\|>)\Z",
    }
    patterns = {code: re.compile(pattern, re.DOTALL) for code, pattern in searched.items()}
    total = dict.fromkeys(searched, 0)
    for run in runs:
        found = [d.code for m in harmony.parse(run["text"]) for d in m.diagnostics]
        assert set(found) <= set(searched), run["id"]
        for code, pattern in patterns.items():
            count = sum(1 for _ in pattern.finditer(run["text"]))
            assert found.count(code) == count, (run["id"], code)
            total[code] += count
    assert total["call_end"] == 3
    assert total["unaddressed_call"] == 1
    assert total["truncated_content"] == len(runs)


def test_every_round_is_driven_to_its_call(runs: list[dict[str, str]]) -> None:
    """The loop again, as it was run: what the model wrote is fed, what the harness wrote is an answer."""
    asked = 0
    for run in runs[:60]:
        ids = harmony.encode(run["text"])
        messages = harmony.parse(ids)
        driver = Driver()
        for index, message in enumerate(messages):
            span = ids[message.token_start : message.token_end]
            if message.role != "assistant":
                driver.answer(span)
                continue
            driver.feed(span)
            is_answered = index + 1 < len(messages) and messages[index + 1].role == "tool"
            if is_answered:
                step = driver.finish()
                assert (step.kind, step.code) == ("needs_tool", message.content), run["id"]
                asked += 1
        kinds = [span.kind for span in driver.spans]
        assert kinds.count("output") == run["text"].count("<|start|>python")
        assert driver.repetition is None
    assert asked > 1000


def test_blocks_are_found_in_ids_and_text(runs: list[dict[str, str]]) -> None:
    for run in runs[:60]:
        found = []
        for given in (run["text"], harmony.encode(run["text"])):
            detector = Detector()
            events = [*detector.push(given), *detector.finish()]
            found.append([(e.kind, e.round, e.text, e.byte_start, e.byte_end) for e in events])
        assert found[0] == found[1]
        codes = [text for kind, _, text, _, _ in found[0] if kind == "code"]
        assert codes == CALL.findall(run["text"])


def test_no_real_run_counts_as_a_loop(runs: list[dict[str, str]]) -> None:
    """Rules eight times as quick to judge still accuse nobody."""
    for run in runs:
        ids = harmony.encode(run["text"])
        for message in harmony.parse(ids):
            if message.role == "assistant":
                sampled = ids[message.token_start : message.token_end]
                assert find_repetition(sampled, least_repeats=3, least_length=64) is None, run["id"]
                assert find_repetition(message.content) is None, run["id"]
