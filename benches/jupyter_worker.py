"""Runs a session of cells in a Jupyter kernel; started by `benches.cells` inside an environment of its own.

Reads a JSON list of [code, time limit in seconds] from its input; writes a JSON object: `outputs` of the
cells, `cpu_s` of the kernel and `wall_s`, both with its start.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import time
from pathlib import Path

from jupyter_client import KernelManager

# The mode whose tracebacks the recorded kernel wrote.
SETUP = "%xmode Plain\n%colors NoColor"


def run_session(cells: list[tuple[str, float]]) -> tuple[list[str], float]:
    """One kernel, its cells in order: their outputs and its processor seconds."""
    manager = KernelManager(kernel_name="python3", transport="ipc")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        run_cell(manager, client, SETUP, 60)
        outputs = [run_cell(manager, client, code, timeout_s) for code, timeout_s in cells]
        return outputs, cpu_seconds(manager.provisioner.pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def run_cell(manager: KernelManager, client: object, code: str, timeout_s: float) -> str:
    """The cell's output as one text: what it wrote, the echo, the traceback."""
    request = client.execute(code)
    deadline, interrupted, parts = time.monotonic() + timeout_s, False, []
    while True:
        try:
            message = client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            if interrupted:
                return "".join(parts) + "[TIMEOUT] Execution interrupted."
            manager.interrupt_kernel()
            interrupted, deadline = True, time.monotonic() + 20
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            parts.append(content["text"])
        elif kind in ("execute_result", "display_data"):
            parts.append(content["data"].get("text/plain", "") + "\n")
        elif kind == "error":
            if parts and not parts[-1].endswith("\n"):
                parts.append("\n")
            parts.append("\n".join(content["traceback"]) + "\n")
        elif kind == "status" and content["execution_state"] == "idle":
            return "".join(parts) + ("[TIMEOUT] Execution interrupted." if interrupted else "")


def main() -> None:
    """The session of the input."""
    cells = json.load(sys.stdin)
    start = time.perf_counter()
    outputs, cpu_s = run_session(cells)
    wall_s = time.perf_counter() - start
    json.dump({"outputs": outputs, "cpu_s": cpu_s, "wall_s": wall_s}, sys.stdout)


if __name__ == "__main__":
    main()
