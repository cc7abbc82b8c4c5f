"""A client of one OpenAI-compatible server: token ids or messages in, answers out, retries in between.

Failures have three sizes. A request that the server refuses for a reason of its own is the sample's
(`RefusedError`). A request that fails again and again while the server answers others is the sample's too
(`FailedRequestError`). A server that no longer answers at all ends the run (`ServerError`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from . import harmony
from .completions import Answer, EventLines, RefusedError, read_error
from .config import Endpoint, Inference
from .errors import ServerError

if TYPE_CHECKING:
    import aiohttp

STOP_IDS = (harmony.RETURN, harmony.CALL, harmony.ENDOFTEXT)
DEFAULT_CONTEXT_TOKENS = 131072  # of gpt-oss
_CONNECT_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 10.0
_LONGEST_PAUSE_S = 8.0
# Servers that understand vLLM's additions to the protocol.
_EXTENDED = frozenset({"vllm", "sglang", "replay"})


class FailedRequestError(Exception):
    """One request failed on every try although the server answers."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model behind the server.

    Attributes:
        name: what requests call it.
        context_tokens: its context window.
    """

    name: str
    context_tokens: int


class Reader(Protocol):
    """Reads an answer while it arrives."""

    def start(self) -> None:
        """A try begins; what an earlier one brought is void."""

    def read(self, ids: list[int]) -> bool:
        """Take in new ids; True ends the request, whose answer then has no `finish_reason`."""


class Server:
    """One endpoint; an async context manager. Opening it checks address, key and model name within seconds.

    Attributes:
        model: known once opened.
    """

    model: Model

    def __init__(self, endpoint: Endpoint, on_tokens: Callable[[int], None] = lambda count: None) -> None:
        self._endpoint = endpoint
        self._on_tokens = on_tokens
        self._url = endpoint.address()
        self._takes_extensions = endpoint.server_type in _EXTENDED
        self._down_since: float | None = None
        self._has_answered = False
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Server:
        import aiohttp

        key = os.environ.get(self._endpoint.api_key_env_var)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )
        try:
            self.model = await self._find_model()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def complete(
        self,
        prompt_ids: list[int],
        inference: Inference,
        *,
        max_tokens: int,
        seed: int,
        request_id: str,
        reader: Reader | None = None,
    ) -> Answer:
        """Continue a prompt; the answer always has `token_ids`.

        Args:
            prompt_ids: Harmony ids up to where the model goes on.
            inference: sampling.
            max_tokens: at most so many tokens.
            seed: of the sampler.
            request_id: `<benchmark>/<problem id>/rs<seed>/<round>`, sent as X-Request-Id.
            reader: reads the ids as they arrive, all of them at once where the server does not stream.

        Raises:
            RefusedError: the server refuses this request.
            FailedRequestError: every try failed although the server answers.
            ServerError: the server is dead, or refuses all requests alike.
        """
        body = {"prompt": prompt_ids, "max_tokens": max_tokens, **self._sampling(inference, seed)}
        if self._takes_extensions:
            body |= {
                "stop_token_ids": list(STOP_IDS),
                "skip_special_tokens": False,
                "spaces_between_special_tokens": False,
                "include_stop_str_in_output": True,
            }
        answer = await self._ask("completions", body, request_id, inference.timeout, reader)
        if answer.token_ids is None:
            answer.token_ids = _ids_of_text(answer)
            if reader is not None:
                reader.start()
                reader.read(answer.token_ids)
        return answer

    async def continue_text(
        self,
        prompt: str,
        inference: Inference,
        *,
        max_tokens: int,
        seed: int,
        request_id: str,
        stop: Sequence[str] = (),
    ) -> Answer:
        """Continue a text, for models other than gpt-oss; special tokens show in the answer's text.

        Parameters and errors as in `complete`; `stop` are strings that end the answer.
        """
        body = {"prompt": prompt, "max_tokens": max_tokens, **self._sampling(inference, seed)}
        if stop:
            body["stop"] = list(stop)
        if self._takes_extensions:
            body |= {
                "skip_special_tokens": False,
                "spaces_between_special_tokens": False,
                "add_special_tokens": False,  # the prompt has its own
            }
        return await self._ask("completions", body, request_id, inference.timeout)

    async def chat(
        self,
        messages: list[dict[str, str]],
        inference: Inference,
        *,
        max_tokens: int | None,
        seed: int,
        request_id: str,
        extra: dict[str, object],
    ) -> Answer:
        """Answer messages; parameters and errors as in `complete`. `extra` holds more body fields."""
        body: dict[str, object] = {"messages": messages, **self._sampling(inference, seed)}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        return await self._ask("chat/completions", {**extra, **body}, request_id, inference.timeout)

    def _sampling(self, inference: Inference, seed: int) -> dict[str, object]:
        body: dict[str, object] = {
            "model": self.model.name,
            "temperature": inference.temperature,
            "top_p": inference.top_p,
        }
        body["seed"] = seed
        if self._takes_extensions:
            body["return_token_ids"] = True
        optional = {
            "top_k": inference.top_k if inference.top_k > 0 else None,
            "min_p": inference.min_p or None,
            "repetition_penalty": inference.repetition_penalty if inference.repetition_penalty != 1 else None,
        }
        body |= {key: value for key, value in optional.items() if value is not None}
        if inference.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body | inference.extra_body

    async def _ask(
        self,
        path: str,
        body: dict[str, object],
        request_id: str,
        timeout_s: float,
        reader: Reader | None = None,
    ) -> Answer:
        import aiohttp

        headers = {
            "X-Request-Id": quote(request_id, safe="/:@+,;=!*'() ~"),
            "Content-Type": "application/json",
        }
        for attempt in range(1_000_000):
            try:
                answer = await asyncio.wait_for(
                    self._send(path, json.dumps(body).encode(), headers, reader), timeout_s
                )
            except RefusedError as error:
                self._down_since = None
                if "return_token_ids" in error.message and body.pop("return_token_ids", None):
                    continue  # a server without this extension says so by name
                self._raise_if_hopeless(error)
                reason, pause_s = str(error), error.retry_after_s
            except TimeoutError as error:
                if not isinstance(error, aiohttp.ConnectionTimeoutError):
                    raise FailedRequestError(f"no answer within {timeout_s:g} s") from error
                reason, pause_s = "connecting takes too long", None
            except (aiohttp.ClientError, OSError, ValueError, TypeError, AttributeError) as error:
                reason, pause_s = _reason(error), None
            else:
                self._down_since, self._has_answered = None, True
                return answer
            await self._pause(attempt, reason, pause_s)
        raise FailedRequestError("too many tries")

    async def _send(self, path: str, body: bytes, headers: dict[str, str], reader: Reader | None) -> Answer:
        answer = Answer()
        if reader is not None:
            reader.start()
        async with self._session.post(f"{self._url}/{path}", data=body, headers=headers) as response:
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
            lines = EventLines()
            async for data in response.content.iter_any():
                for chunk in lines.push(data):
                    known = len(answer.token_ids or ())
                    self._on_tokens(answer.add(chunk))
                    new = (answer.token_ids or [])[known:]
                    if reader is not None and new and reader.read(new) and answer.finish_reason is None:
                        return answer  # leaving closes the connection, which ends the request
        if answer.finish_reason is None:
            raise ValueError("the stream ended before the answer did")
        return answer

    def _raise_if_hopeless(self, error: RefusedError) -> None:
        if error.is_transient and not error.is_malformed_output:
            return
        if error.status in {401, 403}:
            raise ServerError(
                f"the server refuses the key ({error})", hint=f"set {self._endpoint.api_key_env_var}"
            ) from error
        if not self._has_answered and not error.is_context_overflow and not error.is_malformed_output:
            raise ServerError(
                f"the server refuses the request: {error}", hint="nothing was answered yet"
            ) from error
        raise error

    async def _pause(self, attempt: int, reason: str, pause_s: float | None) -> None:
        """Wait before the next try; raises when there should be none."""
        now = time.monotonic()
        self._down_since = self._down_since or now
        is_out_of_tries = attempt >= self._endpoint.max_retries
        is_long_down = now - self._down_since >= self._endpoint.give_up_after_s
        if is_out_of_tries or is_long_down:
            if await self._answers():
                if is_out_of_tries:
                    raise FailedRequestError(reason)
                self._down_since = now
            elif is_long_down:
                silent_s = now - self._down_since
                raise ServerError(
                    f"the server has not answered for {silent_s:.0f} s ({reason}): `{self._url}`",
                    hint="finished samples are kept; start the server again and repeat the command",
                    code="server_dead",
                )
        backoff_s = min(_LONGEST_PAUSE_S, 0.25 * 2 ** min(attempt, 10), self._endpoint.give_up_after_s)
        await asyncio.sleep((pause_s or backoff_s) * random.uniform(0.5, 1.5))

    async def _answers(self) -> bool:
        """Whether the server answers a small request at all."""
        try:
            await self._list_models(_PROBE_TIMEOUT_S)
        except RefusedError as error:
            return error.status < 500
        except (OSError, ValueError, TimeoutError, _client_error()):
            return False
        return True

    async def _list_models(self, timeout_s: float) -> list[dict[str, Any]]:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_TIMEOUT_S)
        async with self._session.get(f"{self._url}/models", timeout=timeout) as response:
            if response.status != 200:
                raise read_error(response.status, await response.text())
            return [
                model
                for model in _as_object(await response.read()).get("data", [])
                if isinstance(model, dict)
            ]

    async def _find_model(self) -> Model:
        try:
            models = await self._list_models(_PROBE_TIMEOUT_S)
        except RefusedError as error:
            if error.status in {401, 403}:
                hint = f"set {self._endpoint.api_key_env_var}"
                raise ServerError(
                    f"the server refuses the key ({error}): `{self._url}`", hint=hint
                ) from error
            raise ServerError(
                f"no model list at `{self._url}/models` ({error})", hint=_ADDRESS_HINT
            ) from error
        except ValueError as error:
            raise ServerError(
                f"not an OpenAI-compatible server: `{self._url}`", hint=_ADDRESS_HINT
            ) from error
        except (OSError, TimeoutError, _client_error()) as error:
            reason = _reason(error)
            raise ServerError(f"no server answers at `{self._url}` ({reason})", hint=_ADDRESS_HINT) from error
        by_name = {str(model.get("id")): model for model in models}
        wanted = self._endpoint.model or (next(iter(by_name)) if len(by_name) == 1 else None)
        if wanted is None or (by_name and wanted not in by_name):
            near = get_close_matches(wanted or "", by_name, n=1)
            served = ", ".join(by_name) or "nothing"
            raise ServerError(
                f"the server at `{self._url}` has no model `{wanted}`" if wanted else "no --model is given",
                hint=(f"did you mean --model {near[0]}? " if near else "") + f"it serves: {served}",
                code="unknown_model",
            )
        stated = by_name.get(wanted, {}).get("max_model_len")
        context = self._endpoint.context_tokens or (
            stated if isinstance(stated, int) else DEFAULT_CONTEXT_TOKENS
        )
        return Model(wanted, context)


_ADDRESS_HINT = "start the server, or correct --server-address (for example http://localhost:8000/v1)"


def _client_error() -> type[Exception]:
    import aiohttp

    return aiohttp.ClientError


def _reason(error: Exception) -> str:
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


def _ids_of_text(answer: Answer) -> list[int]:
    """Ids for a server that gives text only; the end token, which such servers strip, is put back."""
    ids = harmony.encode(answer.text)
    if answer.finish_reason == "stop" and not (ids and ids[-1] in STOP_IDS):
        ids.append(answer.stop_reason if answer.stop_reason in STOP_IDS else harmony.RETURN)
    return ids
