"""A Jupyter kernel through jupyter_client: one process per session."""

from __future__ import annotations

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel


def private_mib(pid: int) -> float:
    """Pages that no other process shares."""
    with Path(f"/proc/{pid}/smaps_rollup").open() as rollup:
        fields = {line.split()[0]: int(line.split()[1]) for line in list(rollup)[1:]}
    return (fields["Private_Clean:"] + fields["Private_Dirty:"]) / 1024


class Kernel:
    """One session."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel()

    def run(self, code: str) -> None:
        """Run a cell to its end."""
        reply = self.client.execute_interactive(code, timeout=600, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    def close(self) -> None:
        """End the process."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    @property
    def pid(self) -> int:
        """Of the kernel."""
        return int(self.manager.provisioner.pid)


def main(cells: dict[str, Any]) -> dict[str, Any]:
    """All figures."""

    def first(code: str) -> float:
        start = time.perf_counter()
        kernel = Kernel()
        kernel.run(code)
        taken = time.perf_counter() - start
        kernel.close()
        return taken * 1e3

    figures: dict[str, Any] = {
        "first_ms": statistics.median(first(cells["sum"]) for _ in range(5)),
        "sympy_ms": statistics.median(first(cells["sympy"]) for _ in range(3)),
    }
    kernel = Kernel()
    kernel.run(cells["sum"])
    figures["idle_mib"] = private_mib(kernel.pid)
    warm = []
    for _ in range(100):
        start = time.perf_counter()
        kernel.run("print(1)")
        warm.append((time.perf_counter() - start) * 1e3)
    figures["warm_ms"] = statistics.median(warm)
    kernel.run(cells["sympy"])
    figures["sympy_mib"] = private_mib(kernel.pid)
    kernel.close()
    # Sixty-four kernels would need four gigabytes; eight keep two cores as busy.
    kernels = [Kernel() for _ in range(8)]
    start = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda kernel: [kernel.run(cells["short"]) for _ in range(25)], kernels))
    figures["cells_per_s"] = 8 * 25 / (time.perf_counter() - start)
    figures["sessions"] = 8
    for kernel in kernels:
        kernel.close()
    return figures


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
