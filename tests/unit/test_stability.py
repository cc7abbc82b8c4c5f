"""pass^k, G-Pass@k, mG-Pass@k and Cover@tau of a run, against every subset of its samples."""

import itertools
import json
import random
from pathlib import Path

import pytest

from mathforge.aggregating import Settings, aggregate
from mathforge.errors import InputError
from mathforge.stability import cover_at_tau, read_taus

SAMPLES = 6


@pytest.fixture
def labels(tmp_path: Path) -> list[list[bool]]:
    """For each problem its samples, written as one file per seed."""
    draw = random.Random(2)
    made = [[draw.random() < 0.1 * problem for _ in range(SAMPLES)] for problem in range(12)]
    for seed in range(SAMPLES):
        rows = [
            {"id": at, "predicted_answer": "1", "symbolic_correct": one[seed]} for at, one in enumerate(made)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return made


def share(labels: list[list[bool]], k: int, needed: float) -> float:
    """Percent of subsets of k samples with at least `needed` right ones, averaged over problems."""
    subsets = [list(itertools.combinations(one, k)) for one in labels]
    return 100 * sum(sum(sum(s) >= needed for s in one) / len(one) for one in subsets) / len(labels)


def test_equal_enumeration(labels: list[list[bool]], tmp_path: Path) -> None:
    taus = (0.25, 0.5, 0.7, 1.0)
    report = aggregate(tmp_path, benchmark="x", settings=Settings(taus=taus))
    modes = {name: mode["symbolic_correct"] for name, mode in report.to_json()["x"].items()}
    for k in range(1, SAMPLES + 1):
        assert modes[f"pass^{k}"] == pytest.approx(share(labels, k, k))
        for tau in taus:
            assert modes[f"g-pass@{k}[{tau:g}]"] == pytest.approx(share(labels, k, tau * k - 1e-9))
        if k > 1:
            steps = range(-(-k // 2) + 1, k + 1)
            assert modes[f"mg-pass@{k}"] == pytest.approx(2 / k * sum(share(labels, k, i) for i in steps))
    for tau in taus:
        covered = sum(sum(one) / SAMPLES >= tau - 1e-12 for one in labels) / len(labels)
        assert modes[f"cover@{tau:g}"] == pytest.approx(100 * covered)
    plain = aggregate(tmp_path, benchmark="x").to_json()["x"]
    assert set(plain) < set(modes)
    table = report.table()
    for mode in ("pass^6", "g-pass@6[0.7]", "mg-pass@6", "cover@1"):
        assert f"\n{mode} " in table


def test_shares_are_decimal() -> None:
    assert [cover_at_tau(10, c, 0.7) for c in (6, 7)] == [0, 1]
    assert [cover_at_tau(3, c, 0.3333) for c in (0, 1)] == [0, 1]
    assert read_taus("0.5,1") == (0.5, 1.0)
    for text in ("", "0", "1.5", "a", "0.5,,1", "nan"):
        with pytest.raises(InputError, match="not a list of shares"):
            read_taus(text)
