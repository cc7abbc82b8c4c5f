"""Rounds and session states on disk, and samples that go on from them, with the real sandbox."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import sandbox_workers

from mathforge import checkpoints, harmony
from mathforge.checkpoints import Journal, NotedAnswer, RoundsFile, StateRoom
from mathforge.config import resolve
from mathforge.generating import Generator, Task
from mathforge.overrides import parse_overrides
from mathforge.problems import Problem
from mathforge.samples import Sample
from mathforge.sandbox import Sandbox
from mathforge.servers import FailedRequestError, Server

MIB = 1 << 20
CELL = "<|channel|>analysis to=python code<|message|>{}<|call|>"
FINAL = r"<|channel|>final<|message|>\boxed{42}<|return|>"
FULL = (400, {"error": {"message": "this server takes no more"}})  # fails the sample, which stays begun
PROBLEM = Problem("p0", "What is 6*7?", "42", None, {})


@pytest.fixture(scope="module", params=[0, 1], ids=["in-process", "worker"])
def box(request: pytest.FixtureRequest) -> Iterator["CountingBox"]:
    with Sandbox(workers=request.param) as sandbox:
        yield CountingBox(sandbox)


class CountingBox(Sandbox):
    """The real sandbox; writes down which cells are executed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.__dict__ |= sandbox.__dict__
        self.cells: list[str] = []

    def session(self, seed: int | None = None) -> Any:
        return self._counted(super().session(seed))

    def restore(self, state: Any) -> Any:
        return self._counted(super().restore(state))

    def _counted(self, session: Any) -> Any:
        run = session.run_async

        async def run_async(code: str, timeout_s: float = 10.0) -> Any:
            self.cells.append(code)
            return await run(code, timeout_s)

        session.run_async = run_async
        return session


def said(text: str) -> dict[str, Any]:
    ids = harmony.encode(text)
    return {"choices": [{"text": text, "token_ids": ids, "finish_reason": "stop", "stop_reason": None}]}


def make(scripted: Any, box: Any, file: RoundsFile, *overrides: str, told: list[str] | None = None) -> Sample:
    """One sample, with whatever the file knows of it."""
    settings = ["++code_execution=true", "++server.max_retries=0", *overrides]
    config = resolve(parse_overrides(settings))[0]

    async def main() -> Sample:
        async with scripted:
            config.server.base_url = scripted.url
            async with Server(config.server) as server:
                journal = file.journal(0)
                reasons = [] if told is None else told
                generator = Generator(server, box, on_restart=lambda _, reason: reasons.append(reason))
                try:
                    return await generator.sample(Task("demo", 0, PROBLEM, 5, config), journal)
                finally:
                    await journal.settle()

    try:
        return asyncio.run(main())
    finally:
        file.close()


def rounds_file(folder: Path, most_bytes: int = 1 << 30, most_each: int = 64 * MIB) -> RoundsFile:
    file = RoundsFile(folder / "output-rs5.jsonl", StateRoom(most_bytes, most_each))
    file.open(set())
    return file


def killed_after(scripted_server: Any, box: Any, folder: Path, *texts: str, **room: int) -> None:
    """An earlier process: these rounds, then the server refuses."""
    first, *rest = texts
    scripted = scripted_server(said("<|channel|>final<|message|>.<|return|>"), *map(said, rest), FULL)
    scripted.replies[0] = said(first)
    with pytest.raises(FailedRequestError):
        make(scripted, box, rounds_file(folder, **room))


def states(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*-sessions/*"))


def test_a_sample_goes_on_where_it_was(scripted_server: Any, box: CountingBox, tmp_path: Path) -> None:
    cells = ["import random\nseen = [random.random()]", "seen.append(random.random()); len(seen)"]
    killed_after(scripted_server, box, tmp_path, *map(CELL.format, cells))
    assert states(tmp_path) == ["0-2"]
    box.cells.clear()
    scripted = scripted_server(said(CELL.format("len(seen), len(set(seen))")), said(FINAL))
    file = rounds_file(tmp_path)
    made = make(scripted, box, file)
    assert box.cells == ["len(seen), len(set(seen))"]
    assert [one.output for one in made.rounds[:3]] == [made.rounds[0].output, "2\n", "(2, 2)\n"]
    assert (made.code_rounds_executed, len(made.rounds), len(scripted.requests)) == (3, 4, 2)
    assert scripted.requests[0][2] == "demo/p0/rs5/2"
    whole = [i for one in made.rounds[:3] for i in (one.token_ids or []) + (one.output_token_ids or [])]
    assert scripted.requests[1][1]["prompt"][-len(whole) :] == whole
    assert made.num_generated_tokens == sum(len(one.token_ids or []) for one in made.rounds)


def test_it_is_the_sample_of_an_undisturbed_run(
    scripted_server: Any, box: CountingBox, tmp_path: Path
) -> None:
    texts = [CELL.format("import random; x = random.random(); x"), CELL.format("x + random.random()"), FINAL]
    (tmp_path / "one").mkdir()
    whole = make(scripted_server(*map(said, texts)), box, rounds_file(tmp_path / "one"))
    for kept in (1, 2):
        folder = tmp_path / str(kept)
        folder.mkdir()
        killed_after(scripted_server, box, folder, *texts[:kept])
        again = make(scripted_server(*map(said, texts[kept:])), box, rounds_file(folder))
        assert again.generation == whole.generation
        assert again.rounds == whole.rounds


def test_nothing_is_left_of_a_finished_sample(scripted_server: Any, box: CountingBox, tmp_path: Path) -> None:
    file = rounds_file(tmp_path)
    make(scripted_server(said(CELL.format("1")), said(FINAL)), box, file)
    assert states(tmp_path) == ["0-1"]
    file.journal(0).discard()
    assert states(tmp_path) == []
    assert not file.begun
    file.close()
    again = rounds_file(tmp_path)
    again.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("why", ["too large", "no room", "damaged", "gone"])
def test_without_a_state_calls_are_run_again(
    scripted_server: Any, box: CountingBox, tmp_path: Path, why: str
) -> None:
    room = {"too large": {"most_each": 1000}, "no room": {"most_bytes": 1000}}.get(why, {})
    killed_after(scripted_server, box, tmp_path, CELL.format("x = 5; x"), CELL.format("x += 1; x"), **room)
    assert states(tmp_path) == ([] if room else ["0-2"])
    for path in tmp_path.glob("*-sessions/*"):
        if why == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-100])
    box.cells.clear()
    made = make(scripted_server(said(CELL.format("x")), said(FINAL)), box, rounds_file(tmp_path, **room))
    assert box.cells == ["x = 5; x", "x += 1; x", "x"]
    assert made.rounds[2].output == "6\n"


def test_calls_that_say_something_else_when_run_again_start_the_sample_again(
    scripted_server: Any, box: CountingBox, tmp_path: Path
) -> None:
    clock = CELL.format("import time; t = time.time_ns(); t")
    killed_after(scripted_server, box, tmp_path, clock, most_each=0)
    scripted = scripted_server(said(CELL.format("t")), said(clock), said(CELL.format("t")), said(FINAL))
    told: list[str] = []
    made = make(scripted, box, rounds_file(tmp_path, most_each=0), told=told)
    assert told == ["a call that was run again had another output"]
    assert (len(made.rounds), made.rounds[0].output) == (3, made.rounds[1].output)
    assert len(scripted.requests) == 4


def test_a_worker_that_dies_while_it_restores_costs_no_call(
    scripted_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = set(sandbox_workers(os.getpid()))
    with Sandbox(workers=1) as sandbox:
        box = CountingBox(sandbox)
        killed_after(scripted_server, box, tmp_path, CELL.format("x = 5; x"))
        (worker,) = set(sandbox_workers(os.getpid())) - others
        restore = box.restore

        def restored_late(state: Any) -> Any:
            monkeypatch.setattr(box, "restore", restore)
            os.kill(worker, signal.SIGSTOP)  # so that it dies with the request before it
            threading.Timer(0.3, os.kill, (worker, signal.SIGKILL)).start()
            return restore(state)

        monkeypatch.setattr(box, "restore", restored_late)
        box.cells.clear()
        told: list[str] = []
        scripted = scripted_server(said(CELL.format("x + 1")), said(FINAL))
        made = make(scripted, box, rounds_file(tmp_path), told=told)
    assert (box.cells, told) == (["x + 1"], [])
    assert [one.output for one in made.rounds] == ["5\n", "6\n", None]


def test_two_calls_of_a_turn_are_one_step(scripted_server: Any, box: CountingBox, tmp_path: Path) -> None:
    two = CELL.format("x = 1; x") + "<|start|>assistant" + CELL.format("x += 1; x")
    killed_after(scripted_server, box, tmp_path, two)
    box.cells.clear()
    made = make(scripted_server(said(CELL.format("x")), said(FINAL)), box, rounds_file(tmp_path))
    assert box.cells == ["x"]
    assert [one.output for one in made.rounds[:2]] == ["1\n\n2\n", "2\n"]


def note(file: RoundsFile, position: int, *ids: int) -> None:
    async def main() -> None:
        await file.journal(position).add_answer(NotedAnswer(list(ids), "stop", None))

    asyncio.run(main())


def noted(journal: Journal) -> list[list[int]]:
    found = []
    while (answer := journal.next_answer()) is not None:
        found.append(answer.token_ids)
    return found


@given(
    positions=st.lists(st.integers(0, 3), max_size=12),
    cut=st.integers(0, 900),
    garbage=st.sampled_from(
        [b"", b"\x00", b'{"position"', b"null\n", b'{"position": [], "number": 0}\n', b"\n"]
    ),
    finished=st.sets(st.integers(0, 3)),
)
def test_a_torn_file_gives_the_first_rounds_of_each_sample(
    tmp_path_factory: pytest.TempPathFactory,
    positions: list[int],
    cut: int,
    garbage: bytes,
    finished: set[int],
) -> None:
    folder = tmp_path_factory.mktemp("run")
    file = rounds_file(folder)
    wanted: dict[int, list[list[int]]] = {}
    for number, position in enumerate(positions):
        note(file, position, 200_000 + number, number)
    file.close()
    data = file.path.read_bytes() if positions else b""
    kept = data[: max(0, len(data) - cut)]
    file.path.write_bytes(kept + garbage)
    whole = (kept + garbage[:1] if data.startswith(kept + garbage[:1]) else kept).count(b"\n")
    for number, position in enumerate(positions[:whole]):
        wanted.setdefault(position, []).append([200_000 + number, number])
    again = RoundsFile(folder / "output-rs5.jsonl", None)
    again.open(finished)
    assert {p: noted(again.journal(p)) for p in again.begun} == {
        p: rounds for p, rounds in wanted.items() if p not in finished
    }
    note(again, 2, 7)
    again.close()
    again.open(finished - {2})
    assert noted(again.journal(2))[-1] == [7]
    again.close()


def test_finished_samples_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LEAST_WASTE", 10_000)
    file = rounds_file(tmp_path)
    note(file, 1000, 5)
    for position in range(200):
        note(file, position, *range(100))
        file.forget(position)
        assert file.path.stat().st_size < 22_000
    note(file, 1000, 6)
    assert noted(file.journal(1000)) == [[5], [6]]
    file.close()
    lines = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert [line["number"] for line in lines if line["position"] == 1000] == [0, 1]


def test_states_of_samples_that_are_not_begun_are_removed(
    scripted_server: Any, box: CountingBox, tmp_path: Path
) -> None:
    killed_after(scripted_server, box, tmp_path, CELL.format("1"))
    folder = tmp_path / "output-rs5.jsonl-sessions"
    for name in ("0-7", "3-1", "0-1.99.part"):
        (folder / name).write_bytes(b"x")
    rounds_file(tmp_path).close()
    assert states(tmp_path) == ["0-1"]
    finished = RoundsFile(tmp_path / "output-rs5.jsonl", None)
    finished.open({0})
    assert states(tmp_path) == []
    finished.close()


def test_samples_of_tagged_models_go_on_too(scripted_server: Any, box: CountingBox, tmp_path: Path) -> None:
    def text(text: str) -> dict[str, Any]:
        choice = {"text": text, "finish_reason": "stop", "stop_reason": None}
        return {"choices": [choice], "usage": {"completion_tokens": 9}}

    settings = ["++prompt_template=qwen-instruct", "++inference.tokens_to_generate=2000"]
    calls = [
        text("First.\n```python\nimport random; x = random.random(); x\n```\n"),
        text("```python\nx\n```\n"),
    ]
    whole = make(scripted_server(*calls, text("\\boxed{1}")), box, rounds_file(tmp_path / "."), *settings)
    (tmp_path / "again").mkdir()
    with pytest.raises(FailedRequestError):
        make(scripted_server(*calls, FULL), box, rounds_file(tmp_path / "again"), *settings)
    assert states(tmp_path / "again") == ["0-2"]
    box.cells.clear()
    scripted = scripted_server(text("\\boxed{1}"))
    made = make(scripted, box, rounds_file(tmp_path / "again"), *settings)
    assert box.cells == []
    assert len(scripted.requests) == 1
    assert made.generation == whole.generation
    assert made.rounds == whole.rounds
    assert made.num_generated_tokens == whole.num_generated_tokens
