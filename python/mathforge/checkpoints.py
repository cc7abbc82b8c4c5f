"""Samples in the making, on disk: what a killed run goes on from.

Beside an output file in progress lie `NAME-rounds`, one JSON line for each thing that happened to a sample
and is dear to have again (the server's answer, the results of a turn's Python calls), and `NAME-sessions`, a
folder with the state of each sample's Python session as of its last call. A sample is not restored from them
but made again by the same code, which is given the noted answers and results first (`Journal`); it asks the
server and runs cells only when these are used up.

A turn's results and the state after it are one step: the state is written first, under a name of its own,
then the line that names it. Whatever happens in between, the call and its effect are both there or both not.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import time
import zlib
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tools import Result

_LEAST_WASTE = 64 << 20  # bytes of finished samples in a file before it is rewritten


class RestartError(Exception):
    """What was noted of a sample is of no use, or its session is gone: the sample has to start again. The
    message says why."""


@dataclass(frozen=True, slots=True)
class NotedAnswer:
    """One answer of the server, as in `samples.Round`.

    Attributes:
        token_ids: sampled; empty where the server gave none.
        finish_reason: as the server said, or our own.
        stop_reason: as the server said.
        text: where it is the text that counts, not the ids.
        completion_tokens: as counted by the server, for the same case.
    """

    token_ids: list[int]
    finish_reason: str | None
    stop_reason: int | str | None
    text: str = ""
    completion_tokens: int | None = None


class StateRoom:
    """Disk space for session states, shared by all files of a run.

    Args:
        most_bytes: for all states together.
        most_each: for one state.
    """

    def __init__(self, most_bytes: int, most_each: int) -> None:
        self._left = most_bytes
        self._most_each = most_each

    def take(self, size: int) -> bool:
        """Whether there is room for a state of so many bytes; it is taken then."""
        if size > min(self._left, self._most_each):
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """A state was removed."""
        self._left += size


class RoundsFile:
    """The samples in the making of one output file. Whoever uses it holds the output file's lock.

    Args:
        output: path of the output file.
        room: for session states; None keeps no states.
    """

    def __init__(self, output: Path, room: StateRoom | None) -> None:
        self.path = output.with_name(f"{output.name}-rounds")
        self.sessions = output.with_name(f"{output.name}-sessions")
        self.room = room
        self._lines: dict[int, list[tuple[int, int]]] = {}  # position -> offset and length of each
        self._descriptor: int | None = None
        self._size = 0
        self._waste = 0
        self._is_torn = False

    def open(self, finished: Collection[int]) -> None:
        """Find what earlier runs left of samples that are not finished; unreadable lines are passed over."""
        if not self.path.exists():
            shutil.rmtree(self.sessions, ignore_errors=True)
            return
        descriptor = self._opened()
        with os.fdopen(os.dup(descriptor), "rb") as file:
            offset = 0
            for line in file:
                self._index(line, offset, finished)
                offset += len(line)
        self._compact()
        self._sweep()

    @property
    def begun(self) -> Collection[int]:
        """Positions of samples that were begun."""
        return self._lines.keys()

    def journal(self, position: int) -> Journal:
        """What is known of one sample, and where what follows is noted."""
        noted: list[dict[str, Any]] = []
        for offset, length in self._lines.get(position, ()):
            noted.append(json.loads(os.pread(self._opened(), length, offset)))
        return Journal(self, position, noted)

    def append(self, position: int, record: dict[str, Any]) -> None:
        """Note something; it has reached the operating system when this returns."""
        lines = self._lines.setdefault(position, [])
        data = json.dumps({"position": position, "number": len(lines), **record}).encode() + b"\n"
        rest = b"\n" + data if self._is_torn else data
        descriptor = self._opened()
        self._size += len(rest)
        self._is_torn = True
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        self._is_torn = False
        lines.append((self._size - len(data), len(data)))

    def forget(self, position: int) -> None:
        """A sample is finished, or starts again."""
        lines = self._lines.pop(position, ())
        self._waste += sum(length for _, length in lines)
        if self._waste >= max(_LEAST_WASTE, self._size // 2):
            self._compact()

    def close(self) -> None:
        """Let go of the file; it stays."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Every sample is finished."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._temporary.unlink(missing_ok=True)
        shutil.rmtree(self.sessions, ignore_errors=True)

    def state_path(self, position: int, cells: int) -> Path:
        """Where the state of a session after so many cells is kept."""
        return self.sessions / f"{position}-{cells}"

    @property
    def _temporary(self) -> Path:
        return self.path.with_name(f"{self.path.name}-tmp")

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._size = os.fstat(self._descriptor).st_size
            self._is_torn = self._size > 0 and os.pread(self._descriptor, 1, self._size - 1) != b"\n"
        return self._descriptor

    def _index(self, line: bytes, offset: int, finished: Collection[int]) -> None:
        try:
            record = json.loads(line)
            position, number = record["position"], record["number"]
        except (ValueError, LookupError, TypeError):
            return
        if not (isinstance(position, int) and record.keys() & {"answer", "results"}):
            return
        if number == 0:  # the sample started again
            self._lines.pop(position, None)
        lines = self._lines.get(position, [])
        if position not in finished and number == len(lines) and line.endswith(b"\n"):
            self._lines.setdefault(position, lines).append((offset, len(line)))

    def _compact(self) -> None:
        """Leave only samples that are not finished."""
        kept = sum(length for lines in self._lines.values() for _, length in lines)
        self._waste = 0
        if kept == self._size:
            return
        index: dict[int, list[tuple[int, int]]] = {}
        with self._temporary.open("wb") as file:
            for position, lines in self._lines.items():
                index[position] = []
                for offset, length in lines:
                    index[position].append((file.tell(), length))
                    file.write(os.pread(self._opened(), length, offset))
        self._temporary.replace(self.path)
        self.close()
        self._lines = index
        self._opened()

    def _sweep(self) -> None:
        """Remove states that no sample goes on from, and count the others."""
        if not self.sessions.exists():
            return
        wanted = {path for path in map(self._last_state, self._lines) if path is not None}
        for path in self.sessions.iterdir():
            if path not in wanted or self.room is None or not self.room.take(path.stat().st_size):
                path.unlink()

    def _last_state(self, position: int) -> Path | None:
        cells = self.journal(position).saved_cells
        return self.state_path(position, cells) if cells else None


@dataclass
class Journal:
    """One sample: first what was noted of it, in order, then what is noted from now on.

    Args:
        file: where to note; None notes nothing.
        position: of the sample in its file.
        noted: lines of an earlier run.
    """

    file: RoundsFile | None = None
    position: int = 0
    noted: list[dict[str, Any]] = field(default_factory=list)
    saved_cells: int = field(init=False, default=0)
    elapsed_s: float = field(init=False, default=0.0)
    service_session: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._pending: asyncio.Task[None] | None = None
        self._state_bytes = 0
        self._answers: list[NotedAnswer] = []
        self._results: list[tuple[int, Result]] = []
        for record in self.noted:
            self._take(record)
        # A call behind the last answer may have been running when the process was killed.
        is_between = bool(self.noted) and "results" in self.noted[-1]
        self.service_session = self.noted[-1].get("session") if is_between else None
        self._answers.reverse()
        self._results.reverse()
        self.noted.clear()
        if self.saved_cells:
            with contextlib.suppress(OSError):
                self._state_bytes = self.state_path.stat().st_size

    def _take(self, record: dict[str, Any]) -> None:
        from .tools import Result

        self.elapsed_s = record["elapsed_s"]
        if "answer" in record:
            answer = record["answer"]
            ids = array("I", base64.b64decode(answer["ids"])).tolist()
            self._answers.append(NotedAnswer(ids, **{key: answer[key] for key in answer if key != "ids"}))
            return
        for one in record["results"]:
            self._results.append((one["code"], Result(one["text"], one["status"], one["wall_s"])))
        if record["saved"]:
            self.saved_cells = len(self._results)

    def next_answer(self) -> NotedAnswer | None:
        """The next answer that was noted."""
        return self._answers.pop() if self._answers else None

    def next_result(self, code: str) -> Result | None:
        """The next result that was noted.

        Raises:
            RestartError: it is that of another code, as after a change of the software.
        """
        if not self._results:
            return None
        noted_code, result = self._results.pop()
        if noted_code != _digest(code):
            raise RestartError("the noted result is that of another call")
        return result

    async def add_answer(self, answer: NotedAnswer) -> None:
        """Note an answer of the server, after what is pending."""
        await self.settle()
        ids = base64.b64encode(array("I", answer.token_ids).tobytes()).decode()
        rest = {"finish_reason": answer.finish_reason, "stop_reason": answer.stop_reason}
        text = {"text": answer.text, "completion_tokens": answer.completion_tokens} if answer.text else {}
        self._append({"answer": {"ids": ids, **rest, **text}})

    def add_results(
        self,
        results: list[tuple[str, Result]],
        cells: int,
        snapshot: Callable[[], Any] | None,
        session: str | None,
    ) -> None:
        """Note a turn's results, in the background: the session's state first.

        Args:
            results: code and result of each call.
            cells: executed in the session so far.
            snapshot: gives the session's state; None where it has none to give.
            session: its name, where it outlives this process.
        """
        if self.file is None:
            return
        rows = [
            {"code": _digest(code), "text": one.text, "status": one.status, "wall_s": one.wall_s}
            for code, one in results
        ]
        self._pending = asyncio.create_task(
            self._save({"results": rows, "session": session}, cells, snapshot)
        )

    async def settle(self) -> None:
        """Wait for what is noted in the background."""
        if self._pending is not None:
            await self._pending
            self._pending = None

    @property
    def state_path(self) -> Path:
        """The last state that was saved."""
        assert self.file is not None
        return self.file.state_path(self.position, self.saved_cells)

    async def restart(self) -> None:
        """The sample starts again from nothing."""
        await self.settle()
        self._answers.clear()
        self._results.clear()
        self.service_session = None
        if self.file is not None:
            for path in self._dropped_state():
                path.unlink(missing_ok=True)  # at once: a new state may get the same name
            self.file.forget(self.position)

    def discard(self) -> None:
        """The sample is finished."""
        if self.file is not None:
            for path in self._dropped_state():
                _remove_soon(path)
            self.file.forget(self.position)

    async def _save(self, record: dict[str, Any], cells: int, snapshot: Callable[[], Any] | None) -> None:
        assert self.file is not None
        path = self.file.state_path(self.position, cells)
        size = 0
        if snapshot is not None and self.file.room is not None:
            size = await asyncio.to_thread(_save_state, snapshot, path, self.file.room)
        self._append({**record, "saved": size > 0})
        if size:
            for before in self._dropped_state():
                _remove_soon(before)
            self.saved_cells, self._state_bytes = cells, size

    def _dropped_state(self) -> list[Path]:
        """The file of the state that is of no use any more, if there is one."""
        assert self.file is not None
        paths = [self.state_path] if self.saved_cells else []
        if self.file.room is not None:
            self.file.room.give_back(self._state_bytes)
        self.saved_cells = self._state_bytes = 0
        return paths

    def _append(self, record: dict[str, Any]) -> None:
        if self.file is not None:
            elapsed_s = round(self.elapsed_s + time.monotonic() - self._began, 3)
            self.file.append(self.position, {"elapsed_s": elapsed_s, **record})


def _save_state(snapshot: Callable[[], Any], path: Path, room: StateRoom) -> int:
    """Bytes of the state that was written; 0 where it is too large, or cannot be had."""
    from .errors import SandboxError

    try:
        state = snapshot()
        size: int = state.memory_bytes
        if size == 0 or not room.take(size):
            return 0
        try:
            path.parent.mkdir(exist_ok=True)
            state.save(path)
        except BaseException:
            room.give_back(size)
            raise
    except (SandboxError, OSError):
        return 0
    return size


def _remove_soon(path: Path) -> None:
    """Freeing some MiB takes milliseconds that an event loop has not."""
    try:
        asyncio.get_running_loop().run_in_executor(None, lambda: path.unlink(missing_ok=True))
    except RuntimeError:
        path.unlink(missing_ok=True)


def _digest(code: str) -> int:
    return zlib.crc32(code.encode("utf-8", "replace"))
