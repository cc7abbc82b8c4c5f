"""The replay server beside a real vLLM (recorded by tests/vllm): the same in everything a client reads."""

import json

import pytest
from support.replaying import replaying
from support.vllm_answers import PATH, REQUESTS, ask

CHOICE = ("index", "text", "token_ids", "finish_reason", "stop_reason", "prompt_token_ids")
ERROR = ("type", "param", "code")


@pytest.fixture(scope="module")
def short(recording):
    """A replay with as short a context as the recorded server had."""
    with replaying(recording, max_model_len=4096) as address:
        yield address


def read(answer, is_chat):
    """What a client reads of a whole answer or of one event."""
    if answer == "[DONE]":
        return answer
    if "error" in answer:
        return {key: answer["error"].get(key) for key in ERROR}
    found = {"choices": [read_choice(choice) for choice in answer["choices"]]}
    usage = answer.get("usage")
    if usage:  # a chat's prompt holds the date
        found["usage"] = {"completion_tokens": usage["completion_tokens"]}
        if not is_chat:
            found["usage"] |= {key: usage[key] for key in ("prompt_tokens", "total_tokens")}
        details = usage.get("completion_tokens_details") or {}
        found["reasoning_tokens"] = details.get("reasoning_tokens")
    return found


def read_choice(choice):
    said = {key: choice.get(key) for key in CHOICE}
    for name in ("message", "delta"):
        if name in choice:
            said |= {key: choice[name].get(key) for key in ("role", "content", "reasoning")}
            said["tool_calls"] = choice[name].get("tool_calls") or []
    return said


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_as_vllm_does(short, name):
    real, ours = json.loads(PATH.read_text())[name], ask(short, name)
    is_chat = "chat" in name
    assert ours["status"] == real["status"]
    if "answer" in real:
        assert read(ours["answer"], is_chat) == read(real["answer"], is_chat)
    else:
        assert [read(e, is_chat) for e in ours["events"]] == [read(e, is_chat) for e in real["events"]]
