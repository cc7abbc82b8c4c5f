"""`mathforge sandbox prepare`, `run`, `replay` and `serve`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import _sandbox_replay, _sandbox_serve

NAME = "sandbox"
HELP = "Prepare the Python sandbox, run a file or recorded calls in it, or serve it over HTTP"
EXAMPLE = "mathforge sandbox run solution.py --timeout-s 10"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="prepare|run|replay|serve")
    preparing = actions.add_parser(
        "prepare",
        help="fetch the pinned files and build the image; does nothing when it is built and intact",
        epilog="example: mathforge sandbox prepare --packages numpy,networkx==3.5",
        allow_abbrev=False,
    )
    preparing.add_argument(
        "--from",
        dest="files_from",
        metavar="DIR",
        help="folder that holds the package files; no network is used",
    )
    preparing.add_argument(
        "--wheels", metavar="DIR", help="folder of further wheels, pure or built for the sandbox's platform"
    )
    preparing.add_argument(
        "--index", metavar="URL", help="address of a copy of the Pyodide distribution (default: its own)"
    )
    preparing.add_argument(
        "--renew", action="store_true", help="look for newer versions of the packages named with --packages"
    )
    running = actions.add_parser("run", help="run a file as one cell of a new session", allow_abbrev=False)
    running.add_argument("file", metavar="FILE", help="a Python file, or - for stdin")
    running.add_argument("--timeout-s", type=float, default=10.0, help="time limit in seconds (default 10)")
    running.add_argument("--memory-mib", type=int, default=1024, help="memory limit in MiB (default 1024)")
    running.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    replaying = actions.add_parser(
        "replay",
        help="run the Python calls of samples again, and report outputs that differ from the recorded ones",
        epilog="example: mathforge sandbox replay runs/with-python/eval-results/aime25/output-rs0.jsonl",
        allow_abbrev=False,
    )
    _sandbox_replay.add_arguments(replaying)
    serving = actions.add_parser(
        "serve",
        help="serve sessions over HTTP, in the protocol of NeMo-Skills' sandbox server",
        epilog="example: mathforge sandbox serve --port 6000 --token-file tokens.txt",
        allow_abbrev=False,
    )
    _sandbox_serve.add_arguments(serving)
    for action in (preparing, running, replaying, serving):
        action.add_argument(
            "--packages",
            default="",
            metavar="A,B",
            help="packages beside the default ones (sympy, mpmath, python-flint)",
        )
        action.add_argument(
            "--cache-dir", help="where images are kept (default: $MATHFORGE_CACHE or ~/.cache/mathforge)"
        )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; 1 when a cell did not end well."""
    actions = {
        "prepare": _prepare,
        "run": _run,
        "replay": _sandbox_replay.run,
        "serve": _sandbox_serve.run,
    }
    return actions[args.action](args)


def _prepare(args: argparse.Namespace) -> int:
    from ..sandbox import prepare

    folder = prepare(
        _names(args.packages),
        cache_dir=args.cache_dir,
        files_from=args.files_from,
        wheels=args.wheels,
        index=args.index,
        renew=args.renew,
        thorough=True,
    )
    print(folder)
    return 0


def _names(packages: str) -> list[str]:
    return [name for name in packages.split(",") if name.strip()]


def _run(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from ..sandbox import Sandbox

    source = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    code = source.decode("utf-8", "replace")
    with Sandbox(_names(args.packages), memory_mib=args.memory_mib, cache_dir=args.cache_dir) as box:
        outcome = box.session().run(code, args.timeout_s)
    if args.json:
        print(json.dumps(asdict(outcome)))
    else:
        for text, stream in ((outcome.stdout, sys.stdout), (outcome.stderr, sys.stderr)):
            if text:
                print(text, end="" if text.endswith("\n") else "\n", file=stream)
        if outcome.status not in {"ok", "error"}:
            print(f"sandbox: the cell ended with status {outcome.status}", file=sys.stderr)
    return 0 if outcome.status == "ok" else 1
