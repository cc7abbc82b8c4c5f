"""The common job of `benches/aggregate.py` by other tools: `python table_tools.py TOOL FILE...`.

Read id, predicted_answer and symbolic_correct of every row; per problem the mean score, pass@k for
k = 1, 2, 4, ..., and the label of the most voted answer string; the share of rows without an answer.
Prints the numbers as JSON.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

Figures = dict[str, float]
KS = (1, 2, 4, 8, 16)


def passed(n: int, c: int, k: int) -> float:
    """pass@k (Chen et al. 2021)."""
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def of_groups(groups: dict[str, list[tuple[str | None, bool]]]) -> Figures:
    """The figures from each problem's (answer, label) pairs in file order."""
    rows = sum(map(len, groups.values()))
    votes = 0
    outcomes: Counter[tuple[int, int]] = Counter()
    for pairs in groups.values():
        counts = Counter(answer for answer, _ in pairs if answer is not None)
        if counts:
            best = counts.most_common(1)[0][0]
            votes += next(label for answer, label in pairs if answer == best)
        outcomes[len(pairs), sum(label for _, label in pairs)] += 1
    silent = sum(answer is None for pairs in groups.values() for answer, _ in pairs)
    return figures(rows, votes, silent, outcomes)


def figures(rows: int, votes: int, silent: int, outcomes: dict[tuple[int, int], int]) -> Figures:
    """Means from counts of problems by samples and right samples."""
    problems = sum(outcomes.values())
    found = {"rows": rows, "majority": votes / problems, "no_answer": silent / rows}
    found["average"] = sum(c / n * count for (n, c), count in outcomes.items()) / problems
    for k in KS:
        found[f"pass@{k}"] = sum(passed(n, c, k) * count for (n, c), count in outcomes.items()) / problems
    return found


def by_dicts(loads: Callable[[bytes], Any]) -> Callable[[list[str]], Figures]:
    """Line by line into dicts of lists."""

    def run(files: list[str]) -> Figures:
        groups: dict[str, list[tuple[str | None, bool]]] = {}
        for path in files:
            with open(path, "rb") as lines:  # noqa: PTH123
                for line in lines:
                    row = loads(line)
                    pair = (row["predicted_answer"], row["symbolic_correct"])
                    groups.setdefault(row["id"], []).append(pair)
        return of_groups(groups)

    return run


def with_orjson(files: list[str]) -> Figures:
    """Parse with orjson, group in dicts."""
    import orjson

    return by_dicts(orjson.loads)(files)


def with_json(files: list[str]) -> Figures:
    """Parse with the standard library, group in dicts."""
    return by_dicts(json.loads)(files)


def with_polars(files: list[str]) -> Figures:
    """Lazily, three columns, the streaming engine."""
    import polars as pl

    schema = {"id": pl.String, "predicted_answer": pl.String, "symbolic_correct": pl.Boolean}
    frame = pl.scan_ndjson(files, schema=schema)
    per_answer = frame.group_by("id", "predicted_answer").agg(
        pl.len(), pl.col("symbolic_correct").sum().alias("c")
    )
    votes = pl.col("len").filter(pl.col("predicted_answer").is_not_null())
    right = (pl.col("c") / pl.col("len")).filter(pl.col("predicted_answer").is_not_null())
    per_problem = per_answer.group_by("id").agg(
        pl.col("len").sum().alias("n"),
        pl.col("c").sum(),
        pl.col("len").filter(pl.col("predicted_answer").is_null()).sum().alias("silent"),
        (right.get(votes.arg_max(), null_on_oob=True) > 0).fill_null(value=False).alias("vote"),
    )
    bins = per_problem.group_by("n", "c").agg(pl.len(), pl.col("silent").sum(), pl.col("vote").sum())
    rows = bins.collect(engine="streaming").rows()
    return figures(
        sum(n * count for n, _, count, _, _ in rows),
        sum(row[4] for row in rows),
        sum(row[3] for row in rows),
        {(n, c): count for n, c, count, _, _ in rows},
    )


def with_duckdb(files: list[str]) -> Figures:
    """One query."""
    import duckdb

    rows = duckdb.execute(
        """
        WITH answers AS (
            SELECT id, predicted_answer AS answer, count(*) AS len, sum(symbolic_correct::INT) AS c
            FROM read_json(?, format = 'newline_delimited', maximum_object_size = 100000000,
                columns = {id: 'VARCHAR', predicted_answer: 'VARCHAR', symbolic_correct: 'BOOLEAN'})
            GROUP BY ALL
        ), problems AS (
            SELECT id, sum(len) AS n, sum(c) AS c, coalesce(sum(len) FILTER (answer IS NULL), 0) AS silent,
                coalesce(arg_max(c > 0, len) FILTER (answer IS NOT NULL), false) AS vote
            FROM answers GROUP BY id
        ) SELECT n, c, count(*), sum(silent), sum(vote::INT) FROM problems GROUP BY n, c
        """,
        [files],
    ).fetchall()
    return figures(
        sum(int(n) * count for n, _, count, _, _ in rows),
        sum(int(row[4]) for row in rows),
        sum(int(row[3]) for row in rows),
        {(int(n), int(c)): count for n, c, count, _, _ in rows},
    )


def with_pandas(files: list[str]) -> Figures:
    """A frame of all rows."""
    import pandas

    frame = pandas.concat([pandas.read_json(path, lines=True, dtype=False) for path in files])
    answers = frame.groupby(["id", "predicted_answer"], sort=False)["symbolic_correct"].agg(["size", "sum"])
    best = answers.sort_values("size", ascending=False, kind="stable").groupby("id").head(1)
    problems = frame.groupby("id")["symbolic_correct"].agg(["size", "sum"])
    outcomes = Counter(zip(problems["size"].tolist(), problems["sum"].tolist(), strict=True))
    silent = int(frame["predicted_answer"].isna().sum())
    return figures(len(frame), int((best["sum"] > 0).sum()), silent, outcomes)


def like_nemo_skills(files: list[str]) -> Figures:
    """Everything NeMo-Skills' tables hold, in its order of work: for every problem every k afresh, O(N K^2).

    For each k of a problem: votes of the first k samples over pairs of answer and label, the mean of the
    first k, pass@k, and the statistics over runs with numpy.
    """
    import numpy

    size = len(files)
    sums: dict[str, float] = {}
    runs: list[list[list[float]]] = [[] for _ in range(size + 1)]
    spreads: list[list[float]] = [[] for _ in range(size + 1)]
    problems = silent = 0

    def add(name: str, value: float) -> None:
        sums[name] = sums.get(name, 0.0) + value

    for lines in zip_longest(*(opened(path) for path in files)):
        rows = [json.loads(line) for line in lines]
        answers = [row["predicted_answer"] for row in rows]
        scores = [float(row["symbolic_correct"]) for row in rows]
        problems += 1
        silent += answers.count(None)
        for k in range(1, size + 1):
            pairs = [pair for pair in zip(answers[:k], scores[:k], strict=True) if pair[0] is not None]
            if pairs:
                counts = Counter(pairs)
                most = counts.most_common(1)[0][1]
                tied = [score for (_, score), count in counts.items() if count == most]
                add(f"majority@{k}", sum(tied) / len(tied))
            add(f"pass@{k}", passed(size, int(sum(scores)), k))
            add(f"average@{k}", sum(scores[:k]) / k)
            add(f"no_answer@{k}", float(all(answer is None for answer in answers[:k])))
            runs[k].append(scores[:k])
            if k > 1:
                spreads[k].append(float(numpy.std(scores[:k], ddof=1)))
                numpy.mean(scores[:k])
    for k in range(2, size + 1):
        means = numpy.mean(numpy.array(runs[k]), axis=0)
        add(f"std@{k}", float(numpy.std(means, ddof=1)))
        add(f"sample_std@{k}", float(numpy.mean(spreads[k])))
    found = {f"pass@{k}": sums[f"pass@{k}"] / problems for k in KS if k <= size}
    found |= {"rows": problems * size, "majority": sums[f"majority@{size}"] / problems}
    return found | {"average": sums[f"average@{size}"] / problems, "no_answer": silent / (problems * size)}


def opened(path: str) -> Iterator[str]:
    """The lines of a file."""
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123
        yield from lines


TOOLS: dict[str, Callable[[list[str]], Figures]] = {
    "json": with_json,
    "orjson": with_orjson,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "pandas": with_pandas,
    "nemo_skills": like_nemo_skills,
}

if __name__ == "__main__":
    print(json.dumps(TOOLS[sys.argv[1]](sys.argv[2:])))
