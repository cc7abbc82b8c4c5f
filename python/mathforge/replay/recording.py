"""Recorded transcripts: what one sample's model said, round by round.

One JSON object per line, in plain or gzipped JSONL:

    {"id": str, "problem": str, "seed": int, "tool": bool, "model": str,
     "rounds": [{"text": str | "token_ids": [int],
                 "finish_reason": "stop" | "length", "stop_reason": int | str | null}]}

A round is what the model sampled for one request: it starts right after `<|start|>assistant` and ends with
the id that stopped it. The output files of an evaluation (`output-rs3.jsonl`) are recordings too, because
their rows carry `rounds`; their seed is in the file's name.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mathforge import jsonl
from mathforge.errors import InputError

SEED_IN_NAME = re.compile(r"-rs(\d+)")
FOLDER_PATTERNS = ("recording*.jsonl", "recording*.jsonl.gz", "output*.jsonl", "output*.jsonl.gz")
ROW_HINT = (
    'each line of a recording is {"id", "problem", "seed", "tool", "rounds": [{"text" or "token_ids", ...}]}'
)


@dataclass(slots=True)
class Round:
    """What the model sampled for one request.

    Attributes:
        text: Harmony text, special tokens as their names; None once it has been encoded, or if ids were
        recorded. finish_reason: "stop" or "length". stop_reason: None for the primary end of sequence, a
        token id, or a stop string.
    """

    text: str | None
    finish_reason: str
    stop_reason: int | str | None
    _ids: array[int] | None = None

    def token_ids(self) -> array[int]:
        """Sampled ids, the stopping id included. Text is encoded on first use."""
        from mathforge import harmony

        if self._ids is None:
            ids = array("I", harmony.encode(self.text or ""))
            if self.finish_reason == "stop" and not isinstance(self.stop_reason, str):
                stop = harmony.RETURN if self.stop_reason is None else self.stop_reason
                if not ids or ids[-1] != stop:
                    ids.append(stop)
            self._ids, self.text = ids, None
        return self._ids


@dataclass(slots=True)
class Recording:
    """One recorded sample; `origin` is the file and line it came from."""

    id: str
    problem: str
    seed: int
    tool: bool
    model: str | None
    rounds: list[Round]
    origin: str


@dataclass(slots=True)
class RecordedProblem:
    """All recordings of one problem, by (seed, tool)."""

    id: str
    problem: str
    samples: dict[tuple[int, bool], Recording] = field(default_factory=dict)

    def sample(self, seed: int | None, tool: bool) -> Recording | None:
        """The recording for a seed; without a seed the lowest recorded one."""
        if seed is None:
            seeds = [s for s, t in self.samples if t == tool]
            if not seeds:
                return None
            seed = min(seeds)
        return self.samples.get((seed, tool))


class Library:
    """Every loaded recording, found by problem id or by the problem's text."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self.problems: dict[tuple[str, str], RecordedProblem] = {}
        self.by_id: dict[str, list[RecordedProblem]] = {}
        self.models: dict[str, None] = {}
        self.count = 0
        for recording in recordings:
            self._add(recording)

    def _add(self, recording: Recording) -> None:
        key = (recording.id, flatten(recording.problem))
        problem = self.problems.get(key)
        if problem is None:
            problem = self.problems[key] = RecordedProblem(recording.id, key[1])
            self.by_id.setdefault(recording.id, []).append(problem)
        slot = (recording.seed, recording.tool)
        if slot in problem.samples:
            raise InputError(
                f"{recording.origin}: problem {recording.id!r}, seed {recording.seed}, tool {recording.tool} "
                f"was already recorded at {problem.samples[slot].origin}",
                hint="replay one recording of a sample at a time",
            )
        problem.samples[slot] = recording
        if recording.model:
            self.models[recording.model] = None
        self.count += 1


def flatten(text: str) -> str:
    """Text with each run of whitespace made one space: a prompt that re-wraps a problem still matches it."""
    return " ".join(text.split())


def load(paths: Iterable[str | Path]) -> Library:
    """Read recordings.

    Args:
        paths: JSONL files, gzipped or not; folders, searched for `recording*.jsonl` and `output*.jsonl`; or
            the word `demo` for the transcripts that come with the demo benchmark.

    Raises:
        InputError: a missing file, a folder without recordings, or a bad row, named by file and line.
    """
    return Library(recording for path in paths for file in files_of(path) for recording in read_file(file))


def files_of(path: str | Path) -> list[Path]:
    """The recording files a `--replay` argument stands for, in a stable order."""
    if str(path) == "demo":
        path = Path(__file__).parent.parent / "benchmarks" / "demo"
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(
            f"no such recording: {path}", hint="give a .jsonl or .jsonl.gz file, a folder of them, or demo"
        )
    found = sorted({file for pattern in FOLDER_PATTERNS for file in path.rglob(pattern)})
    if not found:
        raise InputError(
            f"no recordings in {path}",
            hint="a folder must hold recording*.jsonl or an evaluation's output-rs*.jsonl",
        )
    return found


def read_file(path: Path) -> Iterator[Recording]:
    """The recordings of one file, in order; blank lines are skipped."""
    for origin, row in jsonl.values(path, ROW_HINT):
        yield read_row(row, path, origin)


def read_row(row: Any, path: Path, origin: str) -> Recording:
    """One row.

    Raises:
        InputError: the row lacks or mistypes a field; the message names file, line and field.
    """
    if not isinstance(row, dict) or not isinstance(row.get("rounds"), list):
        raise InputError(f"{origin}: no list `rounds`", hint=ROW_HINT)
    seed_in_name = SEED_IN_NAME.search(path.name)
    seed = row.get("seed", int(seed_in_name[1]) if seed_in_name else 0)
    problem = row.get("problem", "")
    if not isinstance(seed, int) or not isinstance(problem, str):
        raise InputError(f"{origin}: `seed` must be an integer and `problem` a string", hint=ROW_HINT)
    if row.get("id") is None and not problem:
        raise InputError(f"{origin}: neither `id` nor `problem`", hint=ROW_HINT)
    model = row.get("model")
    return Recording(
        id=str(row.get("id", "")),
        problem=problem,
        seed=seed,
        tool=bool(
            row["tool"] if "tool" in row else row.get("code_rounds_executed") or run_had_tool(path.parent)
        ),
        model=model if isinstance(model, str) else None,
        rounds=[read_round(r, f"{origin}: round {i}", row) for i, r in enumerate(row["rounds"])],
        origin=origin,
    )


@cache
def run_had_tool(folder: Path) -> bool:
    """Whether the evaluation that wrote a folder gave the model the tool; its rows do not say so."""
    try:
        run = json.loads((folder / "run.json").read_bytes())
        return run["fingerprint"]["config"]["code_execution"] is True
    except (OSError, ValueError, TypeError, KeyError):
        return False


def read_round(row: Any, origin: str, sample: dict[str, Any]) -> Round:
    """One round of a sample; `finish_reason` defaults to "stop"."""
    if not isinstance(row, dict):
        raise InputError(f"{origin}: not an object", hint=ROW_HINT)
    finish_reason = row.get("finish_reason") or "stop"
    stop_reason = row.get("stop_reason")
    if finish_reason not in {"stop", "length"}:
        raise InputError(
            f'{origin}: finish_reason must be "stop" or "length", not {finish_reason!r}', hint=ROW_HINT
        )
    if not isinstance(stop_reason, int | str | None):
        raise InputError(
            f"{origin}: stop_reason must be an id, a string or null, not {stop_reason!r}", hint=ROW_HINT
        )
    ids, text = row.get("token_ids"), row.get("text")
    if ids is None and text is None and isinstance(sample.get("generation"), str):
        text = chat_text(sample, finish_reason)
    if ids is not None:
        try:
            return Round(None, finish_reason, stop_reason, array("I", ids))
        except (TypeError, OverflowError) as error:
            raise InputError(f"{origin}: token_ids must be a list of ids: {error}", hint=ROW_HINT) from error
    if not isinstance(text, str):
        raise InputError(f"{origin}: neither `token_ids` nor `text`", hint=ROW_HINT)
    return Round(text, finish_reason, stop_reason)


def chat_text(sample: dict[str, Any], finish_reason: str) -> str:
    """The Harmony text behind a sample made over the chat endpoint by a server that gave no ids."""
    thought, answer = sample.get("reasoning_content"), sample["generation"]
    parts = [f"<|channel|>analysis<|message|>{thought}"] if isinstance(thought, str) else []
    if answer or finish_reason == "stop":
        parts.append(f"<|channel|>final<|message|>{answer}")
    return "<|end|><|start|>assistant".join(parts)
