"""What several test files need."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# No test has a time limit: a busy machine would fail it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data beside the checkout (or MATHFORGE_SHARED); tests that need it skip
    without it."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    candidates = [Path(os.environ["MATHFORGE_SHARED"])] if "MATHFORGE_SHARED" in os.environ else []
    for folder in [*candidates, beside, beside.parent.parent / "shared"]:
        if (folder / "data").is_dir():
            return folder
    pytest.skip("shared test data is absent; set MATHFORGE_SHARED")


class ScriptedServer:
    """A real HTTP server on a free port that gives prepared answers in order and remembers what it was asked.

    A reply is a JSON object, a pair (status, object), a list of objects (server-sent events), or `reset` (the
    connection is cut).
    When the replies are used up the last one repeats. Requests by which a client finds out what the server
    can do are answered by `probe` and not remembered.
    """

    def __init__(
        self, *replies: object, models: list[dict[str, object]] | None = None, probe: Any = None
    ) -> None:
        self.replies = list(replies)
        self.probe = probe or self._able
        self.models = [{"id": "tiny", "max_model_len": 4096}] if models is None else models
        self.requests: list[tuple[str, dict[str, Any], str]] = []

    async def __aenter__(self) -> "ScriptedServer":
        from aiohttp import web

        app = web.Application(client_max_size=1 << 28)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        assert self._site._server is not None
        self.url = f"http://127.0.0.1:{self._site._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _list(self, _: Any) -> Any:
        from aiohttp import web

        return web.json_response({"data": self.models})

    @staticmethod
    def _able(body: dict[str, Any]) -> object:
        """The answer to a question what the server can do: everything."""
        ids = [1] if body.get("return_token_ids") else None
        answer = {"choices": [{"text": "x", "token_ids": ids, "finish_reason": "length"}]}
        return [answer] if body.get("stream") else answer

    async def _answer(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        if request.headers.get("X-Request-Id") == "mathforge/probe":
            reply: Any = self.probe
        else:
            self.requests.append((request.path, body, request.headers.get("X-Request-Id", "")))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(body)
        if reply == "reset":
            request.transport.abort()
            return web.Response()
        if isinstance(reply, list):
            stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await stream.prepare(request)
            data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in reply)
            for start in range(0, len(data), 7):  # chunks that split lines and characters
                await stream.write(data[start : start + 7])
            await stream.write(b"data: [DONE]\n\n")
            return stream
        status, content = reply if isinstance(reply, tuple) else (200, reply)
        return web.json_response(content, status=status)


@pytest.fixture(scope="session")
def scripted_server() -> type[ScriptedServer]:
    """The class of servers with prepared answers."""
    return ScriptedServer
