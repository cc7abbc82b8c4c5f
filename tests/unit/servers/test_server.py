import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mathforge import harmony
from mathforge.completions import Answer, RefusedError, read_error
from mathforge.config import Endpoint, Inference
from mathforge.errors import ServerError
from mathforge.servers import FailedRequestError, Server

OK = {
    "choices": [{"text": "", "token_ids": [1, 2, 200002], "finish_reason": "stop"}],
    "usage": {"completion_tokens": 3},
}
BROKEN = (500, {"error": {"message": "EngineCore died", "code": 500}})


def ask(server: Server, inference: Inference | None = None) -> Awaitable[Answer]:
    return server.complete(
        [9, 8], inference or Inference(), max_tokens=5, seed=3, request_id="demo/p 1/rs3/0"
    )


def talk(scripted: Any, work: Callable[[Server], Awaitable[Any]], **endpoint: Any) -> Any:
    async def main() -> Any:
        async with scripted:
            options = {"base_url": scripted.url, "max_retries": 2, "give_up_after_s": 0.5, **endpoint}
            async with Server(Endpoint(**options)) as server:
                return await work(server)

    return asyncio.run(main())


def test_a_request_carries_ids_and_gets_ids(scripted_server: Any) -> None:
    scripted = scripted_server(OK)
    answer = talk(
        scripted, lambda server: ask(server, Inference(temperature=0.7, top_k=5, extra_body={"x": 1}))
    )
    assert (answer.token_ids, answer.finish_reason, answer.completion_tokens) == ([1, 2, 200002], "stop", 3)
    path, body, request_id = scripted.requests[0]
    assert (path, request_id) == ("/v1/completions", "demo/p 1/rs3/0")
    expected = {
        "prompt": [9, 8],
        "max_tokens": 5,
        "seed": 3,
        "model": "tiny",
        "temperature": 0.7,
        "top_k": 5,
        "x": 1,
    }
    assert body.items() >= expected.items()
    assert body["return_token_ids"] is True
    assert body["stop_token_ids"] == [200002, 200012, 199999]
    assert "min_p" not in body


def test_a_stream_is_joined_by_ids(scripted_server: Any) -> None:
    chunks = [
        {"choices": [{"text": "", "token_ids": [1], "prompt_token_ids": list(range(30_000))}]},
        {"choices": [{"text": "é", "token_ids": [2]}]},
        {"choices": [{"text": "", "token_ids": [200012], "finish_reason": "stop", "stop_reason": 200012}]},
        {"choices": [], "usage": {"completion_tokens": 3}},
    ]
    scripted = scripted_server(chunks)
    answer = talk(scripted, lambda server: ask(server, Inference(stream=True)))
    assert (answer.text, answer.reasoning, answer.completion_tokens) == ("é", None, 3)
    assert (answer.token_ids, answer.finish_reason, answer.stop_reason) == ([1, 2, 200012], "stop", 200012)
    assert scripted.requests[0][1]["stream"] is True


def test_an_error_inside_a_stream_is_an_error(scripted_server: Any) -> None:
    failing = [{"choices": [{"token_ids": [1]}]}, {"error": {"message": "prompt is too long", "code": 400}}]
    scripted = scripted_server(OK, failing)

    async def work(server: Server) -> None:
        await ask(server)
        with pytest.raises(RefusedError) as caught:
            await ask(server, Inference(stream=True))
        assert caught.value.is_context_overflow

    talk(scripted, work)


@pytest.mark.parametrize(
    "failure", [BROKEN, (429, {"error": {"message": "busy"}}), "reset", [{"choices": []}]]
)
def test_passing_failures_are_tried_again(scripted_server: Any, failure: object) -> None:
    scripted = scripted_server(failure, OK)
    assert talk(scripted, ask).token_ids == [1, 2, 200002]
    assert len(scripted.requests) == 2


def test_a_request_that_keeps_failing_on_a_living_server_fails_alone(scripted_server: Any) -> None:
    scripted = scripted_server(BROKEN)

    async def work(server: Server) -> None:
        with pytest.raises(FailedRequestError, match="EngineCore died"):
            await ask(server)

    talk(scripted, work)
    assert len(scripted.requests) == 3


def test_a_server_that_dies_ends_the_run(scripted_server: Any) -> None:
    async def main() -> None:
        async with scripted_server(OK) as scripted:
            server = Server(Endpoint(base_url=scripted.url, give_up_after_s=0.3))
            await server.__aenter__()
            await ask(server)
        with pytest.raises(ServerError, match="has not answered") as caught:
            await ask(server)
        assert caught.value.code == "server_dead"
        await server.__aexit__(None, None, None)

    asyncio.run(main())


def test_refusals(scripted_server: Any) -> None:
    overflow = (
        400,
        {"error": {"message": "This model's maximum context length is 10 tokens", "param": "input_tokens"}},
    )
    with pytest.raises(RefusedError):
        talk(scripted_server(overflow), ask)
    with pytest.raises(ServerError, match="refuses the request"):
        talk(scripted_server((400, {"error": {"message": "bad temperature"}})), ask)
    with pytest.raises(ServerError, match="key") as caught:
        talk(scripted_server((401, {"error": {"message": "Unauthorized"}})), ask)
    assert "OPENAI_API_KEY" in (caught.value.hint or "")


def test_a_server_without_the_extension_is_asked_for_text(scripted_server: Any) -> None:
    plain = {
        "choices": [{"text": "<|channel|>final<|message|>4", "finish_reason": "stop", "stop_reason": None}]
    }

    def probe(body: dict[str, Any]) -> object:
        if "return_token_ids" in body:
            return 422, {"detail": "unknown field return_token_ids"}
        return {"choices": [{"text": "<|start|>user<|message|>Hi<|end|>", "finish_reason": "length"}]}

    scripted = scripted_server(plain, probe=probe)
    answer = talk(scripted, ask)
    assert harmony.decode(answer.token_ids) == "<|channel|>final<|message|>4<|return|>"
    assert "return_token_ids" not in scripted.requests[0][1]
    assert scripted.requests[0][1]["stop_token_ids"]  # which it did not refuse


def test_addresses_and_names_are_checked_up_front(scripted_server: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(ServerError, match=rf"no server answers at `http://127.0.0.1:{port}/v1`"):
        asyncio.run(Server(Endpoint(port=port)).__aenter__())
    assert time.monotonic() - started < 5
    with pytest.raises(ServerError, match="has no model `tony`") as caught:
        talk(scripted_server(OK), ask, model="tony")
    assert "--model tiny" in (caught.value.hint or "")
    with pytest.raises(ServerError, match="no --model"):
        talk(scripted_server(OK, models=[{"id": "a"}, {"id": "b"}]), ask)


def test_chat(scripted_server: Any) -> None:
    reply = {
        "choices": [{"message": {"content": "4", "reasoning": "2+2"}, "finish_reason": "stop"}],
        "usage": {"completion_tokens": 12},
    }
    scripted = scripted_server(reply)
    answer = talk(
        scripted,
        lambda server: server.chat(
            [{"role": "user", "content": "2+2?"}],
            Inference(),
            max_tokens=None,
            seed=0,
            request_id="x",
            extra={"reasoning_effort": "high"},
        ),
    )
    assert (answer.text, answer.reasoning, answer.completion_tokens, answer.token_ids) == (
        "4",
        "2+2",
        12,
        None,
    )
    body = scripted.requests[0][1]
    assert body["reasoning_effort"] == "high"
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "m", "code": 404}}', "m"),
        ('{"object": "error", "message": "m"}', "m"),
        ('{"error": "m"}', "m"),
        ("<html>m</html>", "<html>m</html>"),
        ("", "no message"),
    ],
)
def test_error_bodies(body: str, message: str) -> None:
    assert read_error(500, body).message == message
