"""What a corpus of Harmony completions holds: rounds, tokens by channel, damage, cut samples, boxes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import harmony, jsonl
from .errors import InputError
from .replay.recording import read_round

_EMPTY_BOX = re.compile(r"\\boxed\{\s*\}")
_HINT = (
    "each line is a JSON object with `rounds`, as recordings and outputs have them, or `text` or `generation`"
)


@dataclass
class Corpus:
    """Counts over samples.

    Attributes:
        samples: number of samples.
        rounds: samples by their number of tool calls.
        tokens: tokens by channel of the assistant's messages; "no channel", "tool output" and "prompt"
            (system, developer and user messages) apart. Structure tokens belong to their message.
        repairs: occurrences of each diagnostic code.
        samples_with: samples with at least one diagnostic of a code.
        severities: "info" or "warning", by code.
        malformed: samples with at least one warning.
        truncated: samples for which the server reported "length".
        unended: samples whose last message has no ending token: cut, or the server took the token off.
        calls: tool calls.
        unanswered: calls that no tool message and no output follows.
        boxed: samples by where `\\boxed` stands: "final", "analysis" (and not in final), "elsewhere",
            "nowhere".
        empty_boxes: samples in which the assistant wrote a box with nothing in it.
    """

    samples: int = 0
    rounds: Counter[int] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    samples_with: Counter[str] = field(default_factory=Counter)
    severities: dict[str, str] = field(default_factory=dict)
    malformed: int = 0
    truncated: int = 0
    unended: int = 0
    calls: int = 0
    unanswered: int = 0
    boxed: Counter[str] = field(default_factory=Counter)
    empty_boxes: int = 0

    def add(self, row: dict[str, Any], origin: str) -> None:
        """Count one row; `origin` names it in errors."""
        calls, places, codes = 0, set[str](), set[str]()
        truncated = unended = has_empty_box = False
        for messages, answered, cut in _turns(row, origin):
            for at, message in enumerate(messages):
                self._count_tokens(message)
                for found in message.diagnostics:
                    self.repairs[found.code] += 1
                    self.severities[found.code] = found.severity
                    codes.add(found.code)
                if message.role != "assistant":
                    continue
                if message.tool is not None:
                    calls += 1
                    followed = at + 1 < len(messages) and messages[at + 1].role == "tool"
                    self.unanswered += not (followed or (answered and at + 1 == len(messages)))
                elif "\\boxed" in message.content:
                    places.add(message.channel or "no channel")
                    has_empty_box |= _EMPTY_BOX.search(message.content) is not None
            truncated, unended = cut, bool(messages and not messages[-1].complete)
        for output in row.get("rounds") or ():
            self._count_output(output)
        self.samples += 1
        self.calls += calls
        self.rounds[calls] += 1
        self.truncated += truncated
        self.unended += unended
        self.empty_boxes += has_empty_box
        self.samples_with.update(codes)
        self.malformed += any(self.severities[code] == "warning" for code in codes)
        known = next((place for place in ("final", "analysis") if place in places), None)
        self.boxed[known or ("elsewhere" if places else "nowhere")] += 1

    def _count_tokens(self, message: harmony.Message) -> None:
        names = {"assistant": message.channel or "no channel", "tool": "tool output"}
        span = (message.token_end or 0) - (message.token_start or 0)
        self.tokens[names.get(message.role, "prompt")] += span

    def _count_output(self, row: dict[str, Any]) -> None:
        ids, text = row.get("output_token_ids"), row.get("output")
        if ids is None and isinstance(text, str):
            ids = harmony.encode(text, escape=True)
        if ids:
            self.tokens["tool output"] += len(ids)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "samples": self.samples,
            "rounds": {str(count): samples for count, samples in sorted(self.rounds.items())},
            "tokens": dict(self.tokens.most_common()),
            "calls": self.calls,
            "calls_unanswered": self.unanswered,
            "truncated": self.truncated,
            "unended": self.unended,
            "malformed": self.malformed,
            "diagnostics": {
                code: {
                    "severity": self.severities[code],
                    "count": count,
                    "samples": self.samples_with[code],
                }
                for code, count in self.repairs.most_common()
            },
            "boxed": dict(self.boxed.most_common()),
            "empty_boxes": self.empty_boxes,
        }

    def table(self) -> str:
        """The same, to be read."""
        total = sum(self.tokens.values())
        lines = [
            f"samples            {self.samples}",
            f"tool calls         {self.calls}, {self.unanswered} not answered",
            f"rounds per sample  {self._rounds()}",
            f"truncated          {self._share(self.truncated)}",
            f"no ending token    {self._share(self.unended)}",
            f"malformed          {self._share(self.malformed)}",
            "",
            f"{'tokens by channel':<24} {'tokens':>12} {'share':>7}",
        ]
        lines += [
            f"  {name:<22} {count:>12} {_percent(count, total)}" for name, count in self.tokens.most_common()
        ]
        lines += ["", f"{'diagnostics':<24} {'count':>12} {'samples':>9} {'share':>7}  severity"]
        for code, count in self.repairs.most_common():
            samples = self.samples_with[code]
            share = _percent(samples, self.samples)
            lines.append(f"  {code:<22} {count:>12} {samples:>9} {share}  {self.severities[code]}")
        lines += ["", f"{'box':<24} {'samples':>12} {'share':>7}"]
        lines += [
            f"  {place:<22} {count:>12} {_percent(count, self.samples)}"
            for place, count in self.boxed.most_common()
        ]
        lines.append(
            f"  {'an empty box':<22} {self.empty_boxes:>12} {_percent(self.empty_boxes, self.samples)}"
        )
        return "\n".join(lines)

    def _rounds(self) -> str:
        ordered = sorted(self.rounds.elements())
        if not ordered:
            return "none"
        mean = sum(ordered) / len(ordered)
        return f"mean {mean:.1f}, median {ordered[len(ordered) // 2]}, most {ordered[-1]}"

    def _share(self, count: int) -> str:
        return f"{count} ({_percent(count, self.samples).strip()})"


def inspect_file(path: Path) -> Corpus:
    """The counts of a JSONL file, gzipped or not.

    Args:
        path: rows with `rounds` (our outputs and recordings), or with Harmony text in `text` or `generation`.

    Raises:
        InputError: the file cannot be read, or a row is not such a row; the message names file and line.
    """
    corpus = Corpus()
    for origin, row in jsonl.values(path, _HINT):
        if not isinstance(row, dict):
            raise InputError(f"{origin}: not an object", hint=_HINT)
        corpus.add(row, origin)
    return corpus


def _turns(row: dict[str, Any], origin: str) -> Iterator[tuple[list[harmony.Message], bool, bool]]:
    """What was sampled piece by piece: its messages, whether a tool answered it, whether the limit cut it."""
    rounds = row.get("rounds")
    if isinstance(rounds, list) and rounds:
        for number, item in enumerate(rounds):
            sampled = read_round(item, f"{origin}: round {number}", row)
            answered = isinstance(item.get("output"), str) or bool(item.get("output_token_ids"))
            # Recordings may hold no outputs, but a next round shows that there was one.
            answered = answered or number + 1 < len(rounds)
            yield harmony.parse(sampled.token_ids()), answered, sampled.finish_reason == "length"
        return
    text = next((row[name] for name in ("text", "generation") if isinstance(row.get(name), str)), None)
    if text is None:
        raise InputError(f"{origin}: none of `rounds`, `text` and `generation`", hint=_HINT)
    # Text without any structure is an answer whose channels a server had taken off, and no damage.
    ids = harmony.encode(text if "<|" in text else f"<|message|>{text}<|end|>")
    yield harmony.parse(ids), False, row.get("finish_reason") == "length"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total if total else 0:6.1f}%"
