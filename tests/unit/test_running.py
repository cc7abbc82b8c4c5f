"""The queue of samples: begun ones first, each once, looked up only when a place is free."""

import asyncio
import json
from itertools import islice
from pathlib import Path

import pytest

from mathforge.checkpoints import NotedAnswer
from mathforge.config import Endpoint
from mathforge.overrides import parse_overrides
from mathforge.running import Run
from mathforge.store import Folder
from mathforge.units import plan

PROBLEMS = 3000


@pytest.fixture
def run(tmp_path: Path) -> Run:
    rows = [{"problem": f"problem {n}", "expected_answer": "1"} for n in range(PROBLEMS)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts, _ = plan("many:4", parse_overrides(["++code_execution=true"]), data_dir=tmp_path)
    folders = [Folder(part.folder(tmp_path)) for part in parts]
    for folder in folders:
        folder.path.mkdir(parents=True)
    return Run(parts, folders, Endpoint(), [], overwrite=False, log_path=tmp_path / "log")


def opened(run: Run) -> Run:
    run._open("m")
    run._keep_rounds()
    return run


def begin(run: Run, seed: int, position: int) -> None:
    journal = run.open_parts[0].files[seed].journal(position)
    asyncio.run(journal.add_answer(NotedAnswer([1], "stop", None)))


def test_samples_that_were_begun_come_first_and_each_comes_once(run: Run) -> None:
    opened(run)
    begin(run, 3, 7)
    begin(run, 1, 2999)
    run._close()
    opened(run)
    tasks = [(task.seed, task.position) for _, task in run._missing()]
    assert tasks[:2] == [(1, 2999), (3, 7)]
    assert len(tasks) == len(set(tasks)) == 4 * PROBLEMS
    assert tasks[2:4] == [(0, 0), (0, 1)]
    run._close()


def test_samples_are_not_listed_before_they_are_drawn(run: Run) -> None:
    opened(run)
    queue = run._missing()
    assert [task.position for _, task in islice(queue, 3)] == [0, 1, 2]
    file = run.open_parts[0].files[0]
    for position in range(3, PROBLEMS - 1):
        file.append(position, {"problem": f"problem {position}"})
    drawn = [(task.seed, task.position) for _, task in islice(queue, 2)]
    assert drawn == [(0, PROBLEMS - 1), (1, 0)]
    run._close()


def test_a_sample_that_is_begun_while_others_are_drawn_does_not_come_again(run: Run) -> None:
    opened(run)
    begin(run, 0, 5)
    run._close()
    opened(run)
    queue = run._missing()
    assert [task.position for _, task in islice(queue, 2)] == [5, 0]
    begin(run, 0, 0)
    rest = [(task.seed, task.position) for _, task in queue]
    assert len(rest) == 4 * PROBLEMS - 2
    assert not {(0, 0), (0, 5)} & set(rest)
    run._close()
