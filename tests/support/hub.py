"""A Hugging Face hub on loopback, as far as fetching a dataset needs one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

COMMIT = "1234567890abcdef1234567890abcdef12345678"


class Hub:
    """Repositories by name, each a mapping of file names to bytes; `gated` ones refuse.

    Attributes:
        address: for HF_ENDPOINT.
        asked: requests, in order, as `METHOD path`.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []
        self.address = ""


@contextlib.contextmanager
def serving_hub() -> Iterator[Hub]:
    """A running hub."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        served: ClassVar[Hub] = hub

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0].strip("/").split("/")
            start = 2 if path[0] == "api" else 1
            name = "/".join(path[start : start + 2])
            files = hub.repositories.get(name)
            if files is None:
                return self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            if name in hub.gated:
                return self._send(403, b"", {"X-Error-Code": "GatedRepo"})
            if path[0] == "api":
                siblings = [{"rfilename": file} for file in files]
                body = {"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "gated": False}
                if "tree" in path:
                    tree = [
                        {"type": "file", "path": f, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                        for f, d in files.items()
                    ]
                    return self._send(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
                return self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
            data = files.get("/".join(path[5:]))
            if data is None:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
            return self._send(200, data, headers)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
