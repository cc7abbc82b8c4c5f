"""Routes, refusals and the life of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from ...errors import SandboxError
from .. import Outcome, Sandbox
from ..remote import OUTCOME_HEADER
from . import wire
from .clients import Clients
from .sessions import Sessions
from .wire import RefusedError, Request

CLIENT = web.RequestKey("client", str)
LONGEST_EXPIRY_CHECK_S = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What `mathforge sandbox serve` was asked for.

    Attributes:
        clients: who may ask.
        max_sessions: open sessions of one client.
        idle_s: seconds without a cell after which a session is closed.
        max_timeout_s: the longest time limit that a cell may ask for, in seconds.
        max_body_bytes: the largest request.
        max_waiting: cells that may wait for a processor before further ones are turned away.
    """

    clients: Clients = field(default_factory=Clients)
    max_sessions: int = 1000
    idle_s: float = 3600.0
    max_timeout_s: float = 3600.0
    max_body_bytes: int = 16 << 20
    max_waiting: int = 4096


class Service:
    """The aiohttp application around one sandbox."""

    def __init__(self, box: Sandbox, settings: Settings) -> None:
        self._box = box
        self.settings = settings
        self._sessions = Sessions(box, settings.max_sessions, settings.idle_s)

    def application(self) -> web.Application:
        """The routes of NeMo-Skills' sandbox server."""
        app = web.Application(
            client_max_size=self.settings.max_body_bytes, middlewares=[refusals_as_json, self._admit]
        )
        app.router.add_get("/health", self._health)
        app.router.add_post("/execute", self._execute)
        app.router.add_get("/sessions", self._list)
        app.router.add_delete("/sessions/{name:.+}", self._delete)
        app.cleanup_ctx.append(self._expiring)
        return app

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        # A page in a browser on this machine can reach loopback too; a browser says so with this header.
        if "Origin" in request.headers:
            raise RefusedError(403, "requests of web pages are refused")
        if request.path != "/health":
            client = self.settings.clients.identify(request.headers.get("Authorization"))
            if client is None:
                raise RefusedError(401, "a known token is needed: Authorization: Bearer TOKEN")
            request[CLIENT] = client
        return await handler(request)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "healthy", "worker": str(os.getpid())})

    async def _execute(self, request: web.Request) -> web.Response:
        body, name = await request.read(), request.headers.get("X-Session-ID")
        asked = wire.read_request(body, name, self.settings.max_timeout_s)
        if self._box.waiting >= self.settings.max_waiting:
            raise RefusedError(503, f"{self._box.waiting} cells wait for a processor", retry_after_s=1)
        if asked.session_id is None:
            return web.json_response(wire.program_answer(await self._program(asked), asked))
        outcome, is_new = await self._sessions.run(
            request[CLIENT], asked.session_id, asked.code, asked.timeout_s
        )
        answer = wire.cell_answer(outcome, asked, new_session=is_new)
        return web.json_response(answer, headers={OUTCOME_HEADER: wire.more_of(outcome)})

    async def _program(self, asked: Request) -> Outcome:
        """Run code in a session of its own, without the echo of a last expression."""
        session = self._box.session()
        try:
            if asked.std_input:
                reading = f"import io, sys\nsys.stdin = io.StringIO({asked.std_input!r})"
                await session.run_async(reading, asked.timeout_s)
            return await session.run_async(f"{asked.code}\npass", asked.timeout_s)
        finally:
            session.close()

    async def _list(self, request: web.Request) -> web.Response:
        sessions = self._sessions.describe(request[CLIENT])
        return web.json_response({"sessions": sessions, "backend": wire.STATEFUL})

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._sessions.close(request[CLIENT], name):
            return web.json_response({"error": f"IPython session {name} not found"}, status=404)
        return web.json_response({"message": f"IPython session {name} deleted successfully"})

    async def _expiring(self, _: web.Application) -> AsyncIterator[None]:
        interval_s = min(LONGEST_EXPIRY_CHECK_S, max(0.05, self.settings.idle_s / 4))

        async def expire() -> None:
            while True:
                await asyncio.sleep(interval_s)
                self._sessions.expire()

        task = asyncio.create_task(expire())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._sessions.close_all()


@web.middleware
async def refusals_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every answer is a JSON object, whatever goes wrong."""
    try:
        return await handler(request)
    except RefusedError as error:
        refused = error
    except web.HTTPRequestEntityTooLarge as error:
        refused = RefusedError(413, f"the request is too large: {error.reason}")
    except web.HTTPException as error:
        refused = RefusedError(error.status, error.reason)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr, flush=True)
        refused = RefusedError(500, str(error))
    except Exception:
        logging.getLogger(__name__).exception("request %s %s", request.method, request.path)
        refused = RefusedError(500, "internal error")
    headers = {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(refused.retry_after_s)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response(refused.body, status=refused.status, headers=headers)
