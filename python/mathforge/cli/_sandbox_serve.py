"""`mathforge sandbox serve`: the flags, and a process that serves until it is told to stop."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=6000, help="port; 0 lets the system choose (default: %(default)s)"
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="who may ask, one `NAME TOKEN` per line (default: this machine)"
    )
    parser.add_argument(
        "--max-sessions", type=int, default=1000, metavar="N", help="sessions of one client (default 1000)"
    )
    parser.add_argument(
        "--idle-s", type=float, default=3600.0, help="close a session idle for so long (default 3600)"
    )
    parser.add_argument(
        "--max-timeout-s", type=float, default=3600.0, help="longest time limit of a cell (default 3600)"
    )
    parser.add_argument(
        "--memory-mib", type=int, default=1024, help="memory limit of a session in MiB (default 1024)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="run sessions in N processes of their own: a second wall (default 0: in this process)",
    )
    parser.add_argument(
        "--stop-s", type=float, default=10.0, help="time for running cells when stopped (default 10)"
    )
    parser.add_argument("--parent-pid", type=int, metavar="PID", help="end when this process is gone")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted. One line on stdout says where, once requests are answered."""
    _check(args)
    from ..listening import serve_until_stopped
    from ..sandbox import Sandbox
    from ..sandbox.service.application import Service, Settings
    from ..sandbox.service.clients import Clients, check_exposure

    clients = Clients.read(Path(args.token_file)) if args.token_file else Clients()
    check_exposure(args.host, clients)
    if clients.names and Path(args.token_file).stat().st_mode & 0o077:
        print(f"warning: other users can read the tokens in {args.token_file}: chmod 600", file=sys.stderr)
    settings = Settings(
        clients=clients,
        max_sessions=args.max_sessions,
        idle_s=args.idle_s,
        max_timeout_s=args.max_timeout_s,
    )
    _allow_connections()

    packages = [name for name in args.packages.split(",") if name.strip()]
    with Sandbox(packages, workers=args.workers, memory_mib=args.memory_mib, cache_dir=args.cache_dir) as box:
        serve_until_stopped(
            Service(box, settings).application(),
            args.host,
            args.port,
            parent_pid=args.parent_pid,
            stop_s=args.stop_s,
        )
    return 0


def _check(args: argparse.Namespace) -> None:
    if not 0 <= args.port <= 65535:
        raise InputError(f"--port must be 0 to 65535, not {args.port}")
    for flag in ("max_sessions", "idle_s", "max_timeout_s", "memory_mib"):
        if not getattr(args, flag) > 0:
            name = flag.replace("_", "-")
            raise InputError(f"--{name} must be above 0, not {getattr(args, flag):g}")
    if not args.stop_s >= 0:
        raise InputError(f"--stop-s must be 0 or more, not {args.stop_s:g}")


def _allow_connections() -> None:
    """Clients hold up to two thousand connections; the usual soft limit of open files is half of that."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
