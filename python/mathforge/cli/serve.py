"""`mathforge serve`: start a model server and keep it up, or play recordings as one."""

from __future__ import annotations

import argparse
import sys

from mathforge.cli._server_arguments import add_server_arguments
from mathforge.errors import InputError, ServerError

NAME = "serve"
HELP = "Start vLLM, SGLang or trtllm-serve and keep it up, or serve recordings as a model (--replay)."
EXAMPLE = (
    "mathforge serve --model openai/gpt-oss-120b --server-gpus 8 --server-args='--async-scheduling'\n"
    "mathforge serve --replay demo --port 5000"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of model servers, then those of the replay server."""
    parser.add_argument("--model", help="model to serve; for a replay its name (default: the recording's)")
    parser.add_argument("--server-type", help="vllm (default), sglang, trtllm or replay")
    add_server_arguments(parser)
    parser.add_argument(
        "--log-dir", default="server-logs", metavar="DIR", help="receives server-N.log (default: %(default)s)"
    )
    parser.add_argument(
        "--start-timeout",
        type=float,
        default=1800.0,
        metavar="SECONDS",
        help="how long a server may take until it answers (default: %(default)g)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands and stop")
    parser.add_argument(
        "--replay",
        action="append",
        default=[],
        metavar="FILE",
        help="recording to play: .jsonl[.gz], an evaluation's output folder, or `demo`; may be repeated",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=5000, help="port; 0 lets the system choose (default: %(default)s)"
    )
    parser.add_argument(
        "--max-model-len", type=int, default=131072, metavar="N", help="context length in tokens"
    )
    parser.add_argument(
        "--tokens-per-second", type=float, metavar="R", help="pace of each stream (default: unlimited)"
    )
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        metavar="SPEC",
        help="rehearse a failure: after=120,how=500|reset|hang|exit|error[,times=N]; may be repeated",
    )
    parser.add_argument(
        "--parent-pid", type=int, metavar="PID", help="end when this process, which started us, is gone"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted. One line on stdout says where, once requests are answered."""
    if not args.replay or args.replicas > 1 or args.dry_run:
        return _run_servers(args)
    if args.tokens_per_second is not None and args.tokens_per_second <= 0:
        raise InputError(f"--tokens-per-second must be above 0, not {args.tokens_per_second:g}")
    if not 0 <= args.port <= 65535:
        raise InputError(f"--port must be 0 to 65535, not {args.port}")
    # Here, because `mathforge --help` loads every command.
    from mathforge.listening import serve_until_stopped
    from mathforge.replay.faults import Faults, parse_fault
    from mathforge.replay.recording import load
    from mathforge.replay.server import ReplayServer, Settings

    library = load(args.replay)
    settings = Settings(
        model=args.model or next(iter(library.models), "replay"),
        max_model_len=args.max_model_len,
        tokens_per_second=args.tokens_per_second,
        faults=Faults([parse_fault(text) for text in args.fail]),
    )
    print(
        f"replay: {library.count} recorded samples of {len(library.problems)} problems",
        file=sys.stderr,
        flush=True,
    )

    serve_until_stopped(
        ReplayServer(library, settings).application(), args.host, args.port, parent_pid=args.parent_pid
    )
    return 0


def _run_servers(args: argparse.Namespace) -> int:
    """Start child processes and keep them up until interrupted; their addresses go to stdout."""
    import signal
    import threading

    from mathforge.launching import Launch, dry_run, fate, launch

    what = Launch(
        args.model,
        args.server_type or ("replay" if args.replay else "vllm"),
        gpus=1 if args.server_gpus is None else args.server_gpus,
        nodes=args.server_nodes,
        args=args.server_args,
        replicas=args.replicas,
        entrypoint=args.server_entrypoint,
        recordings=tuple(args.replay),
        host=args.host,
        port=args.port or None,
        start_timeout_s=args.start_timeout,
    )
    if args.dry_run:
        for command in dry_run(what):
            print(command)
        return 0
    until = threading.Event()
    with launch(what, args.log_dir) as addresses:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda number, frame: until.set())
        print(",".join(addresses), flush=True)
        while not until.wait(1.0):
            gone = [address for address in addresses if fate(address) == "gone"]
            if len(gone) == len(addresses):
                raise ServerError(
                    f"no server is left, the last was {gone[-1]}", hint=f"their logs are in {args.log_dir}"
                )
    return 0
