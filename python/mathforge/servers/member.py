"""One of the servers behind a `Server`: connection, breaker, what it can do, and how it comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ..completions import Answer, RefusedError
from ..config import Endpoint, Inference
from ..errors import ServerError
from .breaker import Breaker
from .capabilities import Capabilities, probe
from .connection import Connection, Reader
from .models import Model

_HEARTBEAT_S = 15.0
# Fields that say something twice, or more than the protocol knows: they may be refused.
_DISPENSABLE = (
    "return_token_ids",
    "chat_template_kwargs",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "add_special_tokens",
)
_RENAMED = {"max_tokens": "max_completion_tokens"}  # where a hosted model wants the newer name


class Member:
    """One server.

    Args:
        connection: to it.
        endpoint: limits of patience, and the model's name.
        on_change: told when requests may be sent again, or never again.
        log_path: receives what the server can do, as a JSON line.

    Attributes:
        in_flight: requests that wait for its answer.
        requests: sent to it so far.
        is_quiet_until: it asked for a pause until then (monotonic seconds).
        down_since: when it stopped answering, or None.
        is_dead: silent for longer than the endpoint's patience, or ended for good.
        trouble: what was last wrong with it.
    """

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint,
        on_change: Callable[[], None],
        log_path: Path | None = None,
    ) -> None:
        self.connection = connection
        self.url = connection.url
        self.in_flight = 0
        self.requests = 0
        self.is_quiet_until = 0.0
        self.down_since: float | None = None
        self.is_dead = False
        self.trouble = ""
        self._endpoint = endpoint
        self._on_change = on_change
        self._log_path = log_path
        self._breaker = Breaker()
        self._model: Model | None = None
        self._refused: set[str] = set()
        self._able: Capabilities | None = None
        self._probing: asyncio.Task[Capabilities] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._heartbeat: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent to it now."""
        return self._breaker.admits()

    async def find_model(self) -> Model:
        """Its model; raises as `Connection.find_model`."""
        self._model = await self.connection.find_model(self._endpoint.model)
        return self._model

    async def capabilities(self) -> Capabilities:
        """What its completions endpoint can do; asked once, however many requests want to know.

        Raises:
            ServerError: it cannot serve Harmony.
            RefusedError, OSError, aiohttp.ClientError: it could not be asked now.
        """
        if self._able is None:
            if self._probing is None:
                self._probing = asyncio.create_task(self._probe())
            try:
                self._able = await asyncio.shield(self._probing)
            finally:
                if self._probing is not None and self._probing.done():
                    self._probing = None
        return self._able

    async def _probe(self) -> Capabilities:
        assert self._model is not None  # requests are only sent to a server that has answered
        try:
            able = await probe(self.connection, self._model.name)
        except TimeoutError:
            raise ConnectionError("the first request is not answered") from None
        for lack in able.lacks():
            print(f"note: {self.url}: {lack}", file=sys.stderr)
        if self._log_path is not None:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            row = {"address": self.url, "server_type": self._endpoint.server_type, "at": time.time()}
            row |= {"model": self._model.name, "context_tokens": self._model.context_tokens}
            with self._log_path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(row | able.to_json()) + "\n")
        return able

    def sampling(self, inference: Inference, seed: int) -> dict[str, object]:
        """The fields of a request that say how tokens are sampled."""
        assert self._model is not None
        body: dict[str, object] = {
            "model": self._model.name,
            "temperature": inference.temperature,
            "top_p": inference.top_p,
            "seed": seed,
        }
        if inference.top_k > 0:
            body["top_k"] = inference.top_k
        if inference.min_p:
            body["min_p"] = inference.min_p
        if inference.repetition_penalty != 1:
            body["repetition_penalty"] = inference.repetition_penalty
        return body

    def understood(self, body: dict[str, object]) -> dict[str, object]:
        """A request in the words that the server has not refused so far."""
        renamed = {_RENAMED[name]: body[name] for name in _RENAMED if name in self._refused and name in body}
        return {name: value for name, value in body.items() if name not in self._refused} | renamed

    def learns_from(self, error: RefusedError) -> bool:
        """Whether a refusal names a field that can be left out or said otherwise, and was not known."""
        if error.status not in {400, 422}:
            return False
        named = {name for name in _DISPENSABLE if name in error.message}
        named |= {
            old for old, new in _RENAMED.items() if new in error.message and "nsupported" in error.message
        }
        named -= self._refused
        self._refused |= named
        return bool(named)

    async def send(
        self, path: str, body: bytes, headers: dict[str, str], timeout_s: float, reader: Reader | None
    ) -> Answer:
        """As `Connection.send`."""
        return await self.connection.send(path, body, headers, timeout_s, reader)

    def begin(self) -> None:
        """A request is about to be sent."""
        self._breaker.begin()
        self.in_flight += 1
        self.requests += 1
        if self._heartbeat is None:
            self._heartbeat = asyncio.create_task(self._listen())

    def succeed(self) -> None:
        """It answered."""
        was_closed = self._breaker.state == "closed"
        self._breaker.succeed()
        if not was_closed and self._breaker.state == "closed":
            self._on_change()

    def release(self) -> None:
        """A request was withdrawn."""
        self._breaker.release()

    def fail(self, request: str, trouble: str, *, is_certain: bool = False) -> None:
        """A request went wrong through its fault."""
        self.trouble = trouble
        if self._breaker.fail(request, is_certain=is_certain):
            self._begin_recovery()

    def shut_out(self, trouble: str) -> None:
        """Send it nothing until it answers again."""
        self.trouble = trouble
        if self._breaker.state != "open":
            self._breaker.open()
            self._begin_recovery()

    async def answers(self) -> bool:
        """Whether it answers at all; it is shut out if not."""
        if await self.connection.is_up():
            return True
        self.shut_out(self.trouble)
        return False

    async def close(self) -> None:
        """End everything."""
        tasks = [task for task in (self._recovery, self._heartbeat, self._probing) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await self.connection.close()

    def _begin_recovery(self) -> None:
        self.down_since = self.down_since or time.monotonic()
        if self._recovery is None or self._recovery.done():
            self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """Ask from time to time until it answers, then let a trial request through."""
        from ..launching import fate

        patience_s = self._endpoint.give_up_after_s
        assert self.down_since is not None
        questions = 0
        while True:
            await asyncio.sleep(min(self._breaker.pause_s(questions), patience_s / 4))
            questions += 1
            known = fate(self.url)
            if known == "gone":
                self._die()
                return
            if known != "starting" and await self._is_back():
                self.down_since, self.is_dead = None, False
                self._breaker.half_open()
                self._on_change()
                return
            if known != "starting" and time.monotonic() - self.down_since >= patience_s:
                self._die()

    def _die(self) -> None:
        if not self.is_dead:
            self.is_dead = True
            self._on_change()

    async def _is_back(self) -> bool:
        if self._model is not None:
            return await self.connection.is_up()
        try:
            await self.find_model()  # it was not there when the run began
        except ServerError as error:
            self.trouble = str(error)
            return False
        return True

    async def _listen(self) -> None:
        """Cut off a server that holds requests and answers nothing, such as a machine that lost its network:
        nothing else would end the wait before the request's own time limit."""
        interval_s = min(_HEARTBEAT_S, self._endpoint.give_up_after_s / 4)
        silent_since: float | None = None
        while True:
            await asyncio.sleep(interval_s)
            now = time.monotonic()
            has_news = now - self.connection.heard_at < interval_s
            if self.in_flight == 0 or not self.is_open or has_news or await self.connection.is_up():
                silent_since = None
                continue
            silent_since = silent_since or now
            if now - silent_since >= self._endpoint.give_up_after_s:
                self.shut_out("it has stopped answering anything")
                await self.connection.close()
                silent_since = None
