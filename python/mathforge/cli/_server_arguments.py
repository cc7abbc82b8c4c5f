"""The options that say which model server to start; shared by the commands that can start one."""

from __future__ import annotations

import argparse


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--server-gpus` and what belongs to it."""
    add = parser.add_argument
    add(
        "--server-gpus",
        type=int,
        metavar="N",
        help="start the server with this many GPUs of a node (0: without any)",
    )
    add("--server-nodes", type=int, default=1, metavar="N", help="nodes of one server (default: 1)")
    add(
        "--server-args",
        default="",
        metavar="'...'",
        help="more arguments of the server's own command, e.g. --server-args='--async-scheduling'",
    )
    add("--server-entrypoint", metavar="WORDS", help="in place of the command, e.g. /opt/vllm/bin/vllm serve")
    add("--replicas", type=int, default=1, metavar="R", help="servers to start side by side (default: 1)")
