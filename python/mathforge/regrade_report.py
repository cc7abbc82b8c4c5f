"""What grading files again found: verdicts, and where they differ from the labels and from another grader."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from ._native import Verdict

_EXAMPLES = 3


class GradedRow(NamedTuple):
    """One row and its verdict; `place` is `file:line`."""

    place: str
    gold: str
    answer: str | None
    verdict: Verdict


@dataclass
class Group:
    """Rows with the same old label, new verdict and reason.

    Attributes:
        rows: how many.
        examples: the first few.
    """

    rows: int = 0
    examples: list[GradedRow] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        examples = [{"place": row.place, "gold": row.gold, "answer": row.answer} for row in self.examples]
        return {"rows": self.rows, "examples": examples}


@dataclass
class Opinion:
    """Another grader's labels beside ours.

    Attributes:
        name: of the grader, with its version.
        agreeing: rows with the same label.
        groups: (their label, our verdict, our reason) of the others.
    """

    name: str
    agreeing: int = 0
    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)

    def add(self, theirs: str, row: GradedRow, rows: int = 1) -> None:
        """Count rows like this one that have a label of theirs: `correct`, `wrong`, or why there is none."""
        kind, reason = row.verdict.verdict, row.verdict.reason
        if theirs == ("correct" if kind == "equal" else "wrong"):
            self.agreeing += rows
            return
        group = self.groups.setdefault((theirs, kind, reason), Group())
        group.rows += rows
        if len(group.examples) < _EXAMPLES:
            group.examples.append(row)

    def lines(self) -> list[str]:
        """A table by reason, the largest groups first, with an example each."""
        total = self.agreeing + sum(group.rows for group in self.groups.values())
        if not total:
            return []
        lines = [f"beside {self.name}: {self.agreeing} of {total} rows agree"]
        if not self.groups:
            return lines
        table = [("theirs", "here", "reason", "rows", "example")]
        for (theirs, kind, reason), group in sorted(self.groups.items(), key=lambda item: -item[1].rows):
            first = group.examples[0]
            example = f"{_cut(first.gold)}  |  {_cut(first.answer)}  ({first.place})"
            table.append((theirs, kind, reason, str(group.rows), example))
        widths = [max(len(row[at]) for row in table) for at in range(4)]
        return lines + [
            "  "
            + "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip()
            for row in table
        ]

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        groups = [
            {"theirs": theirs, "verdict": kind, "reason": reason, **group.to_json()}
            for (theirs, kind, reason), group in self.groups.items()
        ]
        return {"grader": self.name, "agreeing": self.agreeing, "differing": groups}


@dataclass
class RegradeReport:
    """Counts of one command.

    Attributes:
        files, rows: read; blank lines are no rows.
        extracted: rows that got a `predicted_answer`.
        reextracted: rows whose `predicted_answer` changed.
        verdicts: rows by (verdict, reason).
        damaged: place and reason of lines that are no JSON objects.
        ungraded: place and reason of rows that lack what grading needs.
        labels: what was there before, beside what is now.
        other: another grader, if one was asked.
        pairs: the first row of each distinct (gold, answer), and how many there are.
    """

    files: int = 0
    rows: int = 0
    extracted: int = 0
    reextracted: int = 0
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    ungraded: list[str] = field(default_factory=list)
    labels: Opinion = field(default_factory=lambda: Opinion("the labels that were there"))
    other: Opinion | None = None
    pairs: dict[tuple[str, str], tuple[GradedRow, int]] = field(default_factory=dict)

    def add(self, row: GradedRow, label: object) -> None:
        """Count one graded row; `label` is the `symbolic_correct` it had."""
        self.verdicts[row.verdict.verdict, row.verdict.reason] += 1
        if label is not None:
            self.labels.add("correct" if label else "wrong", row)
        if row.answer is not None:
            first, rows = self.pairs.get((row.gold, row.answer), (row, 0))
            self.pairs[row.gold, row.answer] = first, rows + 1

    @property
    def is_complete(self) -> bool:
        """Whether every row was graded."""
        return not self.damaged and not self.ungraded

    def __str__(self) -> str:
        graded = sum(self.verdicts.values())
        lines = [f"{_count(self.files, 'file')}, {_count(self.rows, 'row')}, {graded} graded"]
        for count, what in (
            (self.extracted, "got a predicted_answer"),
            (self.reextracted, "had another predicted_answer"),
            (len(self.ungraded), "cannot be graded"),
            (len(self.damaged), "damaged"),
        ):
            if count:
                lines.append(f"  {count} {what}")
        for kind in ("equal", "different", "undecided"):
            reasons = Counter({reason: n for (name, reason), n in self.verdicts.items() if name == kind})
            if reasons:
                shown = ", ".join(f"{reason} {rows}" for reason, rows in reasons.most_common())
                lines.append(f"  {kind} {reasons.total()} ({reasons.total() / graded:.1%}): {shown}")
        for opinion in (self.labels, self.other):
            if opinion and (table := opinion.lines()):
                lines += ["", *table]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "files": self.files,
            "rows": self.rows,
            "extracted": self.extracted,
            "reextracted": self.reextracted,
            "verdicts": [
                {"verdict": kind, "reason": reason, "rows": rows}
                for (kind, reason), rows in self.verdicts.most_common()
            ],
            "damaged": self.damaged,
            "ungraded": self.ungraded,
            "labels": self.labels.to_json(),
            "other": self.other.to_json() if self.other else None,
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cut(text: str | None, width: int = 60) -> str:
    shown = "no answer" if text is None else " ".join(text.split())
    return shown if len(shown) <= width else shown[: width - 3] + "..."
