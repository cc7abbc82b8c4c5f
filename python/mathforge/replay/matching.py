"""Which recorded tokens a request asks for.

The problem comes from the header `X-Request-Id: <benchmark>/<problem id>/rs<seed>/<round>` when that id is
recorded, else from the user message that contains a recorded problem. The seed comes from the header or the
request; tool or no tool from `## python` in the system message; the round is the number of tool results after
the user message.

Within the round, whatever the prompt already holds of it is not played again: a round cut by `max_tokens`
goes on when the client sends the prompt back with the pieces it got. A prompt that asks for the final answer
by ending inside `<|start|>assistant<|channel|>final<|message|>` gets the recording's next final message, or
an immediate end.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

from mathforge import harmony
from mathforge.replay.recording import Library, RecordedProblem, Round, flatten

REQUEST_ID = re.compile(r"(?P<path>.+)/rs(?P<seed>\d+)/(?P<round>\d+)")
AUTHOR = re.compile(r"[^\s:<]*")
NOT_TOOLS = frozenset({"system", "developer", "user", "assistant", ""})
ENDS = frozenset({harmony.END, harmony.CALL, harmony.RETURN})


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a prompt: ids[start:end] is its content; `closed` if an end token follows."""

    author: str
    header: str
    start: int
    end: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Match:
    """What to play: ids, how the recording ended, and why nothing was found (`missing`), if so."""

    ids: array[int]
    finish_reason: str
    stop_reason: int | str | None
    missing: str | None = None


def find(library: Library, prompt: array[int], *, request_id: str | None, seed: int | None) -> Match:
    """The tokens recorded for a request; an immediate end of sequence, with the reason, if there are none.

    Args:
        prompt: the request's prompt ids, up to where the model continues.
        request_id: the `X-Request-Id` header.
        seed: the request's `seed`; the header's wins.
    """
    turns = split_turns(prompt)
    header = REQUEST_ID.fullmatch(request_id or "")
    if header:
        seed = int(header["seed"])
    user_texts = {i: flatten(text_of(prompt, t)) for i, t in enumerate(turns) if t.author == "user"}
    found = find_problem(library, user_texts, header["path"] if header else None)
    if found is None:
        return nothing(f"no recorded problem matches request {request_id or '(without X-Request-Id)'}")
    problem, asked_at = found
    if header and harmony.START not in prompt:
        return find_in_text(problem, seed, int(header["round"]))
    tool = any(t.author == "system" and "## python" in text_of(prompt, t) for t in turns)
    sample = problem.sample(seed, tool)
    if sample is None:
        return nothing(
            f"problem {problem.id!r}: no recording for seed {seed} {'with' if tool else 'without'} the tool"
        )
    results = [i for i, turn in enumerate(turns) if i > asked_at and turn.author not in NOT_TOOLS]
    begin = turns[results[-1] if results else asked_at].end
    if len(results) >= len(sample.rounds):
        return nothing(f"problem {problem.id!r}, seed {seed}: the recording has no round {len(results)}")
    rest = resume(sample.rounds[len(results) :], prompt, begin, turns[-1])
    return rest or nothing(
        f"problem {problem.id!r}, seed {seed}: the recording does not go on as the prompt ends"
    )


def find_in_text(problem: RecordedProblem, seed: int | None, round_number: int) -> Match:
    """The round of a model that does not speak Harmony; only the header says which one is asked for."""
    sample = problem.sample(seed, tool=True) or problem.sample(seed, tool=False)
    if sample is None or round_number >= len(sample.rounds):
        return nothing(f"problem {problem.id!r}: no recording of round {round_number} for seed {seed}")
    one = sample.rounds[round_number]
    return Match(one.token_ids(), one.finish_reason, one.stop_reason)


def nothing(why: str) -> Match:
    """An immediate, empty, finished completion."""
    return Match(array("I", [harmony.RETURN]), "stop", None, missing=why)


def split_turns(ids: array[int]) -> list[Turn]:
    """The messages of a rendered prompt; one without Harmony's markers is one user message.

    The last may be open: a header not yet ended, or a content without end.
    """
    turns = []
    starts = positions(ids, harmony.START)
    if not starts:
        return [Turn("user", "", 0, len(ids), closed=False)]
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        try:
            content = ids.index(harmony.MESSAGE, start, stop) + 1
        except ValueError:
            content = stop
        header = harmony.decode(ids[start + 1 : content].tolist())
        author = AUTHOR.match(header)
        closed = stop > content and ids[stop - 1] in ENDS
        turns.append(Turn(author[0] if author else "", header, content, stop - closed, closed))
    return turns


def positions(ids: array[int], wanted: int) -> list[int]:
    """Where an id stands; `index` looks at a hundred thousand ids faster than a loop looks at a thousand."""
    found: list[int] = []
    at = -1
    while True:
        try:
            at = ids.index(wanted, at + 1)
        except ValueError:
            return found
        found.append(at)


def text_of(prompt: array[int], turn: Turn) -> str:
    """A message's content as text."""
    return harmony.decode(prompt[turn.start : turn.end].tolist())


def find_problem(
    library: Library, user_texts: dict[int, str], path: str | None
) -> tuple[RecordedProblem, int] | None:
    """The recorded problem and the index of the turn that asks it.

    Two benchmarks may use the same ids, so an id counts only if the recorded problem stands in the prompt;
    and a recorded round may hold later user turns, so the asking turn is the last one that contains the
    problem.
    """
    if path is not None:
        # Benchmark names and problem ids may both contain slashes: try every split.
        parts = path.split("/")
        ids = ["/".join(parts[i:]) for i in range(len(parts))]
        if found := asked([p for id_ in ids for p in library.by_id.get(id_, [])], user_texts):
            return found
    return asked([p for p in library.problems.values() if p.problem], user_texts)


def asked(
    candidates: list[RecordedProblem], user_texts: dict[int, str]
) -> tuple[RecordedProblem, int] | None:
    """The candidate in the prompt with the longest text: one problem's text may begin another's."""
    best: tuple[RecordedProblem, int] | None = None
    for problem in candidates:
        at = max((i for i, text in user_texts.items() if problem.problem in text), default=None)
        if at is not None and (best is None or len(problem.problem) > len(best[0].problem)):
            best = problem, at
    return best


def resume(rounds: list[Round], prompt: array[int], begin: int, last: Turn) -> Match | None:
    """What is left of the first round, given what the prompt already holds after position `begin`."""
    ids = rounds[0].token_ids()
    held = held_of_round(prompt, begin)
    if ids[: len(held)] == held and len(held) < len(ids):
        return Match(ids[len(held) :], rounds[0].finish_reason, rounds[0].stop_reason)
    if last.author == "assistant" and "<|channel|>final" in last.header and not last.closed:
        return final_answer(rounds, prompt[last.start : last.end])
    if held:
        return None
    return Match(ids, rounds[0].finish_reason, rounds[0].stop_reason)


def held_of_round(prompt: array[int], begin: int) -> array[int]:
    """The ids after the first `<|start|>assistant` from `begin` on: this round, as far as it was served."""
    try:
        return prompt[prompt.index(harmony.START, begin) + 2 :]
    except ValueError:
        return array("I")


def final_answer(rounds: list[Round], held: array[int]) -> Match | None:
    """The next recorded final message, from its content on, less what the prompt already holds of it."""
    for round_ in rounds:
        ids = round_.token_ids()
        if harmony.MESSAGE not in ids:
            # Sampled behind a forced final header: content only.
            content = ids
        else:
            turns = split_turns(array("I", [harmony.START, *harmony.encode("assistant")]) + ids)
            finals = [t for t in turns if t.author == "assistant" and "<|channel|>final" in t.header]
            if not finals:
                continue
            content = ids[finals[-1].start - 2 :]
        if content[: len(held)] == held and len(held) < len(content):
            return Match(content[len(held) :], round_.finish_reason, round_.stop_reason)
    return None
