"""HTTP with one server: a request is sent once and its answer read, whole or as a stream."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..completions import Answer, EventLines, RefusedError, read_error
from ..errors import ServerError
from .models import Model, choose

if TYPE_CHECKING:
    import aiohttp

CONNECT_TIMEOUT_S = 5.0
_QUESTION_TIMEOUT_S = 10.0
_ADDRESS_HINT = "start the server, or correct --server-address (for example http://localhost:8000/v1)"


class Reader(Protocol):
    """Reads an answer while it arrives."""

    def start(self) -> None:
        """A try begins; what an earlier one brought is void."""

    def read(self, ids: list[int]) -> bool:
        """Take in new ids; True ends the request, whose answer then has no `finish_reason`."""


class Connection:
    """The HTTP session with one server.

    Args:
        url: ends in /v1.
        api_key_env_var: environment variable that holds the key.
        on_tokens: told how many tokens have arrived.
        question_timeout_s: for questions about health and models, at most 10.

    Attributes:
        url: as given.
        has_health: whether the server has a /health route.
        heard_at: when the last part of an answer came (monotonic seconds).
    """

    def __init__(
        self,
        url: str,
        api_key_env_var: str,
        on_tokens: Callable[[int], None],
        question_timeout_s: float = _QUESTION_TIMEOUT_S,
    ) -> None:
        self.url = url
        self._question_timeout_s = min(question_timeout_s, _QUESTION_TIMEOUT_S)
        self.has_health = False
        self._api_key_env_var = api_key_env_var
        self._on_tokens = on_tokens
        self.heard_at = 0.0
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session; opened when needed."""
        import aiohttp

        if self._session is None:
            key = os.environ.get(self._api_key_env_var)
            self._session = aiohttp.ClientSession(
                # Pooled connections live as long as the server keeps them; no limit: the loop has one.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                headers={"Authorization": f"Bearer {key}"} if key else {},
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        return self._session

    async def close(self) -> None:
        """Drop all connections; requests that wait for an answer fail. May be used again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, path: str, body: bytes, headers: dict[str, str], timeout_s: float, reader: Reader | None
    ) -> Answer:
        """Post a request and read its answer.

        Raises:
            RefusedError: the server answered with an error.
            TimeoutError: no whole answer in time.
            aiohttp.ClientError, OSError: the connection failed.
            ValueError, TypeError, AttributeError: the answer makes no sense.
        """
        answer = Answer()
        if reader is not None:
            reader.start()
        async with (
            asyncio.timeout(timeout_s),
            self.session.post(f"{self.url}/{path}", data=body, headers=headers) as response,
        ):
            self.heard_at = time.monotonic()
            if response.status != 200:
                raise read_error(response.status, await response.text(), response.headers.get("Retry-After"))
            if response.content_type != "text/event-stream":
                whole = _as_object(await response.read())
                answer.add(whole)
                if not whole.get("choices"):
                    raise ValueError("the answer has no choices")
                self._on_tokens(len(answer.token_ids) if answer.token_ids else answer.completion_tokens or 0)
                if reader is not None:
                    reader.read(answer.token_ids or [])
                return answer
            if await self._read_stream(response, answer, reader):
                return answer  # leaving closes the connection, which ends the request
        if answer.finish_reason is None:
            raise ValueError("the stream ended before the answer did")
        return answer

    async def _read_stream(
        self, response: aiohttp.ClientResponse, answer: Answer, reader: Reader | None
    ) -> bool:
        """Returns whether the reader has had enough."""
        lines = EventLines()
        async for data in response.content.iter_any():
            self.heard_at = time.monotonic()
            count = 0
            for chunk in lines.push(data):
                new = answer.add(chunk)
                count += new
                # Event by event, so that where an answer is cut does not depend on how its events travelled.
                if reader is not None and new and answer.token_ids is not None:
                    has_enough = reader.read(answer.token_ids[-new:])
                    if has_enough and answer.finish_reason is None:
                        self._on_tokens(count)
                        return True
            self._on_tokens(count)
        return False

    async def is_up(self) -> bool:
        """Whether the server answers a small question at all; vLLM's /health also asks its engine."""
        try:
            if self.has_health:
                return await self._status("/health") == 200
            await self._list_models()
        except RefusedError as error:
            return error.status < 500
        except (OSError, ValueError, TimeoutError, client_error()):
            return False
        return True

    async def find_model(self, wanted: str | None) -> Model:
        """The model to ask for, as `models.choose` finds it.

        Raises:
            ServerError: the server or its model is not there; code `no_server` where nothing answers.
        """
        try:
            models = await self._list_models()
            self.has_health = await self._status("/health") == 200
        except RefusedError as error:
            if error.status in {401, 403}:
                raise self.refused_key(error) from error
            raise ServerError(
                f"no model list at `{self.url}/models` ({error})", hint=_ADDRESS_HINT
            ) from error
        except ValueError as error:
            raise ServerError(f"not an OpenAI-compatible server: `{self.url}`", hint=_ADDRESS_HINT) from error
        except (OSError, TimeoutError, client_error()) as error:
            message = f"no server answers at `{self.url}` ({reason_of(error)})"
            raise ServerError(message, hint=_ADDRESS_HINT, code="no_server") from error
        return choose(models, wanted, self.url)

    def refused_key(self, error: RefusedError) -> ServerError:
        """What to raise when the server wants another key."""
        return ServerError(
            f"the server refuses the key ({error}): `{self.url}`", hint=f"set {self._api_key_env_var}"
        )

    async def version(self) -> str | None:
        """What `/version` says; None where it is not there."""
        try:
            async with self._ask("/version") as response:
                return str((await response.json())["version"]) if response.status == 200 else None
        except (OSError, ValueError, KeyError, TypeError, TimeoutError, client_error()):
            return None

    async def _list_models(self) -> list[dict[str, Any]]:
        async with self._ask("/v1/models") as response:
            if response.status != 200:
                raise read_error(response.status, await response.text())
            listed = _as_object(await response.read()).get("data", [])
            return [model for model in listed if isinstance(model, dict)]

    async def _status(self, path: str) -> int:
        async with self._ask(path) as response:
            return int(response.status)

    def _ask(self, path: str) -> Any:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=self._question_timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        return self.session.get(f"{self.url.removesuffix('/v1')}{path}", timeout=timeout)


def client_error() -> type[Exception]:
    """aiohttp's base class, without importing aiohttp at the start."""
    import aiohttp

    return aiohttp.ClientError


def is_refused(error: Exception) -> bool:
    """Whether nothing listens at the address."""
    return isinstance(getattr(error, "os_error", error), ConnectionRefusedError)


def reason_of(error: Exception) -> str:
    """Why a connection failed, in a few words."""
    cause = getattr(error, "os_error", error)  # what aiohttp wraps
    if isinstance(cause, OSError) and cause.errno:
        text = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror  # negative: a failed look-up
        return (text or str(cause)).lower()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def _as_object(body: bytes) -> dict[str, Any]:
    parsed = json.loads(body)
    if not isinstance(parsed, dict):
        raise ValueError("the answer is not a JSON object")
    return parsed
