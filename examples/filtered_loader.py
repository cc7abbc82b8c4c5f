"""A data loader that reads what a filter lets through, line by line, without PyTorch or a copy on disk.

    python examples/filtered_loader.py runs/with-python/eval-results/aime24

Problems are chosen by what `mathforge` counted; rows are read while the trainer asks for them, shuffled
through a small buffer, divided among ranks, and come in batches. Every pass has an order of its own, the same
on each run.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathforge.comparing import problems_table
from mathforge.jsonl import values

Row = dict[str, Any]


def solved_sometimes(run: Path, lowest: float, highest: float) -> frozenset[str]:
    """Ids of problems whose solve rate is within limits, both included."""
    table = problems_table([run])
    rates = zip(table["problem"], table["num_symbolic_correct"], table["num_samples"], strict=True)
    return frozenset(problem for problem, right, samples in rates if lowest <= right / samples <= highest)


@dataclass(frozen=True)
class Loader:
    """Batches of rows.

    Attributes:
        files: JSONL files.
        keep: which rows.
        batch: rows in a batch; the last one of a pass may have fewer.
        buffer: rows that wait to be drawn from, for the shuffle.
        rank, ranks: this loader's share is every `ranks`-th kept row.
    """

    files: list[Path]
    keep: Callable[[Row], bool]
    batch: int = 8
    buffer: int = 1000
    rank: int = 0
    ranks: int = 1

    def epoch(self, number: int) -> Iterator[list[Row]]:
        """One pass over the data."""
        batch: list[Row] = []
        for row in self._shuffled(random.Random(number)):
            batch.append(row)
            if len(batch) == self.batch:
                yield batch
                batch = []
        if batch:
            yield batch

    def _shuffled(self, draw: random.Random) -> Iterator[Row]:
        held: list[Row] = []
        for row in self._kept(draw):
            held.append(row)
            if len(held) > self.buffer:
                at = draw.randrange(len(held))
                held[at], held[-1] = held[-1], held[at]
                yield held.pop()
        draw.shuffle(held)
        yield from held

    def _kept(self, draw: random.Random) -> Iterator[Row]:
        kept = 0
        for path in draw.sample(self.files, len(self.files)):
            for _, row in values(path, hint="samples of an eval run"):
                if self.keep(row):
                    if kept % self.ranks == self.rank:
                        yield row
                    kept += 1


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    wanted = solved_sometimes(folder, 0.1, 0.9)
    loader = Loader(
        sorted(folder.glob("output-rs*.jsonl")),
        keep=lambda row: row["id"] in wanted and row["symbolic_correct"],
    )
    batches = list(loader.epoch(0))
    print(f"{sum(map(len, batches))} rows in {len(batches)} batches, of {len(wanted)} problems")
