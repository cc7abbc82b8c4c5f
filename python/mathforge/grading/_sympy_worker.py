"""The sympy process: reads pairs of trees, writes verdicts. Every pair is decided in a fork of its own.

A fork starts from sympy as imported, so that a verdict depends on nothing that came before; it dies with its
limits, and this process lives on.

Run as `python -m mathforge.grading._sympy_worker CPU_SECONDS MEMORY_MIB`. Writes one empty line when ready,
then for each line `[gold tree, answer tree, rules]` one line `[verdict, reason]`.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any

from ._sympy_trees import UnsupportedError
from ._sympy_verdicts import Rules, decide

_LIMIT = ["undecided", "sympy_limit"]


def _serve(cpu_s: float, memory_mib: int) -> None:
    sys.set_int_max_str_digits(20_000)
    sys.setrecursionlimit(5_000)
    print(flush=True)
    # Not `for line in sys.stdin`: a fork must not inherit lines that were read ahead.
    while line := sys.stdin.buffer.readline():
        gold, answer, rules = json.loads(line)
        print(json.dumps(_in_fork(gold, answer, Rules(**rules), cpu_s, memory_mib)), flush=True)


def _in_fork(gold: list[Any], answer: list[Any], rules: Rules, cpu_s: float, memory_mib: int) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            _limit(cpu_s, memory_mib)
            os.write(writing, json.dumps(_verdict(gold, answer, rules)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        reply = pipe.read()
    os.waitpid(child, 0)
    return json.loads(reply) if reply else _LIMIT


def _limit(cpu_s: float, memory_mib: int) -> None:
    """Whole seconds of CPU time, not of waiting; the kernel ends the fork there, whatever Python is doing."""
    memory = _address_space() + (memory_mib << 20)
    _, allowed = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY:
        memory = min(memory, allowed)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(cpu_s), math.ceil(cpu_s) + 1))


def _address_space() -> int:
    """Bytes that this process has mapped or reserved; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _verdict(gold: list[Any], answer: list[Any], rules: Rules) -> list[str]:
    try:
        return list(decide(gold, answer, rules))
    except UnsupportedError:
        return ["undecided", "sympy_undecided"]
    except (MemoryError, RecursionError):
        return _LIMIT
    except Exception:  # sympy raises nearly anything on input it did not expect
        return ["undecided", "sympy_undecided"]


if __name__ == "__main__":
    _serve(float(sys.argv[1]), int(sys.argv[2]))
