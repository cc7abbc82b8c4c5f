"""`mathforge sandbox replay`: recorded Python calls, run again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..sandbox.replaying import Replay

SAMPLES_AT_ONCE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="JSONL or .jsonl.gz: outputs, recordings, or rows with Harmony text in `text` or `generation`",
    )
    parser.add_argument("--timeout-s", type=float, default=10.0, help="time limit of a call (default 10)")
    parser.add_argument("--memory-mib", type=int, default=1024, help="memory limit in MiB (default 1024)")
    parser.add_argument(
        "--max-output-chars",
        type=int,
        default=1000,
        metavar="N",
        help="characters of output that the model was shown (default 1000)",
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="worker processes (default 0: in this process)"
    )
    parser.add_argument("--samples", type=int, metavar="N", help="only the first samples of each file")
    parser.add_argument(
        "--differences", type=int, default=5, metavar="N", help="differences to show (default 5)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Replay; 1 when an output differs."""
    import asyncio
    import itertools
    import json

    from ..config import CodeExecution
    from ..sandbox import Sandbox
    from ..sandbox.replaying import read_samples, replay

    limits = CodeExecution(
        max_code_output_characters=args.max_output_chars, code_execution_timeout=args.timeout_s
    )
    samples = itertools.chain.from_iterable(
        itertools.islice(read_samples(path), args.samples) for path in args.files
    )
    # A file that cannot be read is told before anything is prepared.
    samples = itertools.chain(list(itertools.islice(samples, 1)), samples)
    packages = [name for name in args.packages.split(",") if name.strip()]
    with Sandbox(packages, workers=args.workers, memory_mib=args.memory_mib, cache_dir=args.cache_dir) as box:
        result = asyncio.run(
            replay(box, samples, limits, at_once=SAMPLES_AT_ONCE, shown=args.differences, told=_tell)
        )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(json.dumps(result.to_json(), indent=4) if args.json else result.table())
    return 1 if result.differing else 0


def _tell(so_far: Replay) -> None:
    if sys.stderr.isatty():
        counts = f"{so_far.samples} samples, {so_far.calls} calls, {so_far.differing} differ"
        print(f"\r{counts}", end="", file=sys.stderr, flush=True)
