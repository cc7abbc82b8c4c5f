"""The callable that submitit runs on a node: a command line, stopped and queued again at its time limit.

Nothing of the run is in this process: the command keeps what it has finished in its output files, so that
continuing means running it again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

_POLL_S = 0.1


def argv_here(argv: Sequence[str]) -> list[str]:
    """The command with `mathforge` as its first word replaced by this Python's package."""
    return [sys.executable, "-m", "mathforge", *argv[1:]] if argv[0] == "mathforge" else list(argv)


class Command:
    """A command line for a node of a cluster.

    Attributes:
        argv: the command; `mathforge` as its first word is this package in the node's Python.
        environment: variables beside those of the job.
        grace_s: seconds it has to end after SIGTERM, before the time limit.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], grace_s: float) -> None:
        self.argv = list(argv)
        self.environment = dict(environment)
        self.grace_s = grace_s
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Run on the first node of the job and leave with the command's exit status."""
        if os.environ.get("SLURM_PROCID", "0") != "0":
            return  # the further nodes are held for what the command starts there with `srun --overlap`
        print(f"mathforge: {subprocess.list2cmdline(self.argv)}", flush=True)
        self._child = subprocess.Popen(
            argv_here(self.argv),
            env={**os.environ, **self.environment},
            preexec_fn=_ignore_limit_signal,  # noqa: PLW1509 - one thread
        )
        # Not wait(): it holds a lock that the signal handler would need.
        while self._child.poll() is None:
            time.sleep(_POLL_S)
        if self._child.returncode:
            # Not an exception: a traceback of this file below the command's own message would help nobody.
            sys.exit(self._child.returncode if self._child.returncode > 0 else 128 - self._child.returncode)

    def checkpoint(self) -> Any:
        """Called by submitit in a signal handler when the time limit is near; gives what to queue again."""
        import submitit

        if self._child is not None:
            print("mathforge: the time limit is near; stopping, to be queued again", flush=True)
            _stop(self._child.pid, self.grace_s)
        return submitit.helpers.DelayedSubmission(Command(self.argv, self.environment, self.grace_s))


def _ignore_limit_signal() -> None:
    """Slurm signals every process of the step; only submitit's has to know."""
    name = os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")
    signal.signal(getattr(signal, f"SIG{name}"), signal.SIG_IGN)


def _stop(pid: int, grace_s: float) -> None:
    """SIGTERM, then SIGKILL; leaves the child to be reaped by its Popen object."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(_POLL_S)
