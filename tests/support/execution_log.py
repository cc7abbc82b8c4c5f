"""Which cells sandbox workers have executed, whoever is killed meanwhile.

A `sitecustomize` on the PYTHONPATH of an evaluation makes each of its sandbox workers write the first line of
a cell to a file when the cell has ended, before anybody else learns of it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

VARIABLE = "MATHFORGE_TEST_EXECUTIONS"
HOOK = f"""
import os, sys
if "mathforge.sandbox.worker" in sys.orig_argv:
    import mathforge.sandbox._local as local

    log = os.open(os.environ["{VARIABLE}"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    run = local.outcome_of

    def outcome_of(native, code, *rest, **more):
        outcome = run(native, code, *rest, **more)
        os.write(log, code.lstrip().partition("\\n")[0].encode() + b"\\n")
        return outcome

    local.outcome_of = outcome_of
"""


class ExecutionLog:
    """The log of one evaluation and its reruns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / "executions"
        self._path.touch()
        (folder / "sitecustomize.py").write_text(HOOK)

    @property
    def environment(self) -> dict[str, str]:
        """For the evaluation's process."""
        path = os.pathsep.join(filter(None, [str(self._folder), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path, VARIABLE: str(self._path)}

    @property
    def size(self) -> int:
        """Cells so far."""
        return self._path.read_bytes().count(b"\n")

    def calls(self, start: int = 0) -> Counter[str]:
        """How often each named call (`# NAME` in its first line) was executed from the `start`-th cell on."""
        lines = self._path.read_text().splitlines()[start:]
        return Counter(found[1] for line in lines if (found := re.search(r"# (\S+)$", line)))
