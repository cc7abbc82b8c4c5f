"""The Python calls of recorded samples, run again: what the sandbox answers beside what the recording has.

A sample's calls run one after the other in a session of their own, as they did when it was made. How two
outputs compare is for `comparing` and `lineage` to say.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import harmony, jsonl
from ..config import CodeExecution
from ..errors import InputError
from ..replay.recording import read_round
from ..tools import shown_output
from .lineage import Judge

if TYPE_CHECKING:
    from . import Sandbox

_HINT = "each line is a JSON object with `rounds`, as outputs have them, or with Harmony text in `text`"


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call.

    Attributes:
        origin: file, line and number of the call.
        code: the Python source.
        output: what the model was shown, or None where the recording has no output.
    """

    origin: str
    code: str
    output: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A call that came to something else.

    Attributes:
        origin: file, line and number of the call.
        kind: see `comparing.classify` and `lineage.Judge`.
        code: the Python source.
        recorded: the output that the recording has.
        ours: the output of this sandbox.
        status: how the cell ended here.
    """

    origin: str
    kind: str
    code: str
    recorded: str
    ours: str
    status: str


@dataclass
class Replay:
    """Counts over the calls of any number of samples.

    Attributes:
        samples: samples with at least one call.
        calls: calls run.
        kinds: calls by kind of difference; "equal", and "unrecorded" where there was nothing to compare with.
        statuses: calls by how they ended here.
        rolled_back: calls that broke the interpreter and were undone.
        cell_s: wall time of all calls in seconds, without waiting for a processor.
        wall_s: time the replay took in seconds.
        differences: the first ones, in the order of the file.
    """

    samples: int = 0
    calls: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    rolled_back: int = 0
    cell_s: float = 0.0
    wall_s: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def differing(self) -> int:
        """Calls whose output is another."""
        return self.calls - self.kinds["equal"] - self.kinds["unrecorded"]

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "samples": self.samples,
            "calls": self.calls,
            "differing": self.differing,
            "kinds": dict(self.kinds.most_common()),
            "statuses": dict(self.statuses.most_common()),
            "rolled_back": self.rolled_back,
            "cell_s": round(self.cell_s, 3),
            "wall_s": round(self.wall_s, 3),
            "differences": [asdict(difference) for difference in self.differences],
        }

    def table(self) -> str:
        """The same, to be read."""
        compared = self.calls - self.kinds["unrecorded"]
        lines = [
            f"samples      {self.samples}",
            f"calls        {self.calls} in {self.wall_s:.1f} s ({self.cell_s:.1f} s in cells)",
            f"rolled back  {self.rolled_back}",
            "",
        ]
        for kind, count in self.kinds.most_common():
            share = f" {100 * count / compared:6.2f}%" if kind != "unrecorded" else ""
            lines.append(f"  {kind:<12} {count:>7}{share}")
        for difference in self.differences:
            lines += ["", f"{difference.origin}: {difference.kind} ({difference.status})"]
            for title, text in (
                ("code", difference.code),
                ("recorded", difference.recorded),
                ("ours", difference.ours),
            ):
                lines += [f"  {title}:", *(f"    {line}" for line in _clipped(text))]
        return "\n".join(lines)


def calls_of(row: Any, origin: str) -> list[Call]:
    """The Python calls of a row, in order.

    Args:
        row: an output or a recording with `rounds`, or a row with Harmony text in `text` or `generation`.
        origin: names the row in errors.

    Raises:
        InputError: it is no such row.
    """
    if not isinstance(row, dict):
        raise InputError(f"{origin}: not an object", hint=_HINT)
    found = _of_rounds(row, origin) if row.get("rounds") else _of_text(row, origin)
    return [Call(f"{origin}: call {number}", code, output) for number, (code, output) in enumerate(found, 1)]


def _of_rounds(row: dict[str, Any], origin: str) -> Iterator[tuple[str, str | None]]:
    outputs = row.get("outputs")
    for number, item in enumerate(row["rounds"]):
        messages = harmony.parse(read_round(item, f"{origin}: round {number}", row).token_ids())
        code = harmony.python_call(messages)
        if code is None:
            continue
        output = item.get("output")
        if output is None and isinstance(outputs, list) and number < len(outputs):
            output = outputs[number]
        yield code, output if isinstance(output, str) else None


def _of_text(row: dict[str, Any], origin: str) -> Iterator[tuple[str, str | None]]:
    text = next((row[name] for name in ("text", "generation") if isinstance(row.get(name), str)), None)
    if text is None:
        raise InputError(f"{origin}: none of `rounds`, `text` and `generation`", hint=_HINT)
    if "<|" not in text:
        return
    messages = harmony.parse(harmony.encode(text))
    for at, message in enumerate(messages):
        code = harmony.python_call([message]) if message.role == "assistant" else None
        if code is not None:
            answer = messages[at + 1] if at + 1 < len(messages) else None
            yield code, answer.content if answer is not None and answer.role == "tool" else None


async def replay(
    box: Sandbox,
    samples: Iterable[list[Call]],
    limits: CodeExecution,
    *,
    at_once: int,
    shown: int,
    told: Callable[[Replay], None] = lambda _: None,
) -> Replay:
    """Run every sample's calls in a session of its own.

    Args:
        box: where they run.
        samples: the calls of each sample; read as needed.
        limits: time limit of a call, and how much of its output counts.
        at_once: samples that are replayed at a time.
        shown: differences to keep.
        told: called after every sample with the counts so far.
    """
    result = Replay()
    start = time.monotonic()
    found: list[tuple[int, list[Difference]]] = []
    waiting = enumerate(sample for sample in samples if sample)

    async def work() -> None:
        for place, calls in waiting:
            found.append((place, await _sample(box, calls, limits, result)))
            result.wall_s = time.monotonic() - start
            told(result)

    await asyncio.gather(*(work() for _ in range(at_once)))
    in_order = (
        difference for _, of_sample in sorted(found, key=lambda one: one[0]) for difference in of_sample
    )
    result.differences = list(in_order)[:shown]
    return result


async def _sample(box: Sandbox, calls: list[Call], limits: CodeExecution, result: Replay) -> list[Difference]:
    differences = []
    judge = Judge()
    with box.session() as session:
        for call in calls:
            outcome = await session.run_async(call.code, limits.code_execution_timeout)
            ours = shown_output(outcome, limits)
            kind = judge(call.code, call.output, ours) or "unrecorded"
            result.calls += 1
            result.kinds[kind] += 1
            result.statuses[outcome.status] += 1
            result.rolled_back += outcome.rolled_back
            result.cell_s += outcome.wall_s
            if kind not in {"equal", "unrecorded"}:
                recorded = call.output or ""
                differences.append(Difference(call.origin, kind, call.code, recorded, ours, outcome.status))
    result.samples += 1
    return differences


def read_samples(path: Path) -> Iterator[list[Call]]:
    """The calls of every row of a JSONL file, gzipped or not."""
    for origin, row in jsonl.values(path, _HINT):
        yield calls_of(row, origin)


def _clipped(text: str, lines: int = 12, columns: int = 160) -> list[str]:
    all_lines = text.splitlines() or [""]
    shown = [line if len(line) <= columns else f"{line[:columns]}..." for line in all_lines[:lines]]
    return shown if len(all_lines) <= lines else [*shown, f"... {len(all_lines) - lines} lines more"]
