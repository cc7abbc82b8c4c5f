"""The metrics of a run: as a table, as the `metrics.json` of NeMo-Skills, as a data frame."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import MathforgeError

if TYPE_CHECKING:
    import polars

Metrics = dict[str, Any]
"""Of one evaluation mode: counts as integers, scores in percent, `*_statistics` as dicts."""

_COLUMNS = ("num_entries", "avg_tokens", "gen_seconds", "judge_correct", "symbolic_correct", "no_answer")
_SCORES = ("symbolic_correct", "judge_correct", "both_correct", "any_correct")


@dataclass
class Report:
    """Metrics by name, then by evaluation mode.

    Attributes:
        metrics: `{"<benchmark>" or "<benchmark>-<subset>": {"<mode>": {...}}}`, the whole benchmark before
            its subsets.
        notes: one sentence for everything that was left out.
    """

    metrics: dict[str, dict[str, Metrics]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def merged(cls, reports: Iterable[Report]) -> Report:
        """All tables of several reports, in order."""
        merged = cls()
        for report in reports:
            merged.metrics.update(report.metrics)
            merged.notes.extend(report.notes)
        return merged

    def table(self) -> str:
        """One text table per name, each with two blank lines after it. Modes: pass@1[avg-of-K], majority@K,
        pass@K."""
        return "".join(_table(name, modes) for name, modes in self.metrics.items())

    def to_json(self) -> dict[str, dict[str, Metrics]]:
        """The content of `metrics.json` as NeMo-Skills shapes it, every k included; scores in percent."""
        return self.metrics

    def write_json(self, path: Path) -> None:
        """Write `metrics.json`, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}-tmp")
        partial.write_text(json.dumps(self.to_json(), indent=4) + "\n", encoding="utf-8")
        partial.replace(path)

    def to_polars(self) -> polars.DataFrame:
        """One row per name and mode; statistics as `<name>_statistics.<statistic>` columns."""
        import polars

        rows = []
        for name, modes in self.metrics.items():
            for mode, metrics in modes.items():
                row: dict[str, Any] = {"benchmark": name, "evaluation_mode": mode}
                for key, value in metrics.items():
                    parts = (
                        {f"{key}.{part}": inner for part, inner in value.items()}
                        if isinstance(value, dict)
                        else {key: value}
                    )
                    row.update(parts)
                rows.append(row)
        return polars.DataFrame(rows, infer_schema_length=None)

    def check(self) -> None:
        """Hold the laws that any set of samples obeys.

        Raises:
            MathforgeError: pass@k falls with k, or both_correct and any_correct do not enclose the single
                scores.
        """
        for name, modes in self.metrics.items():
            for score in _SCORES:
                values = [
                    m[score]
                    for mode, m in modes.items()
                    if mode.startswith("pass@") and "[" not in mode and score in m
                ]
                if any(later < earlier - 1e-9 for earlier, later in pairwise(values)):
                    raise MathforgeError(
                        f"{score} of pass@k falls with k in {name}", code="inconsistent_metrics"
                    )
            for mode, m in modes.items():
                if "both_correct" in m and "[" in mode:
                    singles = m["symbolic_correct"], m["judge_correct"]
                    if m["both_correct"] > min(singles) + 1e-9 or m["any_correct"] < max(singles) - 1e-9:
                        raise MathforgeError(
                            f"both and any do not enclose the scores in {name} {mode}",
                            code="inconsistent_metrics",
                        )


def _table(name: str, modes: dict[str, Metrics]) -> str:
    last = max(int(mode.partition("@")[2]) for mode in modes if "[" not in mode)
    shown = [mode for mode in (f"pass@1[avg-of-{last}]", f"majority@{last}", f"pass@{last}") if mode in modes]
    columns = [column for column in _COLUMNS if column in modes[shown[0]]]
    rows = [["evaluation_mode", *columns]]
    rows += [[mode, *(_cell(modes[mode][column]) for column in columns)] for mode in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f" {name} ".center(len(lines[0]), "-")
    return "\n".join(line.rstrip() for line in [title, *lines]) + "\n\n\n"


def _cell(value: float) -> str:
    return f"{value:.2f}%" if isinstance(value, float) else str(value)
