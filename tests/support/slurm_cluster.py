"""A Slurm cluster of three nodes on loopback, with accounting: real daemons, all files in one folder.

Everything is reached through SLURM_CONF, so that a Slurm of the machine itself is not touched. Eight
processors per node are claimed, however many there are: jobs of tests wait more than they work.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

NEEDED = ("munged", "slurmdbd", "slurmctld", "slurmd", "mariadbd", "mariadb-install-db")
NODES = 3
_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
_UP_WITHIN_S = 60.0

_SLURM_CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
SlurmdTimeout=30
MinJobAge=600
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting_port}
AccountingStoragePass={folder}/munge.socket
NodeName=DEFAULT CPUs=8 RealMemory=8000 State=UNKNOWN
{node_lines}
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=cpu Nodes=ALL MaxTime=INFINITE State=UP
"""

_SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounting_port}
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser={user}
StorageLoc=slurm_acct
"""


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name, path=_PATH) is None]


class SlurmCluster:
    """A running cluster.

    Attributes:
        folder: configuration, logs and state.
        environment: makes sbatch, squeue, ... speak to this cluster.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _PATH}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str) -> str:
        """Output of a command of Slurm, which must succeed."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Start all daemons; returns when three nodes are idle."""
        ports = _free_ports(3 + NODES)
        host = socket.gethostname().partition(".")[0]
        facts = {
            "folder": self.folder,
            "host": host,
            "user": getpass.getuser(),
            "controller_port": ports[0],
            "accounting_port": ports[1],
            "database_port": ports[2],
            "node_lines": "\n".join(
                f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
                for number, port in enumerate(ports[3:], 1)
            ),
        }
        (self.folder / "slurm.conf").write_text(_SLURM_CONF.format(**facts))
        (self.folder / "slurmdbd.conf").write_text(_SLURMDBD_CONF.format(**facts))
        (self.folder / "slurmdbd.conf").chmod(0o600)
        (self.folder / "state").mkdir()
        self._start_munge()
        self._start_database(ports[2], facts["user"])
        self._daemon("slurmdbd", "-D")
        self._until(lambda: self._ready("sacctmgr", "-i", "add", "cluster", "loopback"), "slurmdbd")
        self._daemon("slurmctld", "-D", "-i")
        for number in range(1, NODES + 1):
            (self.folder / f"spool-n{number}").mkdir()
            self._daemon("slurmd", "-D", "-N", f"n{number}")
        self._until(lambda: self._idle_nodes() == NODES, "three idle nodes")

    def stop(self) -> None:
        """End every daemon and everything they started."""
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in _processes_with(str(self.folder)):  # jobs' steps outlive their slurmd
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o400)
        files = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        paths = [f"--{flag}={self.folder}/munge.{suffix}" for flag, suffix in files.items()]
        self._daemon("munged", "--force", "--foreground", "--num-threads=10", *paths)
        self._until((self.folder / "munge.socket").exists, "munged")

    def _start_database(self, port: int, user: object) -> None:
        data, socket_path = f"--datadir={self.folder}/database", f"--socket={self.folder}/database.socket"
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                data,
                f"--user={user}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
        )
        self._daemon(
            "mariadbd",
            "--no-defaults",
            data,
            socket_path,
            f"--user={user}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder}/database.pid",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-method=fsync",
            "--innodb-flush-log-at-trx-commit=0",
        )
        grant = f"CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1'; GRANT ALL ON *.* TO '{user}'@'127.0.0.1';"
        self._until(
            lambda: self._ready("mariadb", "--no-defaults", socket_path, "--user=root", "-e", grant),
            "mariadbd",
        )

    def _daemon(self, *command: str) -> None:
        # A session of its own, and no pipe: a caller that reads our output would never see its end.
        with (self.folder / f"{command[0]}.output").open("ab") as output:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def _ready(self, *command: str) -> bool:
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, check=False
        )
        return done.returncode == 0

    def _idle_nodes(self) -> int:
        done = subprocess.run(
            ["sinfo", "-h", "-N", "-p", "batch", "-o", "%t"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split().count("idle")

    def _until(self, holds: object, what: str) -> None:
        assert callable(holds)
        deadline = time.monotonic() + _UP_WITHIN_S
        while not holds():
            for daemon in self._daemons:
                assert daemon.poll() is None, f"{daemon.args} ended: {self.logs()}"
            assert time.monotonic() < deadline, f"no {what} within {_UP_WITHIN_S:g} s: {self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        """The last lines of every daemon."""
        files = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.output")])
        return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-800:]}" for file in files)


@contextlib.contextmanager
def slurm_cluster() -> Iterator[SlurmCluster]:
    """A cluster, stopped at the end. Not in pytest's folder: paths of sockets have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="mathforge-slurm-", ignore_cleanup_errors=True) as folder:
        cluster = SlurmCluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _processes_with(text: str) -> Sequence[int]:
    """Processes that have `text` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if f"SLURM_CONF={text}/".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found
