"""A sandbox service on loopback, in a thread of this process, and a client that behaves as NeMo-Skills'."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import aiohttp

from mathforge.sandbox import Sandbox
from mathforge.sandbox.service.application import Service, Settings

from .listening import listening

Answer = dict[str, Any]


@contextlib.contextmanager
def serving(box: Sandbox, settings: Settings | None = None) -> Iterator[str]:
    """Serve; gives the address."""
    with listening(Service(box, settings or Settings()).application(), stop_s=10.0) as address:
        yield address


def ask(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None
) -> tuple[int, Answer]:
    """One request: (HTTP status, JSON answer)."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json"} | (headers or {}), method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def execute(url: str, code: str, session: str | None = "s", **fields: Any) -> Answer:
    """`POST /execute` that must be answered with 200."""
    headers = {} if session is None else {"X-Session-ID": session}
    token = fields.pop("token", None)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    language = "python" if session is None else "ipython"
    body = {"generated_code": code, "timeout": 10.0, "language": language} | fields
    status, answer = ask("POST", f"{url}/execute", body, headers)
    assert status == 200, answer
    return answer


class NemoClient:
    """What NeMo-Skills' client does with a server, written from its description.

    It gives up 5 s after the cell's time limit, takes 502 for a time-out, mints session names itself; when
    it is told that a session is new it deletes it, runs every earlier completed cell again and then this one.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._histories: dict[str, list[str]] = defaultdict(list)
        self.requests = 0

    async def __aenter__(self) -> NemoClient:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2048))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def wait_for_sandbox(self) -> None:
        """Poll /health."""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with self._http.get(f"{self._url}/health") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)

    async def execute_code(
        self, code: str, session_id: str | None = None, timeout: float = 10.0, language: str = "ipython"
    ) -> tuple[Answer, str | None]:
        """Run a cell; gives the answer and the session's name."""
        name = session_id or (str(uuid.uuid4()) if language == "ipython" else None)
        output = await self._send(code, name, timeout, language)
        is_new = output.pop("new_session_created", False)
        if session_id is not None and is_new and output["process_status"] != "timeout":
            history = list(self._histories[session_id])
            await self.delete_session(session_id)
            self._histories[session_id] = history
            for cell in history:
                replayed = await self._send(cell, session_id, timeout, language)
                if replayed["process_status"] != "completed":
                    await self.delete_session(session_id)
                    return {"process_status": "error", "stdout": "", "stderr": "restoration failed\n"}, name
            output = await self._send(code, session_id, timeout, language)
        if output["process_status"] == "completed" and name is not None:
            self._histories[name].append(code)
        return output, name

    async def delete_session(self, name: str) -> None:
        """Delete a session; one that is not there counts as deleted."""
        async with self._http.delete(
            f"{self._url}/sessions/{name}", headers={"X-Session-ID": name}
        ) as response:
            assert response.status in {200, 404}
        self._histories.pop(name, None)

    async def _send(self, code: str, name: str | None, timeout: float, language: str) -> Answer:
        self.requests += 1
        body = {
            "generated_code": code,
            "std_input": "",
            "timeout": timeout,
            "language": language,
            "max_output_characters": 1000,
            "traceback_verbosity": "Plain",
        }
        headers = {"Content-Type": "application/json"} | ({"X-Session-ID": name} if name else {})
        try:
            async with self._http.post(
                f"{self._url}/execute",
                data=json.dumps(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(timeout + 5.0),
            ) as response:
                if response.status == 502:
                    raise TimeoutError
                answer: Answer = json.loads(await response.read())
                return answer
        except TimeoutError:
            return {"process_status": "timeout", "stdout": "", "stderr": "Client timed out\n"}
