"""Rows of a file, read where they stand."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.errors import InputError
from mathforge.problems import read_problems, rows_to_answer

VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=12)


@given(
    rows=ROWS,
    blanks=st.lists(st.integers(0, 12), max_size=4),
    mark=st.booleans(),
    end=st.sampled_from(["", "\r\n"]),
)
def test_any_rows_any_stretch(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    blanks: list[int],
    mark: bool,
    end: str,
) -> None:
    path = tmp_path_factory.mktemp("rows") / "r.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    for place in blanks:
        lines.insert(place, "  ")
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + "\r\n".join(lines).encode() + end.encode())
    read = rows_to_answer(path, "r")
    assert [one.row for one in read] == rows
    for start in range(len(rows)):
        stretch = read[start:]
        assert [one.row for one in stretch] == rows[start:]
        assert stretch[0].id == str(rows[start].get("id", f"r-{start}"))
    assert len(rows_to_answer(path, "r", max_samples=1)) == 1
    assert all(one.is_in({**one.row, "generation": "x"} | {"problem": one.text}) for one in read)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """16 bytes a row, whatever stands in it, and 16 for its id while a benchmark is read; copies while lists
    grow included."""
    path = tmp_path / "big.jsonl"
    line = json.dumps({"problem": "x" * 2000, "expected_answer": 1}) + "\n"
    with path.open("w") as file:
        for _ in range(20_000):
            file.write(line)
    for read, most in ((rows_to_answer, 2 << 20), (read_problems, 4 << 20)):
        tracemalloc.start()
        rows = read(path, "big")  # type: ignore[operator]
        for position in range(0, len(rows), 500):
            assert rows[position].id == f"big-{position}"
        assert tracemalloc.get_traced_memory()[1] < most
        tracemalloc.stop()


def test_what_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"a": 1}\n[1]\n{"a"\n\xff\n')
    with pytest.raises(InputError) as caught:
        rows_to_answer(path, "r")
    assert [f"r.jsonl:{line}:" in str(caught.value) for line in (1, 2, 3, 4)] == [False, True, True, True]
    path.write_bytes(b"\n")
    with pytest.raises(InputError, match="no problems"):
        rows_to_answer(path, "r")
    with pytest.raises(InputError, match="no input file"):
        rows_to_answer(tmp_path / "none", "r")


def test_an_output_row_of_another_input_row_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"q": "a", "id": 1}\n{"q": "b", "id": 1}\n')
    first, second = rows_to_answer(path, "r")
    assert first.is_in({"q": "a", "id": 1, "generation": "x"})
    assert not second.is_in({"q": "a", "id": 1, "generation": "x"})
