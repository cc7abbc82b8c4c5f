"""Training rows of problems that a model solves sometimes: counts from mathforge, the rest is one lazy query.

    python examples/select_with_polars.py runs/with-python/eval-results/aime24 selected.parquet

Keeps right samples of problems with a solve rate above 0 and up to 0.75: at most 4 per problem, the shortest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from mathforge.comparing import problems_table

COLUMNS = {
    "id": pl.String,
    "generation": pl.String,
    "symbolic_correct": pl.Boolean,
    "num_generated_tokens": pl.Int64,
}


def select(run: Path, lowest: float = 0.0, highest: float = 0.75, per_problem: int = 4) -> pl.LazyFrame:
    """The chosen samples, not yet read.

    Args:
        run: a folder of `output-rs*.jsonl`.
        lowest, highest: solve rates of the problems to keep; the lowest itself is left out.
        per_problem: samples to keep of each.
    """
    rate = pl.col("num_symbolic_correct") / pl.col("num_samples")
    problems = (
        problems_table([run])
        .lazy()
        .select(id="problem", solve_rate=rate, majority_answer="majority_answer")
        .filter(pl.col("solve_rate") > lowest, pl.col("solve_rate") <= highest)
    )
    samples = pl.scan_ndjson(run / "output-rs*.jsonl", schema=COLUMNS).filter("symbolic_correct")
    shortest_first = samples.join(problems, on="id").sort("id", "num_generated_tokens", maintain_order=True)
    return shortest_first.group_by("id", maintain_order=True).head(per_problem)


if __name__ == "__main__":
    chosen = select(Path(sys.argv[1])).collect()
    chosen.write_parquet(sys.argv[2])
    print(f"{chosen.height} samples of {chosen['id'].n_unique()} problems in {sys.argv[2]}")
