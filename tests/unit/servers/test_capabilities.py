"""What a client finds out about a server, and how it makes do with less."""

import asyncio
import json

import pytest

from mathforge import harmony
from mathforge.config import Endpoint, Inference
from mathforge.errors import ServerError
from mathforge.servers import Server

THOUGHT = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
TEXT = THOUGHT + "<|channel|>analysis to=python code<|message|>1+1"
PROMPT = harmony.encode("<|start|>user<|message|>2+2?<|end|><|start|>assistant")


def text(words, **fields):
    return {"choices": [{"text": words, "finish_reason": "stop", **fields}]}


def talk(scripted, tmp_path, **inference):
    async def main():
        async with scripted:
            log = tmp_path / "servers.jsonl"
            async with Server(Endpoint(base_url=scripted.url, max_retries=1), log_path=log) as server:
                answer = await server.complete(
                    PROMPT, Inference(**inference), max_tokens=5, seed=3, request_id="d/p/rs3/0"
                )
            return answer, scripted.requests[-1][1], json.loads(log.read_text())

    return asyncio.run(main())


def test_a_server_that_can_do_everything(scripted_server, tmp_path):
    answer, body, log = talk(scripted_server(text("", token_ids=[1, 200002])), tmp_path, stream=False)
    assert answer.token_ids == [1, 200002]
    assert body["prompt"] == PROMPT
    assert {"return_token_ids", "stop_token_ids"} <= body.keys()
    assert "stop" not in body
    assert (log["ids_in"], log["ids_out"], log["ids_streamed"], log["model"]) == (True, True, True, "tiny")


def test_fields_that_are_refused_by_name_are_left_out(scripted_server, tmp_path):
    def probe(body):
        for field in ("no_stop_trim", "spaces_between_special_tokens"):
            if field in body:
                return 422, {"detail": [{"loc": ["body", field], "msg": "extra fields not permitted"}]}
        return text("x", token_ids=[1])

    _, body, log = talk(scripted_server(text("", token_ids=[200002]), probe=probe), tmp_path)
    assert "return_token_ids" in body
    assert not {"no_stop_trim", "spaces_between_special_tokens"} & body.keys()
    assert log["extensions"] == [
        "return_token_ids",
        "stop_token_ids",
        "skip_special_tokens",
        "include_stop_str_in_output",
    ]


def test_a_server_of_the_bare_protocol_gets_text_and_stop_strings(scripted_server, tmp_path, capfd):
    plain = {"model", "prompt", "max_tokens", "temperature", "stop", "stream", "echo"}

    def probe(body):
        if body.keys() - plain:
            return 422, {"detail": "Unexpected keys in the request"}
        if not isinstance(body["prompt"], str):
            return 400, {"error": {"message": "prompt must be a string"}}
        return text("<|start|>user" if body.get("echo") else "x")

    answer, body, log = talk(scripted_server(text(TEXT), probe=probe), tmp_path)
    assert body["prompt"] == harmony.decode(PROMPT)
    assert body["stop"] == ["<|call|>", "<|return|>"]
    assert harmony.decode(answer.token_ids) == TEXT + "<|call|>"  # the stripped end is put back
    assert (log["ids_in"], log["ids_out"], log["extensions"]) == (False, False, [])
    assert "prompts go to it as text" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (text("<|channel|>final<|message|>4"), "<|return|>"),
        (text(TEXT), "<|call|>"),
        (text(TEXT, matched_stop=200012), "<|call|>"),
        (text("x", stop_reason="<|call|>"), "<|call|>"),
        ({"choices": [{"text": "cut", "finish_reason": "length"}]}, ""),
    ],
)
def test_the_end_token_that_text_lacks(scripted_server, tmp_path, reply, end):
    def probe(body):
        return text("x")

    answer, _, _ = talk(scripted_server(reply, probe=probe), tmp_path)
    assert harmony.decode(answer.token_ids) == reply["choices"][0]["text"] + end


def test_ids_that_streams_lack_are_read_whole(scripted_server, tmp_path):
    def probe(body):
        return [text("x")] if body.get("stream") else text("x", token_ids=[1])

    _, body, log = talk(scripted_server(text("", token_ids=[200002]), probe=probe), tmp_path, stream=True)
    assert "stream" not in body
    assert not log["ids_streamed"]


def test_text_without_special_tokens_cannot_be_used(scripted_server, tmp_path):
    def probe(body):
        return text("userHi" if body.get("echo") else "x")

    with pytest.raises(ServerError, match="neither token ids nor special tokens") as caught:
        talk(scripted_server(text("x"), probe=probe), tmp_path)
    assert "endpoint_type=chat" in (caught.value.hint or "")


def test_a_chat_server_is_told_by_its_refusals(scripted_server):
    refusals = [
        (400, {"error": {"message": "Unrecognized request argument supplied: return_token_ids"}}),
        (400, {"error": {"message": "Unrecognized request argument supplied: chat_template_kwargs"}}),
        (
            400,
            {
                "error": {
                    "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
                }
            },
        ),
    ]
    reply = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}
    scripted = scripted_server(*refusals, reply)

    async def main():
        async with scripted, Server(Endpoint(base_url=scripted.url)) as server:
            return await server.chat(
                [{"role": "user", "content": "2+2?"}],
                Inference(),
                max_tokens=7,
                seed=0,
                request_id="x/y/rs0/0",
                extra={"chat_template_kwargs": {}, "reasoning_effort": "high"},
            )

    assert asyncio.run(main()).text == "4"
    body = scripted.requests[-1][1]
    assert body["max_completion_tokens"] == 7
    assert not {"return_token_ids", "chat_template_kwargs", "max_tokens"} & body.keys()
    assert body["reasoning_effort"] == "high"


def test_a_dropped_tool_call_is_told_once(scripted_server, capfd):
    lost = {
        "choices": [{"message": {"content": None}, "finish_reason": "stop", "token_ids": [5, harmony.CALL]}],
        "usage": {"completion_tokens": 2},
    }
    scripted = scripted_server(lost)

    async def main():
        async with scripted, Server(Endpoint(base_url=scripted.url)) as server:
            for number in range(2):
                await server.chat(
                    [], Inference(), max_tokens=7, seed=0, request_id=f"x/{number}/rs0/0", extra={}
                )

    asyncio.run(main())
    assert capfd.readouterr().err.count("--enable-auto-tool-choice --tool-call-parser openai") == 1


def test_text_is_continued_without_the_fields_a_server_refuses(scripted_server):
    refusal = (
        422,
        {"detail": [{"loc": ["body", "add_special_tokens"], "msg": "extra fields not permitted"}]},
    )
    scripted = scripted_server(refusal, text("4", stop_reason="</tool_call>"))

    async def main():
        async with scripted, Server(Endpoint(base_url=scripted.url)) as server:
            return await server.continue_text(
                "2+2=", Inference(), max_tokens=7, seed=0, request_id="x/y/rs0/0", stop=["</tool_call>"]
            )

    answer = asyncio.run(main())
    assert (answer.text, answer.stop_reason) == ("4", "</tool_call>")
    body = scripted.requests[-1][1]
    assert (body["prompt"], body["stop"]) == ("2+2=", ["</tool_call>"])
    assert body["skip_special_tokens"] is False
    assert "add_special_tokens" not in body
