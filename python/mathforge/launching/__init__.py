"""Model servers as child processes: `with launch(Launch(model=..., gpus=8)) as addresses: ...`.

They end with the context, and also when this process is killed. A server that dies is started again on its
old address; whether it is coming back or gone for good is known to the clients of this process (`fate`).
"""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import ServerError
from ..progress import Meter
from .commands import Command, Launch, commands
from .replica import Replica, State

__all__ = ["Command", "Launch", "dry_run", "fate", "launch"]

_POLL_S = 0.05
_running: dict[str, Replica] = {}


def fate(address: str) -> State | None:
    """What has become of a server that this process started; None for any other server."""
    replica = _running.get(address)
    return None if replica is None else replica.state


def dry_run(what: Launch) -> list[Command]:
    """The commands `launch` would run; ports that it would choose are counted from 5000 on."""
    return commands(what, [(what.port or 5000) + number for number in range(what.replicas)])


@contextmanager
def launch(what: Launch, log_dir: str | Path) -> Iterator[list[str]]:
    """Start servers, wait until all answer, and stop them in the end.

    Args:
        what: which and how many.
        log_dir: receives `server-N.log` of each replica.

    Yields:
        Their addresses, each ending in /v1.

    Raises:
        InputError: what is asked for cannot be started.
        ServerError: a server ended before it answered, or took too long; with its last lines.
    """
    planned = commands(what, _ports(what))
    program = planned[0].argv[0]
    if shutil.which(program) is None:
        raise ServerError(
            f"cannot start a {what.server_type} server: there is no program `{program}`",
            hint="install the server and put its bin folder on PATH, or give --server-entrypoint",
            code="no_program",
        )
    replicas = [
        Replica(
            command, Path(log_dir) / f"server-{number}.log", what.start_timeout_s, what.max_restarts, _tell
        )
        for number, command in enumerate(planned)
    ]
    with ExitStack() as stack:
        for replica in replicas:
            replica.log_path.unlink(missing_ok=True)
            stack.callback(replica.stop)
            stack.callback(_running.pop, replica.command.address, None)
            _running[replica.command.address] = replica
            replica.start()
        stack.callback(_ask_all_to_stop, replicas)
        _wait(what, replicas)
        yield [replica.command.address for replica in replicas]


def _ports(what: Launch) -> list[int]:
    if what.port is not None:
        return [what.port + number for number in range(what.replicas)]
    with ExitStack() as stack:  # all held until all are found, so that no port comes twice
        sockets = [stack.enter_context(socket.socket()) for _ in range(what.replicas)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(what: Launch, replicas: list[Replica]) -> None:
    """Until all have answered."""
    started = time.monotonic()
    name = what.model or what.server_type
    with Meter(f"{what.server_type} server of {name}: ready", len(replicas)) as meter:
        ready = 0
        while ready < len(replicas):
            for replica in replicas:
                if replica.state == "gone":
                    raise _failure(what, replica)
            now_ready = sum(replica.state == "running" for replica in replicas)
            meter.add(now_ready - ready, f"after {time.monotonic() - started:.0f} s")
            ready = now_ready
            time.sleep(_POLL_S)


def _failure(what: Launch, replica: Replica) -> ServerError:
    said = replica.last_lines()
    if what.server_type == "replay" and "error: " in said:  # our own program says it in one line
        message, _, hint = said.partition("error: ")[2].partition("\nhint: ")
        return ServerError(f"the replay server did not start: {message}", hint=hint or None)
    return ServerError(
        f"the {what.server_type} server did not start: {replica.failure}. Its last lines:\n"
        + "\n".join(f"  {line}" for line in said.splitlines()),
        hint=f"the whole log is in {replica.log_path}",
        code="server_start",
    )


def _ask_all_to_stop(replicas: list[Replica]) -> None:
    """So that they end side by side."""
    for replica in replicas:
        replica.ask_to_stop()


def _tell(line: str) -> None:
    print(f"note: {line}", file=sys.stderr, flush=True)
