"""Two real Ray nodes on this machine, each a head or worker of its own with one processor; one can be killed.

Their processes are found by a variable of their environment: `ray stop` would end every Ray of the machine.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RAY_PYTHON = ROOT / ".make" / "ray-venv" / "bin" / "python"
_MARK = "MATHFORGE_TEST_RAY_NODE"


class RayCluster:
    """A running cluster.

    Attributes:
        address: HOST:PORT of the head.
        environment: lets a process in: the cluster has a token of its own, whatever the user has set up.
    """

    def __init__(self, folder: Path) -> None:
        # Ray takes 10002 to 19999 for its workers.
        self.address = f"127.0.0.1:{_free_port(20_000)}"
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._folder = folder
        self._marks: dict[str, str] = {}

    def start(self, name: str) -> None:
        """Start a node; the first is the head. Returns once it has joined."""
        mark = self._marks[name] = uuid.uuid4().hex
        role = ["--address", self.address]
        if len(self._marks) == 1:
            role = ["--head", "--port", self.address.partition(":")[2], "--include-dashboard=false"]
            role += ["--temp-dir", str(self._folder)]
        command = [str(RAY_PYTHON.with_name("ray")), "start", *role, "--node-ip-address=127.0.0.1"]
        command += ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
        with (self._folder / f"{name}.log").open("wb") as log:
            done = subprocess.run(
                command,
                env={**os.environ, **self.environment, _MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                timeout=120,
                start_new_session=True,
            )
        assert done.returncode == 0, (self._folder / f"{name}.log").read_text()

    def kill(self, name: str) -> int:
        """kill -9 of every process of a node, its tasks too; how many there were."""
        killed = 0
        for _ in range(3):  # a process may have started another meanwhile
            for pid in _marked(self._marks[name]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            time.sleep(0.1)
        return killed

    def stop(self) -> None:
        """Kill all nodes."""
        for name in reversed(self._marks):
            self.kill(name)


@contextlib.contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A head and a worker, killed at the end. Paths of Ray's sockets are long: not in pytest's folder."""
    folder = Path(tempfile.mkdtemp(prefix="mfray-"))
    cluster = RayCluster(folder)
    try:
        cluster.start("head")
        cluster.start("worker")
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port(least: int) -> int:
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            if (port := one.getsockname()[1]) >= least:
                return int(port)


def _marked(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if f"{_MARK}={mark}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found
