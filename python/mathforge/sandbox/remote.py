"""Sessions of a sandbox service (`mathforge sandbox serve`) on another machine, used like local ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ..errors import SandboxError
from ._outcome import Outcome, Status, lost

if TYPE_CHECKING:
    import aiohttp

# Cells may wait for a processor of the service before their time limit starts to run.
WAIT_S = 600.0
OUTCOME_HEADER = "X-Mathforge-Outcome"
TOKEN_VARIABLE = "MATHFORGE_SANDBOX_TOKEN"
MAX_OUTPUT_CHARS = 32_768
STATUSES: dict[str, Status] = {"completed": "ok", "error": "error", "timeout": "timeout", "failed": "error"}


class RemoteSandbox:
    """A service and the sessions that this process has there.

    Also speaks to NeMo-Skills' own server, which tells less: there a lost state shows in the next cell.
    """

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http
        self._closing: set[asyncio.Task[None]] = set()

    def session(self) -> RemoteSession:
        """A session; the service opens it with its first cell."""
        return RemoteSession(self, uuid.uuid4().hex)

    def resume(self, name: str) -> RemoteSession:
        """A session that an earlier process opened; when the service has it no longer, its next cell is
        "lost"."""
        session = RemoteSession(self, name)
        session.expects_state = True
        return session

    async def execute(self, name: str, code: str, timeout_s: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """Post one cell.

        Returns:
            The answer's four fields, and what a mathforge service adds to them.

        Raises:
            SandboxError: the service cannot be reached or refuses.
        """
        import aiohttp

        body = {
            "generated_code": code.encode("utf-8", "replace").decode("utf-8"),
            "timeout": timeout_s,
            "language": "ipython",
            "max_output_characters": MAX_OUTPUT_CHARS,
        }
        limit = aiohttp.ClientTimeout(total=timeout_s + WAIT_S)
        end = time.monotonic() + WAIT_S
        try:
            while True:
                async with self._http.post(
                    f"{self._url}/execute", json=body, headers={"X-Session-ID": name}, timeout=limit
                ) as response:
                    answer: dict[str, Any] = await response.json()
                if response.status == 503 and time.monotonic() < end:
                    await asyncio.sleep(float(response.headers.get("Retry-After", 1)))
                    continue
                if response.status != 200:
                    raise SandboxError(
                        f"the sandbox service refused a cell: {answer.get('error', response.status)}",
                        hint=f"give its token in ${TOKEN_VARIABLE}" if response.status == 401 else None,
                        code="service",
                    )
                return answer, json.loads(response.headers.get(OUTCOME_HEADER, "{}"))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise SandboxError(
                f"the sandbox service does not answer: {reason}",
                hint=f"is it running at {self._url}?",
                code="service",
            ) from error

    def forget(self, name: str) -> None:
        """Delete a session, without waiting for it."""
        task = asyncio.get_running_loop().create_task(self._delete(name))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def settle(self) -> None:
        """Wait until everything that was forgotten is deleted."""
        await asyncio.gather(*self._closing)

    async def _delete(self, name: str) -> None:
        import aiohttp

        # Whatever happens, the service deletes idle sessions by itself.
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.delete(f"{self._url}/sessions/{name}", timeout=aiohttp.ClientTimeout(10.0)):
                pass


class RemoteSession:
    """One session of a service.

    Attributes:
        name: by which the service knows it, also after this process.
        expects_state: whether cells have been run in it.
    """

    def __init__(self, sandbox: RemoteSandbox, name: str) -> None:
        self._sandbox = sandbox
        self.name = name
        self.expects_state = False

    async def run_async(self, code: str, timeout_s: float = 10.0) -> Outcome:
        """Run one cell.

        Returns:
            Its outcome; "lost" when the service no longer had the session, which the cell then ran without.

        Raises:
            SandboxError: the service cannot be reached or refuses.
        """
        answer, more = await self._sandbox.execute(self.name, code, timeout_s)
        if answer.get("new_session_created") and self.expects_state:
            self.expects_state = False
            return lost("the sandbox service had lost the session")
        state_lost = bool(more.get("state_lost", False))
        self.expects_state = not state_lost
        status: Status = more.get("status") or STATUSES.get(answer["process_status"], "error")
        return Outcome(
            status=status,
            stdout=answer["stdout"],
            stderr=answer["stderr"],
            wall_s=more.get("wall_s", 0.0),
            cpu_s=more.get("cpu_s", 0.0),
            truncated=bool(more.get("truncated", False)),
            rolled_back=bool(more.get("rolled_back", False)),
            state_lost=state_lost,
        )

    def close(self) -> None:
        """End the session."""
        self._sandbox.forget(self.name)


@contextlib.asynccontextmanager
async def connect(url: str, token: str | None = None) -> AsyncIterator[RemoteSandbox]:
    """Connect to a service.

    Args:
        url: its address, as `mathforge sandbox serve` prints it.
        token: default $MATHFORGE_SANDBOX_TOKEN.

    Raises:
        SandboxError: it is not there.
    """
    import aiohttp

    url = url.rstrip("/")
    if "://" not in url:
        url = f"http://{url}"
    token = token or os.environ.get(TOKEN_VARIABLE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=2048)) as http:
        try:
            async with http.get(f"{url}/health", timeout=aiohttp.ClientTimeout(10.0)) as response:
                response.raise_for_status()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SandboxError(
                f"no sandbox service answers at {url}: {error or type(error).__name__}",
                hint="start one with `mathforge sandbox serve`",
                code="service",
            ) from error
        sandbox = RemoteSandbox(url, http)
        try:
            yield sandbox
        finally:
            await sandbox.settle()
