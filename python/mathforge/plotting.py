"""Pictures of a report: pass@k and majority@k with their bands, and the solve rates of the problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError, MathforgeError

if TYPE_CHECKING:
    from .report import Report

_KINDS = {"pass": ("pass@k", "C0"), "majority": ("majority@k", "C1"), "average": ("pass@1", "C2")}


def plot(report: Report, path: Path) -> None:
    """Draw one row per benchmark: curves over k on the left, solve rates of problems on the right.

    Args:
        report: what `aggregate` returned.
        path: `.svg`, `.png` or `.pdf`.

    Raises:
        MathforgeError: matplotlib is not installed.
        InputError: the file cannot be written, or its ending names no format.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MathforgeError(
            "drawing needs matplotlib", code="missing_package", hint="pip install 'mathforge[plot]'"
        ) from error
    shown = {name: curves for name, curves in report.curves.items() if curves["methods"]}
    figure = Figure(figsize=(10, 3.6 * max(1, len(shown))), layout="constrained")
    for row, (name, curves) in enumerate(shown.items()):
        method, values = next(iter(curves["methods"].items()))
        _draw_curves(figure.add_subplot(len(shown), 2, 2 * row + 1), name, method, values)
        _draw_rates(figure.add_subplot(len(shown), 2, 2 * row + 2), name, values)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot draw to {path}: {error}", hint="name an .svg, .png or .pdf file") from error


def _draw_curves(axes: Any, name: str, method: str, values: dict[str, Any]) -> None:
    ks = range(1, len(values["pass"]) + 1)
    for kind, (label, color) in _KINDS.items():
        axes.plot(
            ks, [100 * value for value in values[kind]], color=color, label=label, marker=".", markersize=4
        )
        if band := values.get(f"{kind}_intervals"):
            low, high = ([100 * pair[end] for pair in band] for end in (0, 1))
            axes.fill_between(values["interval_ks"], low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_title(f"{name}: {method}")
    axes.set_xlabel("samples k")
    axes.set_ylabel("%")
    axes.set_xscale("log", base=2)
    axes.set_xticks(values["interval_ks"], [str(k) for k in values["interval_ks"]])
    axes.set_ylim(0, 102)
    axes.grid(alpha=0.3)
    axes.legend(title="bands: 95% over problems", fontsize=8, title_fontsize=8)


def _draw_rates(axes: Any, name: str, values: dict[str, Any]) -> None:
    rates: list[float] = []
    for samples, correct, problems in sorted(values["outcomes"], key=lambda group: group[1] / group[0]):
        rates += [100 * correct / samples] * min(problems, 10_000)
    axes.bar(range(len(rates)), rates, width=1.0, color="C0", linewidth=0)
    axes.set_title(f"{name}: solve rate of each problem")
    axes.set_xlabel("problems, hardest first")
    axes.set_ylabel("%")
    axes.set_ylim(0, 102)
