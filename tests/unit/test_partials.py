"""Aggregation in shares: any plan gives the report of one process; no wrong set of partials passes."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mathforge import sharding
from mathforge.aggregating import Settings, aggregate
from mathforge.counting import BUCKETS
from mathforge.errors import InputError
from mathforge.merging import count_buckets, merge_counts, merge_partials
from mathforge.partials import scan_partial
from mathforge.sharding import Shard, Source, plan

SEEDS = 12


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two benchmarks: one with ids, subsets, damage and conflicts, one whose rows only lines can match."""
    draw = random.Random(5)
    for seed in range(SEEDS):
        named = [one_row(draw, problem, seed) for problem in range(30)]
        draw.shuffle(named)
        named.insert(seed, b'{"id": "cut')
        lines(tmp_path / "run" / "named" / f"output-rs{seed}.jsonl", named)
        unnamed = [
            {"predicted_answer": draw.choice("12"), "symbolic_correct": draw.random() < 0.5}
            for _ in range(25)
        ]
        lines(tmp_path / "run" / "unnamed" / f"output-rs{seed}.jsonl", [*unnamed[:9], b"", *unnamed[9:]])
    packed = tmp_path / "run" / "named" / "output-rs3.jsonl"
    packed.with_suffix(".jsonl.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    (tmp_path / "run" / "unnamed" / "output-rs77.jsonl-async").write_bytes(b"")
    return tmp_path / "run"


def one_row(draw: random.Random, problem: int, seed: int) -> dict:
    return {
        "id": f"p{problem}",
        "predicted_answer": draw.choice(["1", "01", r"\frac{1}{2}", "0.5", None, "x + 1"]),
        "expected_answer": "1/2" if problem or seed % 5 else "1",
        "subset_for_metrics": "ab"[problem % 2],
        "num_generated_tokens": draw.randrange(100),
        "generation_start_time": draw.random(),
        "generation_end_time": 5 + draw.random(),
        "reward_model_score": draw.random(),
        **({"symbolic_correct": draw.random() < 0.5} if problem % 3 else {}),
    }


def lines(path: Path, rows: list[dict | bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in rows]
    path.write_bytes(b"".join(line + b"\n" for line in packed))


@pytest.mark.parametrize("piece_bytes", [1_500, 1 << 24])
@pytest.mark.parametrize("lexical", [False, True])
def test_any_plan_gives_the_report_of_one_process(
    piece_bytes: int, lexical: bool, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "_LEAST_PIECE_BYTES", piece_bytes)
    settings = Settings(lexical=lexical, nemo_skills=lexical)
    expected = aggregate(run, settings=settings)
    assert expected.damage
    assert any("different expected answers" in note for note in expected.notes)
    assert any("unfinished" in note for note in expected.notes)
    shards = plan(run, 1000 if piece_bytes < 1 << 20 else 1, lexical=lexical)
    assert len(shards) == 2 or len(shards) > 10
    partials = []
    for number, shard in enumerate(shards):
        carried = Shard.from_json(json.loads(json.dumps(shard.to_json())))
        partials.append(scan_partial(carried, tmp_path / "partials" / f"{number}.arrow", settings))
    random.Random(1).shuffle(partials)
    assert merge_partials(partials, settings) == expected
    counts = [
        count_buckets(partials, range(task, BUCKETS, 3), tmp_path / f"{task}.json", settings)
        for task in (2, 0, 1)
    ]
    assert merge_counts(counts, settings) == expected


def test_a_task_run_again_does_nothing_and_a_changed_file_is_read_again(run: Path, tmp_path: Path) -> None:
    (shard, _) = plan(run, 1)
    out = scan_partial(shard, tmp_path / "a.arrow")
    made = out.stat()
    assert scan_partial(shard, out).stat().st_ino == made.st_ino
    counts = count_buckets([out], range(BUCKETS), tmp_path / "a.json")
    counted = counts.stat().st_ino
    assert count_buckets([out], range(BUCKETS), counts).stat().st_ino == counted
    changed = Path(shard.sources[0].path)
    changed.write_bytes(changed.read_bytes().replace(b'"p7"', b'"p8"'))
    assert scan_partial(shard, out).stat().st_ino != made.st_ino
    assert count_buckets([out], range(BUCKETS), counts).stat().st_ino != counted
    assert merge_partials([out]) == aggregate(run / "named")
    assert merge_counts([counts]) == aggregate(run / "named")
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_partials_without_a_plan(run: Path, tmp_path: Path) -> None:
    files = sorted((run / "named").glob("*.jsonl*"), reverse=True)
    halves = [
        scan_partial(files[:5], tmp_path / "1.arrow", benchmark="named"),
        scan_partial([*files[5:]], tmp_path / "2.arrow"),
    ]
    assert merge_partials(halves) == aggregate(run / "named")
    with pytest.raises(InputError, match="one benchmark, these are 2: named, unnamed"):
        scan_partial(run, tmp_path / "3.arrow")


def test_no_wrong_set_passes_for_whole(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "_LEAST_PIECE_BYTES", 2_000)
    shards = [shard for shard in plan(run / "named", 100) if shard.benchmark == "named"]
    partials = [scan_partial(shard, tmp_path / f"{at}.arrow") for at, shard in enumerate(shards)]
    expected = aggregate(run / "named")
    assert merge_partials([*partials, partials[0]]) == expected
    for missing in (0, 1, len(partials) - 1):
        lacking = partials[:missing] + partials[missing + 1 :]
        path = shards[missing].sources[0].path
        if any(
            path == source.path for at, one in enumerate(shards) if at != missing for source in one.sources
        ):
            with pytest.raises(InputError, match=r"no partial has bytes \d+ to \d+ of"):
                merge_partials(lacking)
    double = scan_partial(shards[1], tmp_path / "double.arrow")
    with pytest.raises(InputError, match="another partial has too"):
        merge_partials([*partials, double])
    with pytest.raises(InputError, match="made with other options"):
        merge_partials(partials, Settings(id_key="problem"))
    with pytest.raises(InputError, match="no partials"):
        merge_partials([])
    damaged = bytearray(partials[2].read_bytes())
    damaged[len(damaged) // 3] ^= 4
    partials[2].write_bytes(damaged)
    with pytest.raises(InputError, match=r"2\.arrow.*damaged"):
        merge_partials(partials)
    assert merge_partials([scan_partial(shards[2], partials[2]), *partials[:2], *partials[3:]]) is not None


def test_wrong_counts_are_told(run: Path, tmp_path: Path) -> None:
    (shard, other) = plan(run, 1)
    partials = [scan_partial(shard, tmp_path / "0.arrow"), scan_partial(other, tmp_path / "1.arrow")]
    halves = [count_buckets(partials, range(at, BUCKETS, 2), tmp_path / f"{at}.json") for at in (0, 1)]
    with pytest.raises(InputError, match=r"buckets missing: \[1, 3"):
        merge_counts(halves[:1])
    whole = count_buckets(partials, range(BUCKETS), tmp_path / "whole.json")
    with pytest.raises(InputError, match=r"counted twice: \[0, 1"):
        merge_counts([*halves, whole])
    of_one = count_buckets(partials[:1], range(1, BUCKETS, 2), tmp_path / "one.json")
    with pytest.raises(InputError, match="not counts of the same partials"):
        merge_counts([halves[0], of_one])
    text = halves[0].read_text()
    halves[0].write_text(text.replace('"rows": ', '"rows": 1', 1))
    with pytest.raises(InputError, match="damaged"):
        merge_counts(halves)
    with pytest.raises(InputError, match="not a file of counts"):
        merge_counts(partials)


def test_bytes_that_were_planned_and_are_gone(run: Path, tmp_path: Path) -> None:
    path = run / "named" / "output-rs0.jsonl"
    shard = Shard("named", 0, (Source(str(path), 0, path.stat().st_size + 1),))
    with pytest.raises(InputError, match="were planned"):
        scan_partial(shard, tmp_path / "a.arrow")
    with pytest.raises(InputError, match="cannot read"):
        scan_partial(Shard("named", 0, (Source("nowhere", 0, 1),)), tmp_path / "a.arrow")


def test_tasks_that_race_write_one_whole_file(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.arrow"
    code = f"from mathforge.partials import scan_partial; scan_partial({str(run / 'named')!r}, {str(out)!r})"
    tasks = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [task.wait(timeout=60) for task in tasks] == [0, 0, 0]
    assert merge_partials([out]) == aggregate(run / "named")
