"""The sympy process: reads pairs of trees, writes verdicts. Killed from outside when it exceeds its limits.

Run as `python -m mathforge.grading._sympy_worker CPU_SECONDS MEMORY_MIB`. Writes one empty line when ready,
then for each line `[gold tree, answer tree]` one line `[verdict, reason]`.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from typing import Any

from ._sympy_trees import UnsupportedError
from ._sympy_verdicts import decide


def _serve(cpu_s: float, memory_mib: int) -> None:
    sys.set_int_max_str_digits(20_000)
    sys.setrecursionlimit(5_000)
    limit = memory_mib << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(flush=True)
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        # Whole seconds of CPU time of this process; the kernel ends it there, whatever Python is doing.
        soft = math.ceil(used.ru_utime + used.ru_stime + cpu_s)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        gold, answer = json.loads(line)
        print(json.dumps(_verdict(gold, answer)), flush=True)


def _verdict(gold: list[Any], answer: list[Any]) -> tuple[str, str]:
    try:
        return decide(gold, answer)
    except UnsupportedError:
        return "undecided", "sympy_undecided"
    except (MemoryError, RecursionError):
        return "undecided", "sympy_limit"
    except Exception:  # sympy raises nearly anything on input it did not expect
        return "undecided", "sympy_undecided"


if __name__ == "__main__":
    _serve(float(sys.argv[1]), int(sys.argv[2]))
