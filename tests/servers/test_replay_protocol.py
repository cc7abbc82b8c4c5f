"""The replay server over HTTP: what vLLM 0.32 was seen to answer, the replay must answer."""

import http.client
import json
import socket
import time
import urllib.request
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from support.replaying import exchange, ids_of, post, prompt_text, replaying, stream
from support.sums import CALL_ROUND, CUT_ROUND, LAST_ROUND, LONGER, PLAIN_ROUND, PROBLEM, row

from mathforge import harmony


def choice_of(url, **body):
    status, answer = post(
        url, {"prompt": ids_of(prompt_text(PROBLEM)), "max_tokens": 1000, "return_token_ids": True} | body
    )
    assert status == 200, answer
    return answer["choices"][0]


def test_health_version_models_metrics(url):
    def get(path):
        with urllib.request.urlopen(url + path, timeout=10) as response:
            return response.status, response.read()

    assert get("/health") == (200, b"")
    assert "version" in json.loads(get("/version")[1])
    (model,) = json.loads(get("/v1/models")[1])["data"]
    assert (model["id"], model["max_model_len"], model["object"]) == ("m", 131072, "model")
    assert b"vllm:num_requests_running" in get("/metrics")[1]


class TestEnds:
    def test_primary_end_has_no_stop_reason(self, url):
        choice = choice_of(url)
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", None)
        assert choice["token_ids"] == ids_of(PLAIN_ROUND)
        assert choice["token_ids"][-1] == harmony.RETURN
        assert choice["text"] == "analysisTwo to the tenth.assistantfinalThus \\boxed{1024}."

    def test_call_stops_with_its_id_without_being_asked_to(self, url):
        choice = choice_of(url, prompt=ids_of(prompt_text(PROBLEM, tool=True)), skip_special_tokens=False)
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", 200012)
        assert choice["token_ids"] == ids_of(CALL_ROUND)
        assert choice["text"] == CALL_ROUND.removesuffix("<|call|>")

    def test_stop_text_on_request(self, url):
        options = {"skip_special_tokens": False, "include_stop_str_in_output": True}
        assert choice_of(url, **options)["text"] == PLAIN_ROUND

    def test_special_tokens_are_skipped_by_default_even_as_stop(self, url):
        assert "<|" not in choice_of(url, include_stop_str_in_output=True)["text"]

    def test_exactly_max_tokens_then_length(self, url):
        for limit in (1, 3, len(ids_of(PLAIN_ROUND)) - 1):
            choice = choice_of(url, max_tokens=limit)
            assert (choice["finish_reason"], choice["stop_reason"]) == ("length", None)
            assert choice["token_ids"] == ids_of(PLAIN_ROUND)[:limit]

    def test_the_stop_wins_when_both_fall_on_one_token(self, url):
        assert choice_of(url, max_tokens=len(ids_of(PLAIN_ROUND)))["finish_reason"] == "stop"

    def test_a_recording_cut_by_its_limit_ends_with_length(self, url):
        choice = choice_of(url, seed=1)
        assert choice["finish_reason"] == "length"
        assert choice["token_ids"] == ids_of(CUT_ROUND)

    def test_stop_token_ids_of_the_request(self, url):
        choice = choice_of(url, stop_token_ids=[harmony.END])
        assert choice["stop_reason"] == harmony.END
        assert choice["token_ids"] == ids_of(PLAIN_ROUND.partition("<|start|>")[0])

    @pytest.mark.parametrize("streamed", [False, True])
    def test_stop_string_across_tokens(self, url, streamed):
        body = {
            "prompt": ids_of(prompt_text(PROBLEM)),
            "max_tokens": 1000,
            "return_token_ids": True,
            "stop": ["zz", "e tenth"],
        }
        for include, end in ((False, "Two to th"), (True, "Two to the tenth")):
            options = body | {"include_stop_str_in_output": include}
            choices = (
                [e["choices"][0] for e in stream(url, options)]
                if streamed
                else [post(url, options)[1]["choices"][0]]
            )
            assert "".join(c["text"] for c in choices) == "analysis" + end
            assert (choices[-1]["finish_reason"], choices[-1]["stop_reason"]) == ("stop", "e tenth")
            assert harmony.decode([i for c in choices for i in c["token_ids"]]).endswith("tenth")

    def test_sixteen_tokens_when_no_limit_is_given_and_the_context_when_it_is_null(self, url):
        body = {"prompt": ids_of(prompt_text(PROBLEM))}
        assert post(url, body)[1]["usage"]["completion_tokens"] == 16
        assert post(url, body | {"max_tokens": None})[1]["choices"][0]["finish_reason"] == "stop"


class TestStreaming:
    def test_ids_join_to_the_whole_and_prompt_ids_come_once(self, url):
        prompt = ids_of(prompt_text(PROBLEM))
        options = {
            "prompt": prompt,
            "max_tokens": 1000,
            "return_token_ids": True,
            "stream_options": {"include_usage": True},
        }
        *events, last = stream(url, options)
        choices = [event["choices"][0] for event in events]
        assert [i for c in choices for i in c["token_ids"]] == ids_of(PLAIN_ROUND)
        assert [c["prompt_token_ids"] for c in choices] == [prompt] + [None] * (len(choices) - 1)
        assert {c["finish_reason"] for c in choices[:-1]} == {None}
        assert (choices[-1]["finish_reason"], choices[-1]["stop_reason"]) == ("stop", None)
        assert last["choices"] == []
        assert last["usage"]["prompt_tokens"] == len(prompt)
        assert last["usage"]["completion_tokens"] == len(choices) == len(ids_of(PLAIN_ROUND))
        assert len({event["id"] for event in [*events, last]}) == 1

    def test_same_text_as_without_streaming(self, url):
        for options in ({}, {"skip_special_tokens": False}, {"max_tokens": 7}):
            events = stream(url, {"prompt": prompt_text(PROBLEM), "max_tokens": 1000} | options)
            assert "".join(e["choices"][0]["text"] for e in events) == choice_of(url, **options)["text"]
            assert events[0]["choices"][0]["token_ids"] is None

    def test_an_id_whose_character_is_incomplete_comes_with_empty_text(self, url):
        prompt = prompt_text(PROBLEM, tool=True, results=(exchange(CALL_ROUND, "1024"),))
        options = {
            "prompt": prompt,
            "max_tokens": 1000,
            "return_token_ids": True,
            "skip_special_tokens": False,
        }
        choices = [e["choices"][0] for e in stream(url, options)]
        texts = {tuple(c["token_ids"]): c["text"] for c in choices}
        assert [texts[i,] for i in ids_of("🧮")][:-1] == ["", ""]
        assert texts[ids_of("🧮")[-1],] == "🧮"
        assert "".join(c["text"] for c in choices) == LAST_ROUND.removesuffix("<|return|>")

    def test_a_client_that_leaves_ends_its_request(self, recording):
        with replaying(recording, tokens_per_second=2) as url:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            body = {"model": "m", "prompt": prompt_text(PROBLEM), "max_tokens": 100, "stream": True}
            connection.request("POST", "/v1/completions", json.dumps(body))
            connection.getresponse().read(20)
            assert running(url) == 1
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            deadline = time.monotonic() + 5
            while running(url) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert running(url) == 0

    def test_pace(self, recording):
        with replaying(recording, tokens_per_second=100) as url:
            begin = time.monotonic()
            events = stream(url, {"prompt": prompt_text(PROBLEM), "max_tokens": 20})
            assert len(events) == 20
            assert 0.19 <= time.monotonic() - begin < 2


def running(url):
    with urllib.request.urlopen(url + "/metrics", timeout=10) as response:
        line = next(line for line in response.read().decode().splitlines() if "running" in line)
    return int(line.split()[-1])


class TestMatching:
    def test_text_prompt_and_id_prompt_are_the_same(self, url):
        assert choice_of(url, prompt=prompt_text(PROBLEM)) == choice_of(url)

    def test_a_prompt_without_harmony_markers_is_a_user_message(self, url):
        assert choice_of(url, prompt=f"Question: {PROBLEM}\nAnswer:") == choice_of(url) | {
            "prompt_token_ids": ids_of(f"Question: {PROBLEM}\nAnswer:")
        }

    def test_the_round_is_the_number_of_tool_results(self, url):
        prompt = prompt_text(PROBLEM, tool=True, results=(exchange(CALL_ROUND, "1024"),))
        assert choice_of(url, prompt=prompt)["token_ids"] == ids_of(LAST_ROUND)

    def test_the_longest_problem_in_the_prompt_is_meant(self, url):
        assert choice_of(url, prompt=prompt_text("Please solve:\n" + LONGER))["text"] == "final6"
        assert choice_of(url, prompt=prompt_text(PROBLEM.replace(" ", "\n ")))["text"].endswith("1024}.")

    def test_the_header_decides_the_seed_and_must_fit_the_text(self, url):
        prompt = ids_of(prompt_text(PROBLEM))
        body = {"prompt": prompt, "max_tokens": 1000, "seed": 0, "return_token_ids": True}
        for header, expected in (
            ("bench/p/1/rs1/0", CUT_ROUND),
            ("bench/p/2/rs0/0", PLAIN_ROUND),
            ("odd", PLAIN_ROUND),
        ):
            _, answer = post(url, body, {"X-Request-Id": header})
            assert answer["choices"][0]["token_ids"] == ids_of(expected), header

    def test_an_unknown_problem_seed_or_round_is_an_empty_finished_answer(self, recording):
        log = []
        unknown = [
            ({"prompt": prompt_text("Something else?")}, "no recorded problem"),
            ({"prompt": prompt_text(PROBLEM), "seed": 7}, "no recording for seed 7"),
            ({"prompt": prompt_text(LONGER, tool=True)}, "with the tool"),
            (
                {"prompt": prompt_text(PROBLEM, tool=True, results=(exchange(CALL_ROUND, "x"),) * 2)},
                "no round 2",
            ),
        ]
        with replaying(recording, log=log) as url:
            for body, why in unknown:
                choice = choice_of(url, **body)
                assert (choice["text"], choice["token_ids"], choice["finish_reason"]) == (
                    "",
                    [harmony.RETURN],
                    "stop",
                )
                assert why in log[-1]

    def test_a_cut_round_goes_on_where_it_was_cut(self, url):
        ids = ids_of(PLAIN_ROUND)
        for cut in (1, 4, len(ids) - 1):
            assert choice_of(url, prompt=ids_of(prompt_text(PROBLEM)) + ids[:cut])["token_ids"] == ids[cut:]

    def test_a_follow_up_inside_a_sampled_round_is_not_a_new_question(self, url):
        inlined = CALL_ROUND.replace(
            "Let's compute.<|end|>", "Hm.<|end|><|start|>user<|message|>Go on.<|end|>"
        )
        prompt = prompt_text(PROBLEM, tool=True, results=(exchange(inlined, "1024"),))
        assert choice_of(url, prompt=prompt)["token_ids"] == ids_of(LAST_ROUND)


class TestForcedFinal:
    FORCE = "<|start|>assistant<|channel|>final<|message|>"

    def test_gets_the_content_of_the_next_final_message(self, url):
        forced = prompt_text(
            PROBLEM, tool=True, tail="<|start|>assistant<|channel|>analysis<|message|>Hm<|end|>" + self.FORCE
        )
        choice = choice_of(url, prompt=forced)
        assert choice["text"] == "It is \\boxed{1024}."
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", None)

    def test_goes_on_inside_the_final_message(self, url):
        held = "<|start|>assistant" + PLAIN_ROUND.partition("boxed")[0]
        assert choice_of(url, prompt=prompt_text(PROBLEM, tail=held))["text"] == "boxed{1024}."

    def test_ends_at_once_where_no_final_message_was_recorded(self, url):
        choice = choice_of(url, prompt=prompt_text(PROBLEM, tail=self.FORCE), seed=1)
        assert choice["token_ids"] == [harmony.RETURN]

    def test_plays_an_answer_that_was_forced_when_recorded(self, tmp_path):
        path = tmp_path / "output-rs3.jsonl"
        forced_round = {"token_ids": ids_of("The answer: \\boxed{5}<|return|>"), "finish_reason": "stop"}
        cut = {"token_ids": ids_of(CUT_ROUND), "finish_reason": "length"}
        path.write_text(
            json.dumps({"problem": PROBLEM, "rounds": [cut, forced_round], "generation": "..."}) + "\n"
        )
        prompt = prompt_text(PROBLEM, tail=f"<|start|>assistant{CUT_ROUND}<|end|>{self.FORCE}")
        with replaying(path) as url:
            assert choice_of(url, prompt=prompt, seed=3)["text"] == "The answer: \\boxed{5}"


class TestErrors:
    def refused(self, url, body, status, param, kind="BadRequestError"):
        got, answer = post(url, body)
        assert got == status
        assert set(answer["error"]) == {"message", "type", "param", "code"}
        assert (answer["error"]["code"], answer["error"]["param"], answer["error"]["type"]) == (
            status,
            param,
            kind,
        )
        return answer["error"]["message"]

    def test_unknown_model(self, url):
        assert "`other`" in self.refused(
            url, {"model": "other", "prompt": "x"}, 404, "model", "NotFoundError"
        )

    def test_over_long_prompt(self, recording):
        with replaying(recording, max_model_len=100) as url:
            for prompt, limit in (([5] * 100, 1), ([5] * 300, 1), ([5] * 60, 50)):
                self.refused(url, {"prompt": prompt, "max_tokens": limit}, 400, "input_tokens")
            assert post(url, {"prompt": [5] * 60, "max_tokens": 40})[0] == 200

    def test_bodies_that_are_no_request(self, url):
        for body in (b"{", b"\xff", b"[]"):
            status, answer = post(url, body)
            assert (status, answer["error"]["code"]) == (400, 400)

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({}, "prompt"),
            ({"prompt": []}, "prompt"),
            ({"prompt": ["a", "b"]}, "prompt"),
            ({"prompt": [1, "x"]}, "prompt"),
            ({"prompt": [1, -1]}, "prompt"),
            ({"prompt": [201088]}, "prompt"),
            ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
            ({"prompt": "x", "max_tokens": "many"}, "max_tokens"),
            ({"prompt": "x", "n": 2}, "n"),
            ({"prompt": "x", "logprobs": 1}, "logprobs"),
            ({"prompt": "x", "stop": [1]}, "stop"),
            ({"prompt": "x", "stop_token_ids": [[1]]}, "stop_token_ids"),
            ({"prompt": "x", "seed": "one"}, "seed"),
        ],
    )
    def test_bad_options(self, url, body, param):
        self.refused(url, body, 400, param)

    def test_unknown_route(self, url):
        assert post(url, {}, path="/v1/nothing") == (404, {"detail": "Not Found"})


CHAT_MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROBLEM}]


class TestChat:
    BODY: ClassVar = {"messages": CHAT_MESSAGES}
    PATH = "/v1/chat/completions"

    def test_channels_become_content_and_reasoning(self, url):
        status, answer = post(
            url, self.BODY | {"reasoning_effort": "high", "return_token_ids": True}, path=self.PATH
        )
        assert status == 200
        (choice,) = answer["choices"]
        assert choice["message"]["content"] == "Thus \\boxed{1024}."
        assert choice["message"]["reasoning"] == "Two to the tenth."
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", None)
        assert choice["token_ids"] == ids_of(PLAIN_ROUND)
        assert "Reasoning: high" in harmony.decode(answer["prompt_token_ids"])
        counts = answer["usage"]
        assert counts["completion_tokens"] == len(ids_of(PLAIN_ROUND))
        assert counts["prompt_tokens"] == len(answer["prompt_token_ids"])
        assert 0 < counts["completion_tokens_details"]["reasoning_tokens"] < counts["completion_tokens"]

    def test_cut_in_the_reasoning(self, url):
        (choice,) = post(url, self.BODY | {"max_completion_tokens": 6}, path=self.PATH)[1]["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == (None, "length")
        assert choice["message"]["reasoning"] == "Two to the"

    def test_streamed(self, url):
        options = {"return_token_ids": True, "stream_options": {"include_usage": True}}
        first, *events, last = stream(url, self.BODY | options, path=self.PATH)
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        deltas = [event["choices"][0] for event in events]
        assert "".join(d["delta"].get("reasoning", "") for d in deltas) == "Two to the tenth."
        assert "".join(d["delta"].get("content", "") for d in deltas) == "Thus \\boxed{1024}."
        assert [i for d in deltas for i in d["token_ids"]] == ids_of(PLAIN_ROUND)
        assert deltas[-1]["finish_reason"] == "stop"
        whole = post(url, self.BODY | options, path=self.PATH)[1]
        assert last["usage"] == whole["usage"]
        assert first["prompt_token_ids"] == whole["prompt_token_ids"]

    def test_an_undeclared_tool_call_is_lost_silently(self, tmp_path):
        path = tmp_path / "recording.jsonl"
        path.write_text(json.dumps(row([{"text": CALL_ROUND, "stop_reason": 200012}])) + "\n")
        with replaying(path) as url:
            (choice,) = post(url, self.BODY, path=self.PATH)[1]["choices"]
        assert (choice["message"]["content"], choice["message"]["tool_calls"]) == (None, [])
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", 200012)

    def test_bad_messages(self, url):
        for messages in (None, [], ["x"], [{"role": "robot", "content": "x"}]):
            status, answer = post(url, {"messages": messages}, path=self.PATH)
            assert (status, answer["error"]["param"]) == (400, "messages")
