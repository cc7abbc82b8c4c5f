"""The scripts in `examples/`, run as their docstrings say, on runs made up here."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import polars
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = 8


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Problem i of 9 is solved in i of 8 samples."""
    for seed in range(SAMPLES):
        rows = [
            {
                "id": f"p{problem}",
                "generation": f"thought {seed}",
                "predicted_answer": str(problem),
                "symbolic_correct": (seed + problem) % SAMPLES < problem,
                "num_generated_tokens": 100 + 7 * seed % 5,
            }
            for problem in range(9)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def example(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_select_with_polars(run: Path, tmp_path: Path) -> None:
    said = example("select_with_polars.py", run, tmp_path / "selected.parquet")
    frame = polars.read_parquet(tmp_path / "selected.parquet")
    # Rates 1/8 to 6/8; at most four samples of each.
    assert frame["id"].unique().sort().to_list() == [f"p{at}" for at in range(1, 7)]
    counts = frame.group_by("id").len().sort("id")["len"].to_list()
    assert counts == [min(at, 4) for at in range(1, 7)]
    assert frame["symbolic_correct"].all()
    for (_,), group in frame.group_by("id"):
        assert group["num_generated_tokens"].is_sorted()
    assert said.startswith(f"{frame.height} samples of 6 problems")


def test_filtered_loader(run: Path) -> None:
    assert example("filtered_loader.py", run) == "28 rows in 4 batches, of 7 problems\n"
    module = loaded("filtered_loader")
    wanted = module.solved_sometimes(run, 0.1, 0.9)
    files = sorted(run.glob("output-rs*.jsonl"))

    def keys(rank: int, ranks: int, number: int, buffer: int) -> list[tuple[str, str]]:
        loader = module.Loader(files, lambda row: row["id"] in wanted, 5, buffer, rank, ranks)
        batches = list(loader.epoch(number))
        assert all(len(batch) == 5 for batch in batches[:-1])
        return [(row["id"], row["generation"]) for batch in batches for row in batch]

    everything = sorted(
        (f"p{problem}", f"thought {seed}") for problem in range(1, 8) for seed in range(SAMPLES)
    )
    assert sorted(keys(0, 1, 0, 10)) == everything
    assert keys(0, 1, 0, 10) == keys(0, 1, 0, 10) != keys(0, 1, 1, 10)
    shares = [key for rank in range(3) for key in keys(rank, 3, 2, random.Random(3).randrange(1, 9))]
    assert sorted(shares) == everything


def test_nothing_is_read_before_it_is_asked_for(run: Path) -> None:
    module = loaded("filtered_loader")
    seen = []
    loader = module.Loader(
        sorted(run.glob("output-rs*.jsonl")), lambda row: bool(seen.append(row)) or True, 1, 4
    )
    next(loader.epoch(0))
    assert len(seen) == 5
