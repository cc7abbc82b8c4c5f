"""The other Harmony libraries, each in a process of its own.

oss-harmony is installed beside the tests. openai-harmony and the chat template stand in
`.make/peer-packages`, which `make .make/peers` fills.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from mathforge import harmony

PACKAGES = Path(__file__).resolve().parents[2] / ".make" / "peer-packages"
# What openai-harmony downloads when it is left alone; it checks the hash.
RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


class PeerError(Exception):
    """The library raised."""


class Peer:
    """One library, asked line by line.

    Args:
        paths: put before everything else that Python imports from.
        environment: more variables.
    """

    def __init__(self, paths: list[Path], environment: dict[str, str]) -> None:
        # Unset: oss-harmony would look for its ranks there, too.
        inherited = {name: value for name, value in os.environ.items() if name != "TIKTOKEN_ENCODINGS_BASE"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("harmony_peer_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**inherited, **environment, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        )

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, question: str, **fields: Any) -> Any:
        """The answer; raises PeerError where the library raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"question": question, **fields}) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply["answer"]


def oss_harmony() -> Peer:
    """oss-harmony 0.0.11."""
    return Peer([], {})


def openai_harmony(folder: Path) -> Peer:
    """openai-harmony 0.0.8, with its ranks written from our table into `folder`."""
    if not (PACKAGES / "openai_harmony").is_dir():
        pytest.skip("openai-harmony is absent: make .make/peers")
    ranks = b"".join(
        base64.b64encode(harmony.decode_bytes([token])) + f" {token}\n".encode()
        for token in range(harmony.ENDOFTEXT - 1)
    )
    assert hashlib.sha256(ranks).hexdigest() == RANKS_SHA256
    (folder / "o200k_base.tiktoken").write_bytes(ranks)
    return Peer([PACKAGES], {"TIKTOKEN_ENCODINGS_BASE": str(folder)})


def chat_template() -> Peer:
    """The chat template of the model's repository, as TRL carries it."""
    if not (PACKAGES / "trl").is_dir():
        pytest.skip("the chat template is absent: make .make/peers")
    return Peer([PACKAGES], {})
