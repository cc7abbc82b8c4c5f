"""Turns parts and schedule into samples: picks a route, writes Harmony, runs cells, quotes outputs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from . import phrases, schedule
from .cells import RunCell
from .headers import ANALYSIS, CALL_WEIGHTS, CALLS, START_ASSISTANT, ending, stop_id
from .parts import Cell, Parts, Route


@dataclass(frozen=True)
class Plan:
    """Which parts one sample is made of."""

    parts: Parts
    seed: int
    tool: bool
    outcome: str
    blocks: tuple[str | Cell, ...]
    answer: str | None
    ending: str
    layouts: tuple[str, ...]

    @property
    def key(self) -> tuple[str, bool, int]:
        """Problem id, with or without tool, seed: as the tables of `schedule` name a sample."""
        return (self.parts.id, self.tool, self.seed)


def plan_sample(parts: Parts, seed: int, *, tool: bool) -> Plan:
    """Choose opener, route, check, layouts and ending of a sample; the same choice at every build."""
    outcomes = (schedule.TOOL if tool else schedule.PURE)[parts.id]
    outcome = outcomes[seed]
    routes = parts.tool if tool else parts.pure
    # The how-many-th sample of its outcome this is; the ones cut short or left open walk the right routes.
    turn = outcomes[:seed].count(outcome)
    route = _route(routes, outcome, turn)
    blocks = list(route.blocks)
    answer = route.answer or parts.forms[turn % len(parts.forms)]
    if tool and outcome == "R" and seed in schedule.CHECKED and parts.checks:
        blocks += parts.checks[turn % len(parts.checks)].blocks
    if tool and seed in schedule.TERSE:
        blocks = _without_remarks(blocks)
    if tool and seed in schedule.COLD_CALL:
        blocks = blocks[next(i for i, block in enumerate(blocks) if isinstance(block, Cell)) :]
    else:
        # Two samples on the same route start from different openers.
        alike = turn // len([other for other in routes if (other.answer is None) == (route.answer is None)])
        blocks.insert(0, parts.openers[(alike + turn) % len(parts.openers)])
    dice = random.Random(f"{parts.id}/{tool}/{seed}")
    habits = dice.choices(list(CALLS), [CALL_WEIGHTS.get(name, 1) for name in CALLS], k=2)
    return Plan(
        parts,
        seed,
        tool,
        outcome,
        tuple(blocks),
        None if outcome in "TNE" else answer,
        schedule.MALFORMED.get((parts.id, tool, seed), "plain"),
        tuple(habits),
    )


def _route(routes: list[Route], outcome: str, turn: int) -> Route:
    if outcome == "E":
        return next(route for route in routes if route.endless)
    right = [route for route in routes if route.answer is None and not route.endless]
    wrong = [route for route in routes if route.answer is not None]
    if outcome == "W" or not right:
        return wrong[turn % len(wrong)]
    return right[turn % len(right)]


def _without_remarks(blocks: list[str | Cell]) -> list[str | Cell]:
    """Drop the text between two cells, so that the second call comes straight after the first result."""
    return [
        block
        for index, block in enumerate(blocks)
        if isinstance(block, Cell)
        or not (0 < index < len(blocks) - 1)
        or not (isinstance(blocks[index - 1], Cell) and isinstance(blocks[index + 1], Cell))
    ]


@dataclass
class Transcript:
    """Rounds and tool outputs of one sample while it is being written."""

    plan: Plan
    rounds: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    quotes: list[list[int | str]] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add reasoning to the round being written, tool outputs and answer filled in."""
        if "{{out}}" in text or "{{last}}" in text:
            output = self.outputs[-1].strip()
            last = output.splitlines()[-1]
            quoted = output if "{{out}}" in text else last
            self.quotes.append([len(self.outputs) - 1, len(self.rounds), quoted])
            text = text.replace("{{out}}", output).replace("{{last}}", last)
        self.prose.append(text.replace("{{ans}}", self.plan.answer or ""))

    def reasoning(self) -> str:
        """The analysis collected for this round, with its header; empty when there is none."""
        text = "\n\n".join(self.prose)
        self.prose = []
        return ANALYSIS + text if text else ""

    def call(self, cell: Cell, run: RunCell) -> None:
        """End the round in a Python call and run it."""
        before = self.reasoning()
        layout = self.plan.layouts[len(self.outputs) % len(self.plan.layouts)]
        end = "<|return|>" if self.plan.key in schedule.ENDED_BY_RETURN and not self.outputs else "<|call|>"
        # Without recipient only the call token tells a call from a code listing.
        header = CALLS["channel-first" if layout == "no-recipient" and end != "<|call|>" else layout]
        self._close_round((f"{before}<|end|>{START_ASSISTANT}" if before else "") + header + cell.code + end)
        shown = run(cell.code)
        self.outputs.append(shown.text)
        self.statuses.append(shown.status)

    def finish(self) -> None:
        """Write the last round as the outcome of the sample wants it."""
        plan = self.plan
        dice = random.Random(f"closing/{plan.parts.id}/{plan.tool}/{plan.seed}")
        if plan.outcome == "E":
            return
        if plan.outcome == "T":
            text = self.reasoning() or ANALYSIS + "So let me put the pieces together and double-check them"
            text = text[: max(len(ANALYSIS) + 40, len(text) * 2 // 3)]
            # A quotation that the cut goes through is not one any more.
            self.quotes = [q for q in self.quotes if q[1] != len(self.rounds) or str(q[2]) in text]
            self._close_round(text)
            return
        if plan.outcome == "N":
            final = dice.choice(phrases.WITHOUT_ANSWER)
        else:
            if plan.key in schedule.REBOXED:
                self.say(phrases.REBOXED.replace("{{guess}}", str(dice.randrange(2, 60))))
            # Shuffled per problem, one for each seed: no two samples close alike.
            order = random.Random(f"closers/{plan.parts.id}/{plan.tool}")
            self.say(order.sample(phrases.CLOSERS, schedule.SAMPLES)[plan.seed])
            # A written-out solution belongs to a right answer; a wrong one is only stated.
            own = plan.parts.finals if plan.outcome == "R" and dice.random() < 0.6 else phrases.FINALS
            final = dice.choice(own).replace("{{ans}}", plan.answer or "")
        analysis = self.reasoning() or ANALYSIS + "I cannot settle this."
        self._close_round(ending(plan.ending, analysis, final))

    def _close_round(self, text: str) -> None:
        if not self.rounds and self.plan.key in schedule.REPEATED_START:
            text = START_ASSISTANT + text
        stop = stop_id(text)
        self.rounds.append({"text": text, "finish_reason": "stop" if stop else "length", "stop_reason": stop})


def write_sample(plan: Plan, run: RunCell) -> dict[str, Any]:
    """One row of the recording.

    Beside the fields of the recording format a row says what its author meant, for the tests: `calls` (number
    of Python calls), `answer` (what is boxed, None for no answer), `outcome`, `ending` and `layouts` (how it
    is written), `statuses` (how each cell ended) and `quotes` ([output, round, text]: that output is quoted
    in that round).
    """
    transcript = Transcript(plan)
    for block in plan.blocks:
        if isinstance(block, Cell):
            transcript.call(block, run)
        else:
            transcript.say(block)
    transcript.finish()
    return {
        "id": plan.parts.id,
        "problem": plan.parts.statement,
        "seed": plan.seed,
        "tool": plan.tool,
        "model": "gpt-oss-120b",
        "rounds": transcript.rounds,
        "outputs": transcript.outputs,
        "calls": len(transcript.outputs),
        "answer": plan.answer,
        "outcome": plan.outcome,
        "ending": plan.ending,
        "layouts": [plan.layouts[i % len(plan.layouts)] for i in range(len(transcript.outputs))],
        "statuses": transcript.statuses,
        "quotes": transcript.quotes,
    }
