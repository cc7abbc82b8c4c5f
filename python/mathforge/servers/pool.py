"""A server as the loop sees it: one address or many, with routing, retries and circuit breakers behind it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from .. import harmony
from ..completions import Answer, RefusedError
from ..config import Endpoint, Inference
from ..errors import ServerError
from .capabilities import STOP_IDS
from .connection import Connection, Reader, client_error, is_refused, reason_of
from .member import Member
from .models import Model

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0
_REMEMBERED = 1 << 17  # conversations whose server is known
_WAIT_S = 1.0
_SHOWING_SPECIALS = {
    "return_token_ids": True,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "add_special_tokens": False,  # the prompt has its own
}


class FailedRequestError(Exception):
    """One request failed on every try although a server answers."""


class Server:
    """One endpoint or several; an async context manager. Opening it checks addresses, key and model within
    seconds.

    Rounds of one sample go to the server that holds its KV cache, new samples to the one with the least to
    do. A server that fails is passed over until it answers again; its requests move to the others.

    Args:
        endpoint: `base_url` may name several addresses, separated by commas.
        on_tokens: told how many tokens have arrived.
        log_path: receives a JSON line for each server that is asked what it can do.

    Attributes:
        model: known once opened; of several servers the shortest context.
    """

    model: Model

    def __init__(
        self,
        endpoint: Endpoint,
        on_tokens: Callable[[int], None] = lambda count: None,
        log_path: Path | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._members = [
            Member(
                Connection(url, endpoint.api_key_env_var, on_tokens, endpoint.give_up_after_s),
                endpoint,
                self._tell_change,
                log_path,
            )
            for url in endpoint.addresses()
        ]
        self._homes: OrderedDict[str, Member] = OrderedDict()
        self._news = asyncio.Event()
        self._has_answered = False
        self._has_told_lost_call = False

    async def __aenter__(self) -> Server:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _open(self) -> None:
        found = await asyncio.gather(
            *(member.find_model() for member in self._members), return_exceptions=True
        )
        errors = [one for one in found if isinstance(one, BaseException)]
        fatal = [one for one in errors if getattr(one, "code", None) != "no_server"]
        if fatal or len(errors) == len(found):
            raise (fatal or errors)[0]
        models = [one for one in found if isinstance(one, Model)]
        context = self._endpoint.context_tokens or min(model.context_tokens for model in models)
        self.model = Model(models[0].name, context)
        for member, error in zip(self._members, found, strict=True):
            if isinstance(error, BaseException):
                print(f"note: {error}; going on with the other servers", file=sys.stderr)
                member.shut_out(str(error))

    async def _close(self) -> None:
        await asyncio.gather(*(member.close() for member in self._members))

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
            request_id: `<benchmark>/<problem id>/rs<seed>/<round>`, sent as X-Request-Id; what stands before
                the last slash names the conversation, whose rounds stay on one server.
            reader: reads the ids as they arrive, all of them at once where the server does not stream.

        Raises:
            RefusedError: the server refuses this request.
            FailedRequestError: every try failed although a server answers.
            ServerError: no server answers, or all requests are refused alike.
        """

        async def send(member: Member, headers: dict[str, str]) -> Answer:
            able = await member.capabilities()
            body = {"max_tokens": max_tokens, **able.body(prompt_ids), **member.sampling(inference, seed)}
            if inference.stream and (able.ids_streamed or not able.ids_out):
                body |= {"stream": True, "stream_options": {"include_usage": True}}
            encoded = json.dumps(body | inference.extra_body).encode()
            return await member.send("completions", encoded, headers, inference.timeout, reader)

        answer = await self._ask(send, request_id, inference.timeout)
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
        fields: dict[str, object] = {"prompt": prompt, "max_tokens": max_tokens}
        if stop:
            fields["stop"] = list(stop)
        if inference.stream:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}

        async def send(member: Member, headers: dict[str, str]) -> Answer:
            body = {**fields, **member.sampling(inference, seed), **_SHOWING_SPECIALS, **inference.extra_body}
            encoded = json.dumps(member.understood(body)).encode()
            return await member.send("completions", encoded, headers, inference.timeout, None)

        return await self._ask(send, request_id, inference.timeout)

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
        fields: dict[str, object] = {} if max_tokens is None else {"max_tokens": max_tokens}
        if inference.stream:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}

        async def send(member: Member, headers: dict[str, str]) -> Answer:
            body = {**extra, "messages": messages, **member.sampling(inference, seed), **fields}
            body |= {"return_token_ids": True, **inference.extra_body}
            encoded = json.dumps(member.understood(body)).encode()
            return await member.send("chat/completions", encoded, headers, inference.timeout, None)

        answer = await self._ask(send, request_id, inference.timeout)
        self._tell_lost_call(answer)
        return answer

    async def _ask(
        self, send: Callable[[Member, dict[str, str]], Awaitable[Answer]], request_id: str, timeout_s: float
    ) -> Answer:
        headers = {
            "X-Request-Id": quote(request_id, safe="/:@+,;=!*'() ~"),
            "Content-Type": "application/json",
        }
        conversation = request_id.rpartition("/")[0]
        started = time.monotonic()
        tries, avoided = 0, None
        while True:
            member = await self._admit(conversation, avoided)
            member.begin()
            try:
                answer = await send(member, headers)
            except RefusedError as error:
                if member.learns_from(error):
                    member.succeed()
                    continue
                reason, pause_s = self._note_refusal(member, error, request_id), error.retry_after_s
                is_busy = error.status == 429
            except (client_error(), OSError, ValueError, TypeError, AttributeError) as error:
                if isinstance(error, TimeoutError) and not isinstance(error, client_error()):
                    member.release()
                    raise FailedRequestError(f"no answer within {timeout_s:g} s") from error
                reason, pause_s, is_busy = reason_of(error), None, False
                member.fail(request_id, reason, is_certain=is_refused(error))
            except BaseException:
                member.release()
                raise
            else:
                member.succeed()
                self._has_answered = True
                return answer
            finally:
                member.in_flight -= 1
            tries += not is_busy
            avoided = member
            if is_busy and time.monotonic() - started >= timeout_s:
                raise FailedRequestError(f"{reason}, for {timeout_s:g} s")
            if tries > self._endpoint.max_retries:
                if await member.answers():
                    raise FailedRequestError(reason)
                tries -= 1
            if is_busy or tries >= len(self._members):  # before that there is another server to turn to
                await asyncio.sleep((pause_s or 0) + _jitter(tries))

    def _note_refusal(self, member: Member, error: RefusedError, request_id: str) -> str:
        """What a refusal says about its server; raises unless the request may be tried again."""
        if error.status == 429:
            member.succeed()
            if "quota" in error.message.lower():
                raise ServerError(f"the server's quota is used up ({error}): `{member.url}`") from error
            member.is_quiet_until = time.monotonic() + (error.retry_after_s or 0)
            return str(error)
        if error.is_transient and not error.is_malformed_output:
            member.fail(request_id, str(error))
            return str(error)
        member.succeed()
        if error.status in {401, 403}:
            raise member.connection.refused_key(error) from error
        if not self._has_answered and not error.is_context_overflow and not error.is_malformed_output:
            raise ServerError(
                f"the server refuses the request: {error}", hint="nothing was answered yet"
            ) from error
        raise error

    async def _admit(self, conversation: str, avoided: Member | None) -> Member:
        """The server for the next request; waits while none may be asked.

        Raises:
            ServerError: all are dead.
        """
        while True:
            home = self._homes.get(conversation)
            if home is not None and home is not avoided and home.is_open:
                self._homes.move_to_end(conversation)
                return home
            able = [member for member in self._members if member.is_open]
            if able:
                now = time.monotonic()
                member = min(
                    able, key=lambda m: (m is avoided, m.is_quiet_until > now, m.in_flight, m.requests)
                )
                self._homes[conversation] = member
                if len(self._homes) > _REMEMBERED:
                    self._homes.popitem(last=False)
                return member
            if all(member.is_dead for member in self._members):
                raise self._all_dead()
            try:
                await asyncio.wait_for(self._news.wait(), _WAIT_S)
            except TimeoutError:
                continue

    def _all_dead(self) -> ServerError:
        last = max(self._members, key=lambda member: member.down_since or 0)
        which = f"`{last.url}`" if len(self._members) == 1 else f"all {len(self._members)}, last `{last.url}`"
        silent_s = time.monotonic() - (last.down_since or 0)
        return ServerError(
            f"the server has not answered for {silent_s:.0f} s ({last.trouble}): {which}",
            hint="finished samples are kept; start the server again and repeat the command",
            code="server_dead",
        )

    def _tell_change(self) -> None:
        """Wake who waits for a server."""
        self._news.set()
        self._news = asyncio.Event()

    def _tell_lost_call(self, answer: Answer) -> None:
        """vLLM without its tool flags drops calls of tools without a word."""
        if self._has_told_lost_call or answer.has_tool_calls or answer.text or answer.finish_reason != "stop":
            return
        ids = answer.token_ids
        if (ids and ids[-1] == harmony.CALL) or answer.stop_reason == harmony.CALL:
            self._has_told_lost_call = True
            print(
                "note: the model called a tool in a chat completion and the server dropped the call; for vLLM"
                " add --enable-auto-tool-choice --tool-call-parser openai, or ++inference.endpoint_type=text",
                file=sys.stderr,
            )


def _jitter(tries: int) -> float:
    """Exponential back-off with full jitter, in seconds."""
    return random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(max(tries - 1, 0), 10)))


def _ids_of_text(answer: Answer) -> list[int]:
    """Ids for a server that gives text only; the end token, which such servers strip, is put back."""
    ids = harmony.encode(answer.text)
    if answer.finish_reason != "stop" or (ids and ids[-1] in STOP_IDS):
        return ids
    if answer.stop_reason in STOP_IDS:
        return [*ids, answer.stop_reason]
    named = {"<|call|>": harmony.CALL, "<|return|>": harmony.RETURN}.get(str(answer.stop_reason))
    return [*ids, named or (harmony.CALL if _calls_a_tool(answer.text) else harmony.RETURN)]


def _calls_a_tool(text: str) -> bool:
    """Whether the last message of a text has a recipient."""
    header, mark, _ = text.rpartition("<|start|>")[2].rpartition("<|message|>")
    return bool(mark) and " to=" in f" {header}"
