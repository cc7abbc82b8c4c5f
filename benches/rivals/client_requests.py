"""Sends one completion request many times, with one of three clients; prints the CPU seconds it took.

Run in the environment of the client: `client_requests.py CLIENT URL CONCURRENCY REQUESTS STREAM PROMPT_IDS`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable

MAX_TOKENS = 4096
One = Callable[[int], Awaitable[int]]  # number of the request -> tokens it got


async def with_mathforge(url: str, stream: bool, prompt: list[int]) -> One:
    from mathforge.config import Endpoint, Inference
    from mathforge.servers import Server

    inference = Inference(stream=stream, temperature=1.0, top_p=1.0)
    server = await Server(Endpoint(base_url=url)).__aenter__()

    async def one(number: int) -> int:
        answer = await server.complete(
            prompt, inference, max_tokens=MAX_TOKENS, seed=0, request_id=f"b/{number}/rs0/0"
        )
        return len(answer.token_ids or ())

    return one


async def with_openai(url: str, stream: bool, prompt: list[int]) -> One:
    import httpx
    import openai

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=None)
    client = openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http)
    extra = {"return_token_ids": True, "skip_special_tokens": False}

    async def one(number: int) -> int:
        asked = {"model": "m", "prompt": prompt, "max_tokens": MAX_TOKENS, "extra_body": extra}
        if not stream:
            answer = await client.completions.create(**asked)
            return len(answer.choices[0].token_ids)
        ids: list[int] = []
        async for chunk in await client.completions.create(stream=True, **asked):
            if chunk.choices:
                ids += chunk.choices[0].token_ids
        return len(ids)

    return one


async def with_litellm(url: str, stream: bool, prompt: list[int]) -> One:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True

    async def one(number: int) -> int:
        asked = {"model": "text-completion-openai/m", "prompt": prompt, "max_tokens": MAX_TOKENS}
        answer = await litellm.atext_completion(api_base=url, api_key="none", stream=stream, **asked)
        if not stream:
            return int(answer.usage.completion_tokens)
        return sum([1 async for chunk in answer if chunk.choices])

    return one


async def measure(
    make: Callable[[str, bool, list[int]], Awaitable[One]], arguments: list[str]
) -> dict[str, float]:
    url, concurrency, requests, stream, prompt = arguments
    one = await make(url, stream == "stream", json.loads(prompt))
    await one(0)  # imports, connections, questions about the server
    numbers = iter(range(int(requests)))

    async def worker() -> int:
        return sum([await one(number) for number in numbers])

    started, cpu = time.monotonic(), time.process_time()
    tokens = sum(await asyncio.gather(*(worker() for _ in range(int(concurrency)))))
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - started,
        "requests": int(requests),
        "tokens": tokens,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    clients = {"mathforge": with_mathforge, "openai": with_openai, "litellm": with_litellm}
    print(json.dumps(asyncio.run(measure(clients[sys.argv[1]], sys.argv[2:]))))
    sys.stdout.flush()
    os._exit(0)  # open connections and background tasks of three libraries are not what is measured
