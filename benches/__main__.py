"""Run all benches and print their tables: `python -m benches [NAME ...]`."""

from __future__ import annotations

import sys
from importlib import import_module

from .measure import print_table

BENCHES = {
    "startup": "Start-up, CPU time",
    "harmony": "Harmony, best of many runs",
    "answers": "Answers, CPU time",
    "aggregate": "Aggregation, CPU time and peak memory of whole processes",
    "sandbox": "Sandbox, wall time",
    "fork": "Sandbox sessions as copies, wall time and memory",
    "flint": "FLINT in the sandbox, CPU time",
    "replay": "Replay server, CPU time",
    "rounds": "Loop overhead per tool round",
    "rehearsal": "Dress rehearsal of an evaluation with the Python tool",
    "client": "Client of model servers, CPU time of the client",
    "cells": "Recorded cells",
}


def main() -> int:
    """Run the named benches, or all."""
    unknown = [name for name in sys.argv[1:] if name not in BENCHES]
    if unknown:
        print(f"error: unknown bench `{unknown[0]}`; known: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in sys.argv[1:] or BENCHES:
        print_table(BENCHES[name], import_module(f"benches.{name}").rows())
    return 0


if __name__ == "__main__":
    sys.exit(main())
