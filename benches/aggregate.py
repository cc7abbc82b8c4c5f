"""Aggregation: CPU and memory of whole processes beside `cat` (the floor) and the tools people use.

Every tool reads the same files and computes the common job of `rivals/table_tools.py`; `mathforge aggregate`
prints all of its tables. One thread each where a tool can be told so. Runs of all tools alternate, so that a
busy machine is busy for all of them; figures are medians. MATHFORGE_BENCH_ROWS=100000000 draws the curve
up to that many rows (10 GB of files, removed afterwards; default 10 million).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import samples
from .measure import Row
from .rivals.environments import HERE, interpreter

ROWS = int(os.environ.get("MATHFORGE_BENCH_ROWS", "10000000"))
REPEATS = 3
LAUNCHER = Path(__file__).with_name("launch.py")
OURS = "mathforge"
# NeMo-Skills' way takes minutes for a million rows: it gets one run of the small set.
SERIES = {
    "light1m": ("cat", OURS, "polars", "duckdb", "orjson", "pandas"),
    "light200k": ("cat", OURS, "nemo_skills"),
    "large": ("cat", OURS, "polars", "duckdb", "orjson"),
}
WHAT = {"light1m": "1 M rows of 100 B", "light200k": "200 k rows of 100 B", "large": "50 k rows of 20 kB"}
TOLERANCE = 0.02
"""Tools break ties of votes in their own ways, and only ours joins equal answers."""


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        cpu_s: user and system seconds of it and its children.
        wall_s: seconds.
        peak_mib: largest resident memory; at least that of the launcher, 9 MiB.
        out: what it printed.
    """

    cpu_s: float
    wall_s: float
    peak_mib: float
    out: str


def measured(command: list[str]) -> Run:
    """Run a command to its end."""
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # An installed package is compiled.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        result, out = Path(folder, "result"), Path(folder, "out")
        # The floor is reading: what `cat` read is not written anywhere.
        with Path(os.devnull if command[0] == "cat" else out).open("wb") as stdout:
            launcher = [sys.executable, "-IS", str(LAUNCHER), str(result), *command]
            subprocess.run(launcher, stdout=stdout, stderr=subprocess.DEVNULL, env=environment, check=True)
        facts = json.loads(result.read_text())
        if facts.pop("status"):
            raise RuntimeError(f"{shlex.join(command)[:200]} failed")
        return Run(**facts, out=out.read_text("utf-8") if out.exists() else "")


def ours(files: list[Path], *, threads: int = 1) -> list[str]:
    """Our command line."""
    flags = ["--json", "--no-index", "--threads", str(threads)]
    return [sys.executable, "-m", "mathforge", "aggregate", *map(str, files), *flags]


def command(tool: str, files: list[Path], python: Path) -> list[str]:
    """The command line of a tool."""
    if tool == "cat":
        return ["cat", *map(str, files)]
    if tool == OURS:
        return ours(files)
    return [str(python), str(HERE / "table_tools.py"), tool, *map(str, files)]


def check(tool: str, run: Run, expected: dict[str, float]) -> None:
    """Nobody is fast by being wrong."""
    found = json.loads(run.out)
    for name, value in expected.items():
        if name in found and abs(found[name] - value) > TOLERANCE:
            raise RuntimeError(f"{tool}: {name} is {found[name]}, not {value}")


def figures(run: Run) -> dict[str, float]:
    """Ours, by the names of the common job."""
    (modes,) = json.loads(run.out).values()
    mean, majority = modes["pass@1[avg-of-16]"], modes["majority@16"]["symbolic_correct"]
    found = {f"pass@{k}": modes[f"pass@{k}"]["symbolic_correct"] for k in (1, 2, 4, 8, 16)}
    found |= {"average": mean["symbolic_correct"], "no_answer": mean["no_answer"], "majority": majority}
    return {name: value / 100 for name, value in found.items()}


def series(folder: Path, name: str, python: Path) -> list[Row]:
    """All tools on one set, in turns."""
    files = sorted(samples.write(folder, name).glob("*.jsonl"))
    runs: dict[str, list[Run]] = {tool: [] for tool in SERIES[name]}
    for _ in range(REPEATS):
        for tool, done in runs.items():
            done.append(measured(command(tool, files, python)))
    expected = figures(runs[OURS][0])
    floor = statistics.median(run.cpu_s for run in runs["cat"])
    own = statistics.median(run.cpu_s for run in runs[OURS])
    rows = [Row(WHAT[name], text(runs[OURS]), f"cat {floor:.3f} s", f"{own / floor:.1f}x of cat")]
    for tool in SERIES[name][2:]:
        check(tool, runs[tool][0], expected)
        theirs = statistics.median(run.cpu_s for run in runs[tool])
        rows.append(Row("", "", f"{tool} {text(runs[tool])}", f"{theirs / own:.1f}x"))
    return rows


def text(runs: list[Run]) -> str:
    """Medians for people."""
    cpu = statistics.median(run.cpu_s for run in runs)
    return f"{cpu:.3f} s, {statistics.median(run.peak_mib for run in runs):,.0f} MiB"


def copies(folder: Path, million: int) -> list[Path]:
    """The light million so many times over, with other problems each time."""
    target = folder / "curve"
    target.mkdir(exist_ok=True)
    made = []
    for source in sorted((folder / "light1m").glob("*.jsonl")):
        path = target / source.name
        lines = source.read_bytes()
        with path.open("wb") as out:
            for at in range(million):
                out.write(lines.replace(b'"id": "p', b'"id": "%dp' % at))
        made.append(path)
    return made


def curve(folder: Path) -> list[Row]:
    """CPU per row and memory from a million rows to `ROWS`."""
    rows = []
    million = 1
    start = statistics.median(run.cpu_s for run in starts(folder))
    while million * 1_000_000 <= ROWS:
        files = copies(folder, million)
        run = measured(ours(files))
        cat = measured(["cat", *map(str, files)])
        each = (run.cpu_s - start) / million
        rows.append(
            Row(
                f"{million} M rows of 100 B",
                f"{each * 1000:.0f} ns a row, {1 / each:.2f} M rows/s, peak {run.peak_mib:,.0f} MiB",
                f"cat {cat.cpu_s:.2f} s",
                f"{run.cpu_s / cat.cpu_s:.1f}x of cat",
            )
        )
        million *= 10
    return rows


def starts(folder: Path) -> list[Run]:
    """Everything but reading: a file of one row."""
    path = folder / "one.jsonl"
    path.write_text("".join(samples.rows(1, 0, 0)))
    return [measured(ours([path])) for _ in range(2 * REPEATS)]


def start_up(folder: Path) -> Row:
    """What is in every other figure."""
    bare = [measured([sys.executable, "-c", "pass"]).cpu_s for _ in range(2 * REPEATS)]
    return Row("start-up: 1 row", text(starts(folder)), f"python -c pass {statistics.median(bare):.3f} s")


def two_threads(what: str, files: list[Path]) -> Row:
    """Wall time of one thread over that of two, in turns."""
    ratios = [measured(ours(files)).wall_s / measured(ours(files, threads=2)).wall_s for _ in range(REPEATS)]
    return Row(f"{what}, two threads", f"{statistics.median(ratios):.2f}x of one thread (wall)")


def rows() -> list[Row]:
    """Start-up, all series, two threads, the curve."""
    python = interpreter("tables")
    folder = Path(tempfile.mkdtemp(prefix="mathforge-bench-"))
    try:
        made = [row for name in SERIES for row in series(folder, name, python)]
        threads = [
            two_threads("4 M rows of 100 B", copies(folder, 4)),
            two_threads(WHAT["large"], sorted((folder / "large").glob("*.jsonl"))),
        ]
        return [start_up(folder), *made, *threads, *curve(folder)]
    finally:
        shutil.rmtree(folder)
