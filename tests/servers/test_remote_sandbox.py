"""The evaluation's Python tool on a sandbox service: the same texts as on this machine, losses told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sandbox_service import ask, serving

from mathforge.checkpoints import Journal, NotedAnswer, RoundsFile
from mathforge.config import CodeExecution
from mathforge.errors import SandboxError
from mathforge.sandbox import Sandbox
from mathforge.sandbox.remote import RemoteSandbox, connect
from mathforge.sandbox.service.application import Settings
from mathforge.sandbox.service.clients import Clients
from mathforge.tools import PythonTool

TOKEN = "t" * 32
LIMITS = CodeExecution(code_execution_timeout=0.5)
CELLS = [
    "x = 20",
    "print('a')\nx + 1",
    "1/0",
    "import sys; print('warning', file=sys.stderr); x",
    "for i in range(1000): print(i)\nraise ValueError('end')",
    "[0] * 10**9",
    "import time; time.sleep(9)",
    "x",
    "!ls",
    "print('\\ud800')",
]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(memory_mib=256) as box:
        yield box


def test_the_model_reads_the_same_as_from_this_machine(box):
    async def texts(sandbox) -> list[tuple[str, str]]:
        tool = PythonTool(sandbox, LIMITS)
        results = [await tool.run(code) for code in CELLS]
        tool.close()
        return [(result.status, result.text.strip()) for result in results]

    async def both(url: str) -> None:
        async with connect(url) as remote:
            assert await texts(remote) == await texts(box)
            await remote.settle()
        assert ask("GET", f"{url}/sessions")[1]["sessions"] == {}

    with serving(box) as url:
        asyncio.run(both(url))


def test_a_session_that_the_service_has_lost_is_lost(box):
    async def scenario(url: str) -> None:
        async with connect(url) as remote:
            session = remote.session()
            assert (await session.run_async("x = 1")).status == "ok"
            (name,) = ask("GET", f"{url}/sessions")[1]["sessions"]
            ask("DELETE", f"{url}/sessions/{name}")
            assert (await session.run_async("x")).status == "lost"
            assert (await session.run_async("1")).stdout == "1\n"

    with serving(box) as url:
        asyncio.run(scenario(url))


def test_what_is_wrong_is_said(box, monkeypatch):
    async def first(url: str) -> str:
        async with connect(url) as remote:
            return (await remote.session().run_async("1 + 1")).stdout

    with pytest.raises(SandboxError, match="no sandbox service answers at http"):
        asyncio.run(first("127.0.0.1:9"))
    import hashlib

    clients = Clients({hashlib.sha256(TOKEN.encode()).digest(): "alice"})
    with serving(box, Settings(clients=clients)) as url:
        monkeypatch.setenv("MATHFORGE_SANDBOX_TOKEN", "wrong")
        with pytest.raises(SandboxError, match="a known token is needed") as caught:
            asyncio.run(first(url))
        assert "MATHFORGE_SANDBOX_TOKEN" in (caught.value.hint or "")
        monkeypatch.setenv("MATHFORGE_SANDBOX_TOKEN", TOKEN)
        assert asyncio.run(first(url)) == "2\n"


def journal(folder: Path) -> Journal:
    file = RoundsFile(folder / "output-rs0.jsonl", None)
    file.open(set())
    return file.journal(0)


async def run_noted(remote: RemoteSandbox, folder: Path, *codes: str) -> list[str]:
    """Calls of a process that is killed behind them: each noted, the session not given back."""
    noted = journal(folder)
    tool = PythonTool(remote, LIMITS, noted)
    texts = []
    for code in codes:
        texts.append((await tool.run(code)).text)
        tool.note()
    await noted.settle()
    return texts


def test_a_session_outlives_a_client_that_is_killed(box, tmp_path):
    cells = ["import random; x = random.random(); x", "y = x + random.random(); y"]

    async def scenario(url: str) -> None:
        async with connect(url) as remote:
            texts = await run_noted(remote, tmp_path, *cells)
        async with connect(url) as remote:
            assert await run_noted(remote, tmp_path, *cells, "x, y") == [
                *texts,
                f"({texts[0].strip()}, {texts[1].strip()})\n",
            ]

    with serving(box) as url:
        asyncio.run(scenario(url))


def test_a_session_in_which_a_call_may_have_been_running_is_made_anew(box, tmp_path):
    async def scenario(url: str) -> None:
        async with connect(url) as remote:
            await run_noted(remote, tmp_path, "x = 5; x")
            noted = journal(tmp_path)
            await noted.add_answer(NotedAnswer([1], "stop", None))  # it may ask for a call
            (name,) = ask("GET", f"{url}/sessions")[1]["sessions"]
            await remote.execute(name, "x += 1", 5.0)
        async with connect(url) as remote:
            assert await run_noted(remote, tmp_path, "x = 5; x", "x += 1; x") == ["5\n", "6\n"]

    with serving(box) as url:
        asyncio.run(scenario(url))


def test_a_session_that_the_service_has_lost_meanwhile_is_rebuilt(box, tmp_path):
    async def scenario(url: str) -> None:
        async with connect(url) as remote:
            await run_noted(remote, tmp_path, "x = 5; x", "x += 1; x")
        (name,) = ask("GET", f"{url}/sessions")[1]["sessions"]
        assert ask("DELETE", f"{url}/sessions/{name}")[0] == 200
        async with connect(url) as remote:
            assert await run_noted(remote, tmp_path, "x = 5; x", "x += 1; x", "x") == ["5\n", "6\n", "6\n"]

    with serving(box) as url:
        asyncio.run(scenario(url))
