import json
from pathlib import Path

import pytest

from mathforge.errors import InputError
from mathforge.problems import load_benchmark, read_problems


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    return path


ROW = {"problem": "1+1?", "expected_answer": "2"}


def test_rows_and_their_defaults(tmp_path: Path) -> None:
    write(
        tmp_path / "tiny.jsonl",
        ROW,
        "\n",
        {"id": 7, "problem": "2*2?", "expected_answer": 4, "subset_for_metrics": "b", "x": 1},
    )
    first, second = load_benchmark("tiny", tmp_path).problems
    assert (first.id, first.expected_answer, first.subset) == ("tiny-0", "2", None)
    assert (second.id, second.expected_answer, second.subset, second.row["x"]) == ("7", "4", "b", 1)


def test_where_files_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a" / "tiny" / "test.jsonl", ROW)
    write(tmp_path / "a" / "tiny" / "math.jsonl", ROW, {**ROW, "problem": "other"})
    write(tmp_path / "b" / "tiny.jsonl", ROW, {**ROW, "problem": "b"}, {**ROW, "problem": "c"})
    assert len(load_benchmark("tiny", tmp_path / "a").problems) == 1
    assert len(load_benchmark("tiny", tmp_path / "a", split="math").problems) == 2
    monkeypatch.setenv("MATHFORGE_DATA_DIR", str(tmp_path / "b"))
    assert len(load_benchmark("tiny").problems) == 3
    assert len(load_benchmark("tiny", tmp_path / "a").problems) == 1
    assert len(load_benchmark("tiny", max_samples=2).problems) == 2


def test_every_bad_row_is_named(tmp_path: Path) -> None:
    rows = [
        '{"problem": \n',
        [1],
        {"problem": " ", "expected_answer": 1},
        {"problem": "p"},
        ROW,
        {**ROW, "id": "tiny-4"},
    ]
    path = write(
        tmp_path / "tiny.jsonl",
        *rows,
        {**ROW, "subset_for_metrics": 3},
        {"problem": "p", "expected_answer": True},
    )
    with pytest.raises(InputError) as caught:
        read_problems(path, "tiny")
    message = str(caught.value)
    for line in (1, 2, 3, 4, 7):
        assert f"tiny.jsonl:{line}: " in message
    assert "tiny.jsonl:5" not in message
    assert "1 more" in message


def test_doubled_ids_name_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.jsonl", {**ROW, "id": "a"}, {**ROW, "id": "a"})
    with pytest.raises(InputError, match=r"tiny.jsonl:2: id `a` is already used in line 1"):
        read_problems(path, "tiny")


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "tiny.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b'\n{"problem": "\xff"}\n')
    with pytest.raises(InputError, match=r"tiny.jsonl:2: not valid UTF-8"):
        read_problems(path, "tiny")


def test_an_unknown_name_says_where_it_looked_and_what_there_is(tmp_path: Path) -> None:
    write(tmp_path / "aime25.jsonl", ROW)
    with pytest.raises(InputError) as caught:
        load_benchmark("aime52", tmp_path)
    assert str(tmp_path / "aime52.jsonl") in str(caught.value)
    assert "did you mean `aime25`" in (caught.value.hint or "")


@pytest.mark.parametrize(("name", "known"), [("hle", "hle"), ("hmmt", "hmmt_feb25")])
def test_a_benchmark_that_can_be_prepared_is_said_to_be(tmp_path: Path, name: str, known: str) -> None:
    with pytest.raises(InputError) as caught:
        load_benchmark(name, tmp_path)
    assert (caught.value.hint or "").startswith(f"`mathforge prepare {known}` fetches it")


@pytest.mark.parametrize("name", ["", "../etc/passwd", ".hidden"])
def test_names_are_not_paths(name: str) -> None:
    with pytest.raises(InputError):
        load_benchmark(name)


def test_an_empty_file_and_a_missing_folder(tmp_path: Path) -> None:
    write(tmp_path / "tiny.jsonl", "\n")
    with pytest.raises(InputError, match="no problems"):
        load_benchmark("tiny", tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        load_benchmark("tiny", tmp_path / "nowhere")


def test_the_fingerprint_sees_text_answer_and_order(tmp_path: Path) -> None:
    rows = [{**ROW, "id": "a"}, {**ROW, "id": "b"}]
    prints = set()
    for number, variant in enumerate([rows, rows[::-1], [{**rows[0], "expected_answer": "3"}, rows[1]]]):
        write(tmp_path / str(number) / "tiny.jsonl", *variant)
        prints.add(load_benchmark("tiny", tmp_path / str(number)).fingerprint())
    assert len(prints) == 3


def test_real_benchmarks(shared: Path) -> None:
    counts = {
        name: len(load_benchmark(name, shared / "data").problems)
        for name in ("aime24", "aime25", "comp-math-24-25")
    }
    assert counts == {"aime24": 30, "aime25": 30, "comp-math-24-25": 256}
