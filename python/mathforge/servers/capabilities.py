"""What a server's completions endpoint takes and gives: asked with tiny requests, not assumed from its type.

Servers differ: some ignore fields they do not know, some answer 400 or 422 to them, some take only text, some
stream ids and some do not. Each lack has a fallback, and what was found goes to the run's log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from .. import harmony
from ..completions import Answer, RefusedError
from ..errors import ServerError
from .connection import Connection

STOP_IDS = (harmony.RETURN, harmony.CALL, harmony.ENDOFTEXT)
PROBE_ID = "mathforge/probe"  # of all requests that only ask what a server can do
_TIMEOUT_S = 120.0  # the first request of a server may have to compile kernels
_PROMPT = [harmony.START, *harmony.encode("user"), harmony.MESSAGE, *harmony.encode("Hi"), harmony.END]
_PROMPT += [harmony.START, *harmony.encode("assistant")]
_TEXT_STOPS = ("<|call|>", "<|return|>")
_EXTENSIONS: dict[str, object] = {
    "return_token_ids": True,
    "stop_token_ids": list(STOP_IDS),
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "include_stop_str_in_output": True,
    "no_stop_trim": True,  # SGLang's name for the one before
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one server can do.

    Attributes:
        ids_in: it takes a prompt as token ids; else the prompt goes as text.
        ids_out: it returns the sampled ids; else the text is encoded again.
        ids_streamed: it returns ids in streams too; else answers are read whole.
        extensions: fields beside the OpenAI protocol that it takes.
        version: what it says of itself.
    """

    ids_in: bool
    ids_out: bool
    ids_streamed: bool
    extensions: tuple[str, ...]
    version: str | None = None

    def body(self, prompt_ids: list[int]) -> dict[str, object]:
        """The fields of a completion request that depend on the server."""
        body: dict[str, object] = {"prompt": prompt_ids if self.ids_in else harmony.decode(prompt_ids)}
        body |= {name: _EXTENSIONS[name] for name in self.extensions}
        if "stop_token_ids" not in self.extensions:
            body["stop"] = list(_TEXT_STOPS)
        return body

    def to_json(self) -> dict[str, object]:
        """For the run's log."""
        return asdict(self)

    def lacks(self) -> list[str]:
        """What is done differently for this server, in words."""
        found = {
            "prompts go to it as text": not self.ids_in,
            "its text is encoded again, as it returns no token ids": not self.ids_out,
            "answers are read whole, as its streams hold no token ids": self.ids_out
            and not self.ids_streamed,
            "stop strings take the place of stop ids": "stop_token_ids" not in self.extensions,
        }
        return [what for what, is_so in found.items() if is_so]


async def probe(connection: Connection, model: str) -> Capabilities:
    """Ask a server what its completions endpoint can do: one short request per finding.

    Raises:
        ServerError: it cannot serve Harmony at all.
        RefusedError: it fails for another reason, which may pass.
        aiohttp.ClientError, OSError, TimeoutError, ValueError: likewise.
    """
    found = Capabilities(True, True, True, tuple(_EXTENSIONS), await connection.version())
    while True:
        try:
            answer = await _ask(connection, model, found)
        except RefusedError as error:
            found = _without_refused(found, error, connection)
        else:
            break
    found = replace(found, ids_out=bool(answer.token_ids))
    if not found.ids_out:
        await _check_text(connection, model, found)
        return replace(found, ids_streamed=False)
    try:
        streamed = await _ask(connection, model, found, stream=True)
    except RefusedError as error:
        if error.is_transient:
            raise
        return replace(found, ids_streamed=False)
    return replace(found, ids_streamed=bool(streamed.token_ids))


def _without_refused(found: Capabilities, error: RefusedError, connection: Connection) -> Capabilities:
    """What is left to try after a refusal: first without the fields it names, then without all extensions,
    then with the prompt as text."""
    if error.status in {401, 403}:
        raise connection.refused_key(error) from error
    if error.status not in {400, 422}:
        raise error
    named = {name for name in found.extensions if name in error.message}
    if found.extensions:
        return replace(found, extensions=_less(found.extensions, named or found.extensions))
    if found.ids_in:
        return replace(found, ids_in=False, extensions=tuple(_EXTENSIONS))
    raise ServerError(
        f"the server at `{connection.url}` refuses every form of completion request: {error}",
        hint="use ++inference.endpoint_type=chat if it serves chat completions only",
    ) from error


def _less(names: Iterable[str], refused: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in set(refused))


async def _check_text(connection: Connection, model: str, found: Capabilities) -> None:
    """Without ids, special tokens must show in the text: an echoed prompt tells."""
    try:
        echoed = await _ask(connection, model, found, echo=True)
    except RefusedError as error:
        if error.is_transient:
            raise
        return  # no echo, no way to know
    if "user" in echoed.text and "<|start|>" not in echoed.text:
        raise ServerError(
            f"the server at `{connection.url}` gives neither token ids nor special tokens in its text, "
            "so calls and channels would be lost",
            hint="use ++inference.endpoint_type=chat, or a server that knows return_token_ids",
        )


async def _ask(connection: Connection, model: str, found: Capabilities, **fields: object) -> Answer:
    body = {"model": model, "max_tokens": 1, "temperature": 0, **found.body(_PROMPT), **fields}
    headers = {"X-Request-Id": PROBE_ID, "Content-Type": "application/json"}
    return await connection.send("completions", json.dumps(body).encode(), headers, _TIMEOUT_S, None)
