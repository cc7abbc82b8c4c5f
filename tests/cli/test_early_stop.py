"""Early stop against the replay server: fewer samples, the same majority, and metrics that say so."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mathforge.aggregating import aggregate
from mathforge.cli.main import main
from mathforge.errors import InputError
from mathforge.evaluating import Request, Result, evaluate, outline
from mathforge.evaluating import run as run_request
from mathforge.synthesizing import generate
from mathforge.work import Model

SAMPLES = 8
FIRST = 5


def run(output: Path, *overrides: str, samples: int = SAMPLES) -> Result:
    return evaluate(
        f"demo:{samples}",
        output_dir=output,
        server_type="replay",
        replay="demo",
        overrides=["++max_concurrent_requests=16", *overrides],
    )


def rows(output: Path) -> dict[int, list[dict[str, Any]]]:
    folder = output / "eval-results" / "demo"
    return {
        seed: [json.loads(line) for line in (folder / f"output-rs{seed}.jsonl").read_text().splitlines()]
        for seed in range(SAMPLES)
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    modes: dict[str, Any] = run(tmp_path_factory.mktemp("whole")).to_json()["demo"]  # type: ignore[assignment]
    return modes


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    modes: dict[str, Any] = run(tmp_path_factory.mktemp("first"), samples=FIRST).to_json()["demo"]  # type: ignore[assignment]
    return modes


def scores(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in ("num_entries", "symbolic_correct", "no_answer")}


def check(output: Path, result: Result, whole: dict[str, Any], first: dict[str, Any]) -> int:
    """How many samples were not drawn."""
    metrics: dict[str, Any] = result.to_json()["demo"]  # type: ignore[assignment]
    assert scores(metrics[f"majority@{SAMPLES}"]) == scores(whole[f"majority@{SAMPLES}"])
    for mode, values in first.items():
        assert scores(metrics[mode]) == scores(values), mode
    assert metrics.keys() == first.keys() | {f"majority@{SAMPLES}"}
    undrawn = {
        (seed, row["id"])
        for seed, of_seed in rows(output).items()
        for row in of_seed
        if row["error"] == "not_drawn"
    }
    assert all(seed >= FIRST for seed, _ in undrawn)
    assert all(
        [row["id"] for row in of_seed] == [row["id"] for row in rows(output)[0]]
        for of_seed in rows(output).values()
    )
    assert not result.reports["demo"].problems()
    (note,) = result.reports["demo"].accounting
    assert f"left {len(undrawn)} of {24 * SAMPLES} samples undrawn" in note
    return len(undrawn)


def test_settled_problems_are_not_drawn_on(tmp_path: Path, whole: Any, first: Any) -> None:
    result = run(tmp_path, "++early_stop.majority=true")
    assert check(tmp_path, result, whole, first) > 5
    kept = {path.name for path in (tmp_path / "eval-results" / "demo").iterdir()}
    names = {f"output-rs{seed}.jsonl{end}" for seed in range(SAMPLES) for end in ("", ".done")}
    assert kept == names | {"metrics.json", "run.json", ".lock"}
    again = run(tmp_path, "++early_stop.majority=true")
    assert again.to_json() == result.to_json()
    judged: dict[str, Any] = {"generation_type": "math_judge", "output_dir": tmp_path / "judged"}
    with pytest.raises(InputError, match="undrawn"):
        generate(input_dir=tmp_path / "eval-results" / "demo", replay="demo", **judged)
    assert aggregate(tmp_path).to_json() == result.to_json()
    assert main(["aggregate", str(tmp_path), "--metrics-path", str(tmp_path / "again.json")]) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(json.dumps(result.to_json()))


def test_a_rerun_counts_the_votes_that_are_there(tmp_path: Path, whole: Any, first: Any) -> None:
    run(tmp_path, "++early_stop.majority=true")
    before = rows(tmp_path)
    folder = tmp_path / "eval-results" / "demo"
    for seed in range(SAMPLES):
        (folder / f"output-rs{seed}.jsonl").unlink()
        lines = [
            json.dumps({**row, "_async_position": position}) + "\n"
            for position, row in enumerate(before[seed])
            if (position + seed) % 3 and row["error"] != "not_drawn"
        ]
        (folder / f"output-rs{seed}.jsonl-async").write_text("".join(lines))
    result = run(tmp_path, "++early_stop.majority=true")
    assert check(tmp_path, result, whole, first) > 0


@pytest.mark.parametrize(("chunks", "shares"), [(2, 2), (3, 2), (None, 2)])
def test_shares_keep_the_seeds_of_a_problem_together(
    tmp_path: Path, whole: Any, first: Any, chunks: int | None, shares: int
) -> None:
    request = Request(
        f"demo:{SAMPLES}",
        tmp_path,
        Model(server_type="replay", replay=("demo",)),
        num_chunks=chunks,
        overrides=["++max_concurrent_requests=16", "++early_stop.majority=true"],
    )
    assert outline(request)[0] == (chunks or 1)
    results = [run_request(replace(request, share=(number, shares))) for number in range(shares)]
    assert check(tmp_path, results[-1], whole, first) > 5


def test_seeds_of_other_jobs_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "eval-results" / "demo"
    folder.mkdir(parents=True)
    (folder / "output-rs9.jsonl-async").touch()
    with pytest.raises(Exception, match="early stop needs all seeds"):
        run(tmp_path, "++early_stop.majority=true")
