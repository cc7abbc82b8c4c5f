"""Runs a command and writes what it took as JSON: `python -IS benches/launch.py RESULT COMMAND...`.

A process of its own, because the peak memory of a child counts what its parent held when it was started.
"""

import json
import os
import sys
import time
from pathlib import Path

result, *command = sys.argv[1:]
start = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
facts = {
    "status": os.waitstatus_to_exitcode(status),
    "cpu_s": usage.ru_utime + usage.ru_stime,
    "wall_s": time.monotonic() - start,
    "peak_mib": usage.ru_maxrss / 1024,
}
Path(result).write_text(json.dumps(facts), encoding="utf-8")
