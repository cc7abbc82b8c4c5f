"""Serve an aiohttp application on a port: inside a running loop, or as the whole life of a command."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from aiohttp import web

from mathforge.errors import ServerError


async def listen(
    application: web.Application,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None],
    until: asyncio.Event,
    stop_s: float = 1.0,
) -> None:
    """Listen until `until` is set.

    Args:
        application: what answers. A client that goes away cancels its request.
        host: address to listen on.
        port: 0 lets the system choose one.
        ready: told the address, with the port that is listened on.
        stop_s: seconds that requests have to end once `until` is set.

    Raises:
        OSError: the address cannot be bound.
    """
    # Access logs would drown the useful lines.
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=stop_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        bound = runner.addresses[0]
        ready(f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}")
        await until.wait()
    finally:
        await runner.cleanup()


def serve_until_stopped(
    application: web.Application, host: str, port: int, *, parent_pid: int | None = None, stop_s: float = 1.0
) -> None:
    """Print the address on stdout and serve until SIGINT, SIGTERM, or the end of the parent process.

    Raises:
        ServerError: the address cannot be bound.
    """

    async def main() -> None:
        until = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, until.set)
        watch = asyncio.create_task(_watch_parent(parent_pid, until)) if parent_pid else None
        try:
            await listen(application, host, port, ready=_announce, until=until, stop_s=stop_s)
        finally:
            if watch:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch

    try:
        asyncio.run(main())
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint="choose another --port, or 0 for a free one",
        ) from error


def _announce(url: str) -> None:
    print(url, flush=True)


async def _watch_parent(pid: int, until: asyncio.Event, interval_s: float = 0.5) -> None:
    """Set `until` once the parent process has ended; a killed parent cannot tell us itself."""
    while os.getppid() == pid:
        await asyncio.sleep(interval_s)
    until.set()
