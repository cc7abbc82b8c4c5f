"""The tables of a report as text and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LAYOUTS = ("nemo-skills", "openmath-nemotron")

Modes = Mapping[str, Mapping[str, Any]]
"""Metrics by evaluation mode."""

_ALL_SCORES = ("symbolic_correct", "judge_correct", "both_correct", "any_correct")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which modes and metrics a table shows, and in what order.

    Attributes:
        rows: given the number of samples, modes and what the table calls them.
        columns: metrics, where there are any.
        whole: what is put behind the name of a benchmark that has subsets.
    """

    rows: Callable[[int], list[tuple[str, str]]]
    columns: tuple[str, ...]
    whole: str = ""


def _todays_rows(k: int) -> list[tuple[str, str]]:
    kinds = ("majority", "rm_best", "rm_majority", "pass")
    names = [f"pass@1[avg-of-{k}]", *(f"{kind}@{k}" for kind in kinds)]
    return [(name, name) for name in names]


def _tutorial_rows(k: int) -> list[tuple[str, str]]:
    return [
        (f"majority@{k}", f"majority@{k}"),
        (f"pass@{k}", f"pass@{k}"),
        (f"pass@1[avg-of-{k}]", f"pass@1[{k}]"),
        (f"pass@1[{k}]", f"pass@1[{k}]"),
    ]


_BY_NAME = {
    "nemo-skills": _Layout(
        _todays_rows,
        ("num_entries", "avg_tokens", "gen_seconds", "judge_correct", "symbolic_correct", "no_answer"),
    ),
    "openmath-nemotron": _Layout(_tutorial_rows, ("num_entries", *_ALL_SCORES, "no_answer"), "-all"),
}


def text(metrics: Mapping[str, Modes], *, layout: str = "nemo-skills", spread: bool = False) -> str:
    """One table per name, each with two blank lines after it.

    Args:
        metrics: modes by benchmark and by `<benchmark>-<subset>`, a benchmark before its subsets.
        layout: one of `LAYOUTS`: NeMo-Skills' of today, or that of its OpenMath-Nemotron tutorial.
        spread: append the standard deviation across runs to the scores of pass@1[avg-of-K].
    """
    tables = []
    for name, modes in metrics.items():
        rows = _rows(modes, _BY_NAME[layout], spread=spread)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        has_subsets = any(other.startswith(f"{name}-") for other in metrics)
        shown = name + (_BY_NAME[layout].whole if has_subsets else "")
        title = f" {shown} ".center(len(lines[0]), "-")
        tables.append("\n".join(line.rstrip() for line in [title, *lines]) + "\n\n\n")
    return "".join(tables)


def markdown(metrics: Mapping[str, Modes]) -> str:
    """The same rows as Markdown tables."""
    return "\n".join(_markdown(name, modes) for name, modes in metrics.items())


def _markdown(name: str, modes: Modes) -> str:
    header, *rows = _rows(modes, _BY_NAME["nemo-skills"], spread=False)
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return f"### {name}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _rows(modes: Modes, layout: _Layout, *, spread: bool) -> list[list[str]]:
    """Header and rows."""
    last = max(int(mode.partition("@")[2]) for mode in modes if mode.startswith("pass@") and "[" not in mode)
    rows = [(mode, shown) for mode, shown in layout.rows(last) if mode in modes]
    rows += [(mode, mode) for mode in _stable(modes, last)]
    columns = [column for column in layout.columns if column in modes[rows[0][0]]]
    table = [["evaluation_mode", *columns]]
    for mode, shown in rows:
        cells = [_cell(modes[mode].get(column)) for column in columns]
        if spread:
            cells = [cell + _spread(modes[mode], column) for cell, column in zip(cells, columns, strict=True)]
        table.append([shown, *cells])
    return table


def _stable(modes: Modes, k: int) -> Iterator[str]:
    """Modes of `stability` at k."""
    for mode in modes:
        if mode in (f"pass^{k}", f"mg-pass@{k}") or mode.startswith((f"g-pass@{k}[", "cover@")):
            yield mode


def _spread(metrics: Mapping[str, Any], column: str) -> str:
    statistics = metrics.get(f"{column}_statistics")
    return f" \u00b1 {100 * statistics['std_dev_across_runs']:.2f}%" if statistics else ""


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}%" if isinstance(value, float) else str(value)
