"""Several servers behind one `Server`: who is asked, who is passed over, and when the run ends."""

import asyncio
import os
import signal
import socket
import time
from contextlib import AsyncExitStack

import pytest
from support.commands import serving
from support.sums import PROBLEM, write_recording

from mathforge import harmony
from mathforge.config import Endpoint, Inference
from mathforge.errors import ServerError
from mathforge.servers import FailedRequestError, Server

OK = {"choices": [{"text": "", "token_ids": [1, 2, 200002], "finish_reason": "stop"}]}
BROKEN = (500, {"error": {"message": "EngineCore died", "code": 500}})


def ask(server, name="p", round_number=0, **inference):
    return server.complete(
        [9, 8], Inference(**inference), max_tokens=5, seed=3, request_id=f"demo/{name}/rs3/{round_number}"
    )


def pool(work, *servers, extra=(), **endpoint):
    """Run `work(server)` against the given scripted servers."""

    async def main():
        async with AsyncExitStack() as stack:
            for one in servers:
                await stack.enter_async_context(one)
            urls = [*extra, *(one.url for one in servers)]
            options = {"base_url": ",".join(urls), "max_retries": 2, "give_up_after_s": 0.5, **endpoint}
            async with Server(Endpoint(**options)) as server:
                return await work(server)

    return asyncio.run(main())


def unused_address():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/v1"


def test_rounds_of_one_sample_stay_on_one_server(scripted_server):
    servers = [scripted_server(OK) for _ in range(3)]

    async def work(server):
        for round_number in range(4):
            await asyncio.gather(*(ask(server, f"p{n}", round_number) for n in range(9)))

    pool(work, *servers)
    homes = {}
    for number, one in enumerate(servers):
        assert len(one.requests) == 12
        for _, _, request_id in one.requests:
            homes.setdefault(request_id.rpartition("/")[0], set()).add(number)
    assert len(homes) == 9
    assert all(len(places) == 1 for places in homes.values())


def test_a_server_that_fails_is_left_at_once_for_another(scripted_server):
    bad, good = scripted_server(BROKEN), scripted_server(OK)

    async def work(server):
        return await asyncio.gather(*(ask(server, f"p{n}") for n in range(20)))

    started = time.monotonic()
    answers = pool(work, bad, good)
    assert all(answer.token_ids == [1, 2, 200002] for answer in answers)
    assert time.monotonic() - started < 3
    assert len(bad.requests) <= 10  # those that were on their way when the circuit opened


def test_an_address_where_nothing_listens_is_named_and_passed_over(scripted_server, capfd):
    good, nowhere = scripted_server(OK), unused_address()
    assert pool(ask, good, extra=[nowhere]).token_ids == [1, 2, 200002]
    assert f"no server answers at `{nowhere}`" in capfd.readouterr().err


def test_the_run_ends_only_when_all_are_dead(scripted_server):
    async def main():
        first, second = scripted_server(OK), scripted_server(OK)
        await first.__aenter__()
        await second.__aenter__()
        endpoint = Endpoint(base_url=f"{first.url},{second.url}", give_up_after_s=0.5)
        async with Server(endpoint) as server:
            await asyncio.gather(*(ask(server, f"p{n}") for n in range(4)))
            await first.__aexit__()
            await asyncio.gather(*(ask(server, f"p{n}") for n in range(4)))
            await second.__aexit__()
            with pytest.raises(ServerError, match="has not answered") as caught:
                await ask(server)
            assert caught.value.code == "server_dead"
            assert "all 2" in str(caught.value)

    asyncio.run(main())


def test_a_server_that_comes_back_gets_requests_again(scripted_server):
    flaky = scripted_server(BROKEN, BROKEN, BROKEN, OK)
    other = scripted_server(OK)

    async def work(server):
        await asyncio.gather(*(ask(server, f"p{n}") for n in range(12)))
        deadline = time.monotonic() + 10
        number = 100
        while sum(reply == OK for reply in flaky.replies) != 1 or len(flaky.replies) > 1:
            assert time.monotonic() < deadline
            number += 1
            await asyncio.gather(*(ask(server, f"p{number}-{n}") for n in range(4)))
            await asyncio.sleep(0.05)

    pool(work, flaky, other, give_up_after_s=5.0)


def test_retry_after_is_honoured_and_does_not_count_as_a_failure(scripted_server):
    busy = (429, {"error": {"message": "slow down"}})
    scripted = scripted_server(*[busy] * 6, OK)
    assert pool(ask, scripted, max_retries=1).token_ids == [1, 2, 200002]
    assert len(scripted.requests) == 7


def test_a_quota_that_is_used_up_ends_the_run(scripted_server):
    used_up = (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
    with pytest.raises(ServerError, match="quota is used up"):
        pool(ask, scripted_server(used_up))


def test_a_poisonous_request_fails_alone_and_everywhere(scripted_server):
    def reply(body):
        return BROKEN if body["seed"] == 13 else OK

    servers = [scripted_server(reply), scripted_server(reply)]

    async def work(server):
        poison = server.complete([9], Inference(), max_tokens=5, seed=13, request_id="demo/poison/rs13/0")
        results = await asyncio.gather(
            poison, *(ask(server, f"p{n}") for n in range(8)), return_exceptions=True
        )
        assert isinstance(results[0], FailedRequestError)
        assert all(result.token_ids for result in results[1:])
        assert (await ask(server, "later")).token_ids

    pool(work, *servers)


def test_the_shortest_context_counts_and_other_models_are_refused(scripted_server):
    short = scripted_server(OK, models=[{"id": "tiny", "max_model_len": 1000}])
    long = scripted_server(OK, models=[{"id": "tiny", "max_model_len": 9000}])

    async def work(server):
        return server.model.context_tokens

    assert pool(work, long, short) == 1000
    with pytest.raises(ServerError, match="no model `tiny`"):
        pool(work, scripted_server(OK), scripted_server(OK, models=[{"id": "other"}]), model="tiny")


def test_a_folder_may_be_served_under_its_last_name(scripted_server):
    async def work(server):
        return server.model.name

    assert pool(work, scripted_server(OK), model="/models/tiny") == "tiny"


def test_a_frozen_server_is_cut_off_and_its_requests_move(tmp_path):
    """SIGSTOP: connections stay open and nothing ever comes, as with a machine that lost its network."""
    recording = write_recording(tmp_path / "recording.jsonl")
    prompt = harmony.encode(f"<|start|>user<|message|>{PROBLEM}<|end|><|start|>assistant")

    async def work(first, second):
        endpoint = Endpoint(base_url=f"{first.address},{second.address}", give_up_after_s=1.0)
        async with Server(endpoint) as server:
            os.kill(first.pid, signal.SIGSTOP)
            questions = [
                server.complete(prompt, Inference(), max_tokens=50, seed=0, request_id=f"x/p{n}/rs0/0")
                for n in range(4)
            ]
            return await asyncio.wait_for(asyncio.gather(*questions), 60)

    with serving(recording, "--model", "m") as first, serving(recording, "--model", "m") as second:
        answers = asyncio.run(work(first, second))
    assert [answer.finish_reason for answer in answers] == ["stop"] * 4
