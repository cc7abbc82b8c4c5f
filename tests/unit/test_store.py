import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathforge.errors import StoreError
from mathforge.problems import Problem
from mathforge.store import Folder, OutputFile

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


@settings(max_examples=60, deadline=None)
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
    opened(tmp_path).append(0, row(1))
    with pytest.raises(StoreError, match=r"async:1: the row belongs to another problem than `p0`"):
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


def test_two_processes_cannot_write_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mathforge.store import Folder\n"
        "with Folder(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="another mathforge process"):
            Folder(tmp_path).__enter__()
        holder.kill()
        holder.wait()
    with Folder(tmp_path):
        pass


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
