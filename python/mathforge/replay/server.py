"""An OpenAI-compatible server that plays recordings: routes, pacing, cancellation and rehearsed failures."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aiohttp import web

from mathforge.replay import chat, completions
from mathforge.replay.faults import Faults
from mathforge.replay.matching import find
from mathforge.replay.playing import Step, play
from mathforge.replay.recording import Library
from mathforge.replay.requests import Completion, RequestError, bad_request
from mathforge.servers.capabilities import PROBE_ID

MAX_BODY_BYTES = 1 << 28
# Events written at once when nothing paces them: each is still an event of its own, but the system calls are
# shared.
EVENTS_PER_WRITE = 64
ENGINE_DEAD = RequestError(
    500, "InternalServerError", "EngineCore encountered an issue (rehearsed by --fail)."
)

Answer = completions.CompletionAnswer | chat.ChatAnswer


@dataclass(frozen=True, slots=True)
class Settings:
    """What `mathforge serve --replay` was asked for.

    Attributes:
        model: the served model's name; requests for another are answered with 404.
        max_model_len: context length in tokens.
        tokens_per_second: pace of each stream; None is as fast as it goes.
    """

    model: str
    max_model_len: int = 131072
    tokens_per_second: float | None = None
    faults: Faults = field(default_factory=lambda: Faults([]))


class ReplayServer:
    """The aiohttp application and the little state behind it."""

    def __init__(
        self, library: Library, settings: Settings, log: Callable[[str], None] | None = None
    ) -> None:
        self._library = library
        self._settings = settings
        self._log = log or (lambda line: print(line, file=sys.stderr, flush=True))
        self._created = int(time.time())
        self._running = 0
        self._served_tokens = 0

    def application(self) -> web.Application:
        """The routes of vLLM that an evaluation uses."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[errors_as_json])
        app.router.add_get("/health", self._health)
        app.router.add_get("/version", self._version)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/completions", self._completions)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, _: web.Request) -> web.Response:
        from mathforge import __version__

        return web.json_response({"version": f"mathforge-replay {__version__}"})

    async def _metrics(self, _: web.Request) -> web.Response:
        label = f'{{model_name="{self._settings.model}"}}'
        lines = [
            f"vllm:num_requests_running{label} {self._running}",
            f"vllm:generation_tokens_total{label} {self._served_tokens}",
        ]
        return web.Response(text="\n".join(lines) + "\n")

    async def _models(self, _: web.Request) -> web.Response:
        model = {
            "id": self._settings.model,
            "object": "model",
            "created": self._created,
            "owned_by": "mathforge",
            "root": self._settings.model,
            "parent": None,
            "max_model_len": self._settings.max_model_len,
        }
        return web.json_response({"object": "list", "data": [model]})

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, completions.read, completions.CompletionAnswer)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, chat.read, chat.ChatAnswer)

    async def _serve(
        self,
        request: web.Request,
        read: Callable[[dict[str, Any], int], Completion],
        answer_of: Callable[[Completion, str, str], Answer],
    ) -> web.StreamResponse:
        is_probe = request.headers.get("X-Request-Id") == PROBE_ID  # nothing is recorded for it
        failure = None if is_probe else self._settings.faults.next()
        if failure == "500":
            raise ENGINE_DEAD
        if failure == "hang":
            await asyncio.Event().wait()
        body = await read_json(request)
        if body.get("model") not in {self._settings.model, None, ""}:
            message = (
                f"The model `{body['model']}` does not exist; this server plays `{self._settings.model}`."
            )
            raise RequestError(404, "NotFoundError", message, "model")
        asked = read(body, self._settings.max_model_len)
        request_id = request.headers.get("X-Request-Id")
        match = find(self._library, asked.prompt, request_id=request_id, seed=asked.seed)
        if match.missing and not is_probe:
            self._log(f"replay: empty answer: {match.missing}")
        steps = list(play(match, asked.sampling))
        answer = answer_of(asked, self._settings.model, uuid.uuid4().hex)
        self._running += 1
        try:
            if asked.stream:
                return await self._stream(request, answer, steps, failure)
            if failure:
                fail(request, failure)
            await self._wait(len(steps), time.monotonic())
            self._served_tokens += len(steps)
            return web.json_response(answer.whole(steps))
        finally:
            self._running -= 1

    async def _stream(
        self, request: web.Request, answer: Answer, steps: list[Step], failure: str | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        started = time.monotonic()
        shown = len(steps) // 2 if failure else len(steps)
        at_once = 1 if self._settings.tokens_per_second else EVENTS_PER_WRITE
        await response.write(answer.opening().encode())
        for first in range(0, shown, at_once):
            batch = steps[first : min(first + at_once, shown)]
            await self._wait(first + len(batch), started)
            await response.write("".join(map(answer.event, batch)).encode())
            self._served_tokens += len(batch)
        if failure == "error":
            await response.write(f"data: {json.dumps(ENGINE_DEAD.body)}\n\n".encode())
        elif failure:
            fail(request, failure)
        else:
            await response.write(answer.closing(len(steps)).encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _wait(self, tokens: int, started: float) -> None:
        """Sleep until `tokens` are due; unpaced, let other requests have a turn."""
        pace = self._settings.tokens_per_second
        await asyncio.sleep(max(0.0, started + tokens / pace - time.monotonic()) if pace else 0)


async def read_json(request: web.Request) -> dict[str, Any]:
    """The request's body as a JSON object."""
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise bad_request(f"The request body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object.")
    return body


def fail(request: web.Request, how: str) -> NoReturn:
    """End the connection or the process, or answer 500."""
    if how == "exit":
        os._exit(1)
    if how == "reset" and request.transport is not None:
        # A zero linger makes the kernel send a reset instead of an orderly end, as a killed machine would.
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        raise ConnectionResetError
    raise ENGINE_DEAD


@web.middleware
async def errors_as_json(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Refusals in vLLM's shape; unknown routes as FastAPI words them; a lost client is nobody's error."""
    try:
        response: web.StreamResponse = await handler(request)
    except RequestError as error:
        return web.json_response(error.body, status=error.status)
    except web.HTTPException as error:
        return web.json_response({"detail": error.reason}, status=error.status)
    except ConnectionError:
        return web.Response(status=499)
    return response
