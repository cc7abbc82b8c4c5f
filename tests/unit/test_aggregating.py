"""Aggregation: the breakage table row by row, order, memory, indexes, and NeMo-Skills' numbers recomputed."""

import gzip
import json
import math
import statistics
from collections import Counter
from pathlib import Path

import polars
import pytest

from mathforge import indexing
from mathforge.aggregating import Settings, aggregate
from mathforge.errors import InputError
from mathforge.inputs import ordered
from mathforge.report import Report

WHOLE = {"id": "p1", "predicted_answer": "1", "symbolic_correct": True, "num_generated_tokens": 3}


def row(problem: int, answer: str | None, correct: bool, **more: object) -> dict:
    return {"id": f"p{problem}", "predicted_answer": answer, "symbolic_correct": correct, **more}


def write(path: Path, rows: list[dict | bytes]) -> Path:
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def only(report: Report) -> dict:
    (metrics,) = report.metrics.values()
    return metrics


# What breaks other readers: the damaged row among whole ones, the code, and whether the row still counts.
DAMAGE = {
    "cut row": (b'{"id": "x", "predicted_answer": "1", "symbolic_cor', "cut_row", False),
    "row cut after what the metrics read": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "generation": "and th',
        "cut_row",
        False,
    ),
    "invalid UTF-8 in a text": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "text": "\xff"}',
        "bad_utf8",
        True,
    ),
    "invalid UTF-8 in the answer": (
        b'{"id": "x", "predicted_answer": "\xff", "symbolic_correct": true}',
        "bad_utf8",
        False,
    ),
    "NaN": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "p": NaN}',
        "not_a_number",
        True,
    ),
    "lone surrogate in a text": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "text": "\\ud83d"}',
        "lone_surrogate",
        True,
    ),
    "lone surrogate in the answer": (
        b'{"id": "x", "predicted_answer": "\\ud83d", "symbolic_correct": true}',
        "lone_surrogate",
        False,
    ),
    "duplicate key that counts": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "predicted_answer": "2"}',
        "duplicate_key",
        False,
    ),
    "duplicate key that does not": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "a": 1, "a": 2}',
        "duplicate_key",
        True,
    ),
    "a run of NULs": (b"\0" * 512, "nul_bytes", False),
    "a run of NULs before a row": (
        b"\0" * 512 + b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true}',
        "nul_bytes",
        True,
    ),
    "a number for an answer": (
        b'{"id": "x", "predicted_answer": 1, "symbolic_correct": true}',
        "number_for_text",
        True,
    ),
    "an integer beyond 64 bits": (
        b'{"id": "x", "predicted_answer": 123456789012345678901234567890, "symbolic_correct": true}',
        "number_for_text",
        True,
    ),
    "a missing answer": (b'{"id": "x", "symbolic_correct": true}', "missing_key", False),
    "nothing to grade by": (b'{"id": "x", "predicted_answer": "1"}', "missing_key", False),
    "a list": (b"[1, 2]", "not_an_object", False),
    "two rows on a line": (json.dumps(WHOLE).encode() * 2, "text_after_row", False),
    "a label that is none": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": "maybe"}',
        "wrong_type",
        False,
    ),
    "a raw control character": (
        b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "text": "\x02"}',
        "control_character",
        True,
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_counted_by_kind_with_its_line(name: str, tmp_path: Path) -> None:
    line, kind, kept = DAMAGE[name]
    path = write(tmp_path / "rows.jsonl", [row(1, "1", True), row(2, "1", True), line, row(3, "2", False)])
    report = aggregate(path)
    assert [(d.kind, d.kept, d.rows, d.lines) for d in report.damage] == [(kind, kept, 1, (3,))]
    assert only(report)["pass@1"]["num_entries"] == 3 + kept
    assert bool(report.problems()) is not kept
    assert report.problems(strict=True)
    assert f"{path}:3: " in report.damage[0].sentence()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("blank lines", b"  \n"),
        ("CRLF", b'{"id": "p1", "predicted_answer": "1", "symbolic_correct": true}\r\n'),
        (
            "a new column late in the file",
            b'{"id": "p1", "predicted_answer": "1", "symbolic_correct": true, "z": [{}]}\n',
        ),
        (
            "a 60 MB row",
            b'{"id": "p1", "text": "'
            + b"x" * 60_000_000
            + b'", "predicted_answer": "1", "symbolic_correct": true}\n',
        ),
    ],
)
def test_what_is_no_damage(name: str, line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        json.dumps(row(2, "1", True)).encode() + b"\n" + line + json.dumps(row(3, "1", True)).encode()
    )
    report = aggregate(path, settings=Settings(index=False))
    assert report.damage == []
    assert only(report)["pass@1"]["num_entries"] == (2 if name == "blank lines" else 3)


def test_strict_reads_what_no_metric_needs(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rows.jsonl",
        [WHOLE, b'{"id": "x", "predicted_answer": "1", "symbolic_correct": true, "a": [1}}'],
    )
    assert aggregate(path).damage == []
    assert [d.kind for d in aggregate(path, settings=Settings(strict=True)).damage] == ["invalid_json"]


def test_rows_meet_by_id_whatever_their_line(tmp_path: Path) -> None:
    first = [row(at, str(at), True) for at in range(5)]
    write(tmp_path / "output-rs0.jsonl", first)
    write(tmp_path / "output-rs1.jsonl", [first[3], first[1], first[4], first[0], first[2]])
    report = aggregate(tmp_path)
    assert only(report)["majority@2"]["symbolic_correct"] == 100
    assert only(report)["pass@2"]["num_entries"] == 5


def test_rows_without_id_meet_by_problem_text_then_by_line(tmp_path: Path) -> None:
    for seed in range(2):
        rows = [
            {"problem": f"text {at}", "predicted_answer": "1", "symbolic_correct": True} for at in range(4)
        ]
        write(tmp_path / f"output-rs{seed}.jsonl", rows[::-1] if seed else rows)
    assert only(aggregate(tmp_path))["pass@2"]["num_entries"] == 4
    for seed in range(2):
        rows = [{"predicted_answer": str(at), "symbolic_correct": at == 1} for at in range(4)]
        write(tmp_path / f"output-rs{seed}.jsonl", [*rows[:2], b"{cut" if seed else b"", *rows[2:]])
    report = aggregate(tmp_path)
    assert only(report)["pass@2"]["symbolic_correct"] == 25
    assert only(report)["majority@2"]["num_entries"] == 4


def test_conflicting_rows_of_a_problem_are_told(tmp_path: Path) -> None:
    rows = [
        row(1, "1", True, expected_answer="1"),
        row(1, "1", True, expected_answer="2"),
        row(2, "1", True),
        row(2, "1", True),
    ]
    notes = aggregate(write(tmp_path / "rows.jsonl", rows)).notes
    assert len(notes) == 1
    assert "p1 have different expected answers" in notes[0]


def test_an_unequal_problem_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [row(at, "1", True) for at in range(3) for _ in range(2)] + [row(9, "1", False)]
    report = aggregate(write(tmp_path / "rows.jsonl", rows))
    assert only(report)["pass@2"]["symbolic_correct"] == 100
    assert "1 of 4 problems" in report.notes[0]


def some_run(seed: int, problems: int, samples: int) -> list[list[dict]]:
    """For each seed the rows of all problems."""
    answers = ["1", "01", r"\frac{1}{2}", "0.5", "7", None, "x+1"]
    files = []
    for at in range(samples):
        rows = []
        for problem in range(problems):
            pick = (seed * 7919 + at * 104729 + problem * 1299709 + at * problem * 31) % len(answers)
            answer = answers[pick]
            more = {
                "num_generated_tokens": 10 + pick,
                "generation_start_time": 5.0 + at,
                "generation_end_time": 9.0 + at,
            }
            rows.append(
                row(problem, answer, answer in ("1", "01"), subset_for_metrics="ab"[problem % 2], **more)
            )
        files.append(rows)
    return files


def test_order_threads_memory_and_packing_change_nothing(tmp_path: Path) -> None:
    files = some_run(1, 40, 6)
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    for seed, rows in enumerate(files):
        write(plain / f"output-rs{seed}.jsonl", rows)
        with gzip.open(packed / f"output-rs{seed}.jsonl.gz", "wb") as out:
            out.write((plain / f"output-rs{seed}.jsonl").read_bytes())
    expected = aggregate(plain, benchmark="x").to_json()
    assert list(expected) == ["x", "x-a", "x-b"]
    for path, options in (
        (plain, Settings(threads=1)),
        (plain, Settings(threads=3, memory_mib=0)),
        (packed, Settings()),
    ):
        assert aggregate(path, benchmark="x", settings=options).to_json() == expected
    together = write(tmp_path / "all.jsonl", [one for rows in zip(*files, strict=True) for one in rows])
    assert aggregate(together, benchmark="x").to_json() == expected
    polars.read_ndjson(together).write_parquet(tmp_path / "all.parquet")
    assert aggregate(tmp_path / "all.parquet", benchmark="x").to_json() == expected
    polars.read_ndjson(together).write_ipc(tmp_path / "all.arrow")
    assert aggregate(tmp_path / "all.arrow", benchmark="x").to_json() == expected


def nemo_skills(files: list[list[dict]]) -> dict[str, dict[str, float]]:
    """NeMo-Skills' definitions, straight from their description."""
    size = len(files)
    problems = list(zip(*files, strict=True))
    modes: dict[str, dict[str, float]] = {}
    for k in range(1, size + 1):
        passed = [
            1 - math.comb(size - c, k) / math.comb(size, k)
            for c in (sum(s["symbolic_correct"] for s in p) for p in problems)
        ]
        silent = [all(s["predicted_answer"] is None for s in p[:k]) for p in problems]
        modes[f"pass@{k}"] = {
            "symbolic_correct": 100 * statistics.fmean(passed),
            "no_answer": 100 * statistics.fmean(silent),
        }
        if k == 1:
            continue
        scores = []
        for p in problems:
            votes = Counter(
                (s["predicted_answer"], s["symbolic_correct"])
                for s in p[:k]
                if s["predicted_answer"] is not None
            )
            best = [pair for pair, count in votes.items() if count == max(votes.values())]
            scores.append(statistics.fmean(pair[1] for pair in best) if best else 0.0)
        modes[f"majority@{k}"] = {
            "symbolic_correct": 100 * statistics.fmean(scores),
            "no_answer": 100 * statistics.fmean(silent),
        }
        modes[f"pass@1[avg-of-{k}]"] = {
            "symbolic_correct": 100
            * statistics.fmean(statistics.fmean(s["symbolic_correct"] for s in p[:k]) for p in problems),
            "no_answer": 100
            * statistics.fmean(
                statistics.fmean(s["predicted_answer"] is None for s in p[:k]) for p in problems
            ),
        }
    return modes


@pytest.mark.parametrize("samples", [1, 4, 12])
@pytest.mark.parametrize("lexical", [False, True])
def test_nemo_skills_numbers_to_the_last_digit(samples: int, lexical: bool, tmp_path: Path) -> None:
    files = some_run(3, 30, samples)
    for seed, rows in enumerate(files):
        write(tmp_path / f"output-rs{seed}.jsonl", rows)
    order = sorted(range(samples), key=str) if lexical else range(samples)
    expected = nemo_skills([files[seed] for seed in order])
    report = aggregate(tmp_path, benchmark="x", settings=Settings(nemo_skills=True, lexical=lexical))
    found = report.to_json()["x"]
    assert set(found) == set(expected)
    for mode, values in expected.items():
        for name, value in values.items():
            assert found[mode][name] == pytest.approx(value, abs=1e-9), (mode, name)


def test_what_one_sample_does_not_tell_is_equal_in_equal_reports(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1, "1", True)])
    report = aggregate(path)
    sure = report.uncertainty[tmp_path.name]
    assert sure is not None
    assert math.isnan(sure.icc)
    assert report == aggregate(path)
    assert report != aggregate(write(path, [row(1, "1", False)]))


def test_rewards_choose(tmp_path: Path) -> None:
    rows = [
        row(1, "1", True, reward_model_score=0.9),
        row(1, "2", False, reward_model_score=0.5),
        row(1, "2", False, reward_model_score=0.5),
    ]
    metrics = only(aggregate(write(tmp_path / "rows.jsonl", rows)))
    assert metrics["rm_best@3"]["symbolic_correct"] == 100
    assert metrics["rm_best@2"]["symbolic_correct"] == pytest.approx(200 / 3)
    assert metrics["rm_majority@3"]["symbolic_correct"] == 0


def test_an_index_is_used_extended_and_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "_LEAST_BYTES", 0)
    path = write(tmp_path / "rows.jsonl", [row(at, "1", True) for at in range(100)])
    first = aggregate(path).to_json()
    index = indexing.index_path(path)
    made = index.read_bytes()
    assert aggregate(path).to_json() == first
    assert index.read_bytes() == made
    # Appended rows are added; a last line without an end is read, but not kept.
    with path.open("ab") as out:
        out.write(
            json.dumps(row(100, "1", False)).encode() + b"\n" + json.dumps(row(101, "1", False)).encode()
        )
    assert only(aggregate(path))["pass@1"]["num_entries"] == 102
    assert only(aggregate(path))["pass@1"]["num_entries"] == 102
    # A changed file of the same size is read anew, and so is one with a damaged index.
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"id": "p50"', b'"id": "p51"'))
    assert only(aggregate(path, settings=Settings(k=1)))["pass@1"]["num_entries"] == 101
    for damage in (b"", made[:100], made[: len(made) // 2], b"\0" * 5000):
        index.write_bytes(damage)
        assert only(aggregate(path, settings=Settings(k=1)))["pass@1"]["num_entries"] == 101


@pytest.mark.parametrize("at", [0, 300, 1000, 2000, -700, -20])
def test_a_flipped_bit_in_an_index_is_seen(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "_LEAST_BYTES", 0)
    path = write(tmp_path / "rows.jsonl", [row(n, "1", True) for n in range(20)])
    expected = aggregate(path).to_json()
    index = indexing.index_path(path)
    made = bytearray(index.read_bytes())
    made[at] ^= 1
    index.write_bytes(made)
    assert indexing._load(path, path.stat().st_size, {})[1] == 0
    assert aggregate(path).to_json() == expected


def test_nothing_to_count_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or file"):
        aggregate(tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match="nothing matches"):
        aggregate(str(tmp_path / "*.jsonl"))
    with pytest.raises(InputError, match="no complete samples"):
        aggregate(write(tmp_path / "rows.jsonl", [b"{}"]))
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match=r"bad\.jsonl\.gz"):
        aggregate(tmp_path / "bad.jsonl.gz")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"bad\.parquet"):
        aggregate(tmp_path / "bad.parquet")


def test_more_files_than_can_be_numbered() -> None:
    paths = [Path(f"{at}.jsonl") for at in range(1 << 16)]
    assert len(ordered(paths, lexical=False)) == 1 << 16
    with pytest.raises(InputError, match="65537 files in one benchmark"):
        ordered([*paths, Path("one-more.jsonl")], lexical=False)


def test_a_row_that_cannot_be_true_is_told(tmp_path: Path) -> None:
    # both <= min(symbolic, judge) <= max(symbolic, judge) <= any holds for every set of labels.
    report = Report(
        {
            "hle": {
                "pass@1[avg-of-64]": {
                    "symbolic_correct": 1.18,
                    "judge_correct": 5.41,
                    "both_correct": 3.06,
                    "any_correct": 3.53,
                }
            }
        }
    )
    with pytest.raises(Exception, match=r"both_correct 3\.06% is above symbolic_correct 1\.18%"):
        report.check()
