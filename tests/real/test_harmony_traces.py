"""The Harmony parser on real gpt-oss-120b runs: nothing raised, every call found, ids and text read alike."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from mathforge import harmony

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
