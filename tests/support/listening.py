"""An application served on loopback, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from aiohttp import web

from mathforge.listening import listen


@contextlib.contextmanager
def listening(application: web.Application, stop_s: float = 1.0) -> Iterator[str]:
    """Serve; gives the address."""
    loop = asyncio.new_event_loop()
    address: list[str] = []
    until, up = asyncio.Event(), threading.Event()

    def ready(url: str) -> None:
        address.append(url)
        up.set()

    life = listen(application, "127.0.0.1", 0, ready=ready, until=until, stop_s=stop_s)
    thread = threading.Thread(target=loop.run_until_complete, args=(life,), daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join(20)
        assert not thread.is_alive()
        loop.close()
