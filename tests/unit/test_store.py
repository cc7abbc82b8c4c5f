import gc
import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathforge.errors import InputError, StoreError
from mathforge.folders import write_atomically
from mathforge.positions import Positions
from mathforge.problems import Problem
from mathforge.store import Folder, OutputFile, chunk_positions, merge_chunks, output_name

PROBLEMS = [Problem(f"p{number}", f"problem {number}", str(number), None, {}) for number in range(4)]


def row(position: int, mark: int = 0) -> dict[str, object]:
    return {"generation": "é\n" * 3, "mark": mark, "problem": PROBLEMS[position].text}


def opened(folder: Path) -> OutputFile:
    file = OutputFile(folder / "output-rs0.jsonl", PROBLEMS)
    file.open()
    return file


def finished_rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "output-rs0.jsonl").read_text().splitlines()]


def test_rows_arrive_in_any_order_and_are_written_in_order(tmp_path: Path) -> None:
    file = opened(tmp_path)
    for position in (2, 0, 3, 1):
        file.append(position, row(position))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output-rs0.jsonl-async"]
    file.finish()
    assert finished_rows(tmp_path) == [row(position) for position in range(4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output-rs0.jsonl", "output-rs0.jsonl.done"]


@settings(max_examples=60)
@given(
    positions=st.lists(st.integers(0, 3), max_size=8),
    cut=st.integers(0, 400),
    garbage=st.sampled_from(
        [b"", b"\x00\x00", b'{"problem": "x"', b"null\n", b"[1]\n", b'{"_async_position": 99}\n', b"\n\n"]
    ),
)
def test_whatever_the_file_looks_like_the_rerun_completes_it(
    tmp_path_factory: pytest.TempPathFactory, positions: list[int], cut: int, garbage: bytes
) -> None:
    """A file torn at any byte, with doubled rows and foreign bytes, is completed; the first row of a position
    counts."""
    folder = tmp_path_factory.mktemp("run")
    lines = [
        json.dumps({**row(p, mark), "_async_position": p}).encode() + b"\n"
        for mark, p in enumerate(positions)
    ]
    whole = b"".join(lines)
    kept = whole[: max(0, len(whole) - cut)]
    (folder / "output-rs0.jsonl-async").write_bytes(kept + garbage)
    file = opened(folder)
    complete_lines = kept.count(b"\n")
    assert file.finished >= set(positions[:complete_lines])
    if not file.is_complete:
        for position in sorted(set(range(4)) - file.finished):
            file.append(position, row(position, -1))
        file.close()
        file = opened(folder)
    rows = finished_rows(folder)
    assert [one["problem"] for one in rows] == [problem.text for problem in PROBLEMS]
    for position in set(positions[:complete_lines]):
        assert rows[position]["mark"] == positions.index(position)
    assert not (folder / "output-rs0.jsonl-async").exists()
    assert (folder / "output-rs0.jsonl.done").exists()


@pytest.mark.parametrize("lost", ["done", "async", "both", "tmp"])
def test_a_kill_between_any_two_steps_of_finishing(tmp_path: Path, lost: str) -> None:
    file = opened(tmp_path)
    for position in range(4):
        file.append(position, row(position))
    in_progress = file.in_progress_path.read_bytes()
    if lost == "tmp":  # killed while writing the temporary file
        file.close()
        (tmp_path / "output-rs0.jsonl-tmp").write_bytes(b'{"gen')
    else:
        file.finish()
        if lost in {"done", "both"}:
            file.done_path.unlink()
        if lost in {"async", "both"}:
            file.in_progress_path.write_bytes(in_progress)
    again = opened(tmp_path)
    assert again.is_complete
    assert finished_rows(tmp_path) == [row(position) for position in range(4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output-rs0.jsonl", "output-rs0.jsonl.done"]


def test_rows_of_other_problems_are_refused(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.append(0, row(1))
    file.close()
    with pytest.raises(StoreError, match=r"async:1: the row belongs to another problem or sample than `p0`"):
        opened(tmp_path)
    (tmp_path / "output-rs0.jsonl-async").unlink()
    (tmp_path / "output-rs0.jsonl").write_text(json.dumps(row(0)) + "\n")
    with pytest.raises(StoreError, match="1 rows"):
        opened(tmp_path)


def test_another_configuration_is_refused_by_key(tmp_path: Path) -> None:
    with Folder(tmp_path / "demo") as folder:
        folder.check_fingerprint({"config": {"inference": {"top_p": 1.0}}}, {})
        folder.check_fingerprint({"config": {"inference": {"top_p": 1.0}}}, {"other": 1})
        with pytest.raises(StoreError, match=r"config.inference.top_p: 1.0 -> 0.5"):
            folder.check_fingerprint({"config": {"inference": {"top_p": 0.5}}}, {})


HOLDER = """
import sys
from pathlib import Path
from mathforge.positions import Positions
from mathforge.problems import Problem
from mathforge.store import Folder, OutputFile, chunk_positions, merge_chunks, output_name

folder = Path(sys.argv[1])
problems = [Problem(f"p{n}", f"problem {n}", str(n), None, {}) for n in range(4)]
with Folder(folder):
    file = OutputFile(folder / "output-rs0.jsonl", problems)
    file.open()
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_has_one_writer_and_a_folder_several(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with Folder(tmp_path) as folder:
            with pytest.raises(StoreError, match=r"another mathforge process.*rs0.jsonl-async"):
                opened(tmp_path)
            other = OutputFile(tmp_path / "output-rs1.jsonl", PROBLEMS)
            other.open()
            other.close()
            with pytest.raises(StoreError, match="another mathforge process"):
                folder.clear()
        holder.kill()
        holder.wait()
    with Folder(tmp_path) as folder:
        opened(tmp_path).close()
        folder.clear()


def test_a_file_that_was_forgotten_is_free_again(tmp_path: Path) -> None:
    """As after an exception in a notebook, whose process lives on."""
    first = opened(tmp_path)
    with pytest.raises(StoreError, match="another mathforge process"):
        opened(tmp_path)
    del first
    gc.collect()
    opened(tmp_path).close()


def test_the_file_that_another_process_has_just_finished_is_complete(tmp_path: Path) -> None:
    """Between our look at the finished file and our hold on the one in progress another process finishes."""
    late = OutputFile(tmp_path / "output-rs0.jsonl", PROBLEMS)
    first = opened(tmp_path)
    for position in range(4):
        first.append(position, row(position))
    seen: list[bool] = []
    held = late._hold

    def hold() -> None:
        first.finish()
        seen.append(True)
        held()

    late._hold = hold  # type: ignore[method-assign]
    late.open()
    assert seen
    assert late.is_complete
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output-rs0.jsonl", "output-rs0.jsonl.done"]


def test_other_versions_are_recorded_and_told(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.check_fingerprint({"a": 1}, {})
        record = json.loads((tmp_path / "run.json").read_text())
        record["versions"] = [{**record["versions"][0], "mathforge": "0.0.1"}]
        (tmp_path / "run.json").write_text(json.dumps(record))
        folder.check_fingerprint({"a": 1}, {})
        assert "mathforge: '0.0.1' -> " in folder.notes[0]
        folder.check_fingerprint({"a": 1}, {})
        assert len(folder.notes) == 1
        assert len(json.loads((tmp_path / "run.json").read_text())["versions"]) == 2


@given(count=st.integers(0, 200), num_chunks=st.integers(1, 40))
def test_chunks_part_the_problems(count: int, num_chunks: int) -> None:
    chunks = [chunk_positions(count, num_chunks, chunk) for chunk in range(num_chunks)]
    assert [position for chunk in chunks for position in chunk] == list(range(count))
    lengths = [len(chunk) for chunk in chunks]
    assert sorted(lengths, reverse=True) == lengths
    assert max(lengths) - min(lengths) <= 1
    with pytest.raises(InputError, match="there is no chunk"):
        chunk_positions(count, num_chunks, num_chunks)


def write_chunks(folder: Path, chunks: Iterable[int], num_chunks: int = 3) -> None:
    for chunk in chunks:
        positions = chunk_positions(4, num_chunks, chunk)
        problems = [PROBLEMS[position] for position in positions]
        file = OutputFile(folder / output_name(0, chunk), problems, folder / output_name(0))
        file.open()
        for number, position in enumerate(positions):
            file.append(number, row(position))
        file.finish()


def test_chunks_are_merged_once_all_are_done(tmp_path: Path) -> None:
    assert output_name(None, 2) == "output_chunk_2.jsonl"
    write_chunks(tmp_path, [2, 0])
    assert not merge_chunks(tmp_path, 0, 3, 4)
    assert not (tmp_path / "output-rs0.jsonl").exists()
    write_chunks(tmp_path, [1])
    (tmp_path / "output-rs0_chunk_1.jsonl.done").rename(tmp_path / "aside")
    assert not merge_chunks(tmp_path, 0, 3, 4)
    (tmp_path / "aside").rename(tmp_path / "output-rs0_chunk_1.jsonl.done")
    assert merge_chunks(tmp_path, 0, 3, 4)
    assert finished_rows(tmp_path) == [row(position) for position in range(4)]
    names = [*(f"output-rs0_chunk_{n}.jsonl.done" for n in range(3)), "output-rs0.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "output-rs0.jsonl.done"])
    (tmp_path / "output-rs0.jsonl.done").unlink()  # killed before
    assert merge_chunks(tmp_path, 0, 3, 4)
    assert (tmp_path / "output-rs0.jsonl.done").exists()
    chunk = OutputFile(tmp_path / output_name(0, 1), PROBLEMS[2:3], tmp_path / output_name(0))
    chunk.open()
    assert chunk.is_complete


def test_chunks_of_another_number_are_not_merged(tmp_path: Path) -> None:
    write_chunks(tmp_path, range(2), num_chunks=3)
    with pytest.raises(StoreError, match="holds 1 rows, its chunk has 2 problems"):
        merge_chunks(tmp_path, 0, 2, 4)


def test_all_chunks_may_merge_at_the_same_time(tmp_path: Path) -> None:
    write_chunks(tmp_path, range(3))
    code = (
        "import sys; from pathlib import Path; from mathforge.store import merge_chunks\n"
        "print('ready', flush=True); sys.stdin.readline(); print(merge_chunks(Path(sys.argv[1]), 0, 3, 4))"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in processes] == ["True\n"] * 4
    assert finished_rows(tmp_path) == [row(position) for position in range(4)]


def test_clear_leaves_foreign_files(tmp_path: Path) -> None:
    for name in (
        "output-rs0.jsonl",
        "output-rs0.jsonl.done",
        "output-rs1.jsonl-async",
        "run.json",
        "metrics.json",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    with Folder(tmp_path) as folder:
        folder.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "notes.txt"]


def test_writers_with_one_process_id_do_not_meet(tmp_path: Path) -> None:
    """As the processes of two containers on one file system: threads share a process id, too."""
    path = tmp_path / "run.json"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: write_atomically(path, str(number) * 10_000), range(64)))
    assert len(set(path.read_text()[:1])) == 1
    assert list(tmp_path.iterdir()) == [path]


@given(st.integers(0, 30), st.booleans(), st.lists(st.tuples(st.booleans(), st.integers(0, 29))))
def test_positions_are_a_set(length: int, full: bool, steps: list[tuple[bool, int]]) -> None:
    ours, known = Positions(length, full=full), set(range(length)) if full else set()
    for adds, position in steps:
        if position < length:
            (ours.add if adds else ours.discard)(position)
            (known.add if adds else known.discard)(position)
    assert (ours, len(ours), list(ours)) == (known, len(known), sorted(known))
    assert {-1, length, *known} - ours == {-1, length}
