"""CPU time of `import mathforge` and `mathforge --help`, with a bare interpreter as the floor."""

from __future__ import annotations

import sys
from pathlib import Path

from .measure import Row, child_cpu_seconds

IMPORT_LIMIT_MS = 60
HELP_LIMIT_MS = 150


def rows() -> list[Row]:
    """Start-up figures against their limits."""
    command = str(Path(sys.executable).with_name("mathforge"))
    floor = child_cpu_seconds(sys.executable, "-c", "pass") * 1000
    imported = child_cpu_seconds(sys.executable, "-c", "import mathforge") * 1000
    helped = child_cpu_seconds(command, "--help") * 1000
    return [
        Row("bare interpreter (floor)", f"{floor:.0f} ms"),
        Row(
            "import mathforge (interpreter included)",
            f"{imported:.0f} ms",
            f"limit {IMPORT_LIMIT_MS} ms",
            f"{imported / IMPORT_LIMIT_MS:.2f} of limit",
        ),
        Row(
            "mathforge --help",
            f"{helped:.0f} ms",
            f"limit {HELP_LIMIT_MS} ms",
            f"{helped / HELP_LIMIT_MS:.2f} of limit",
        ),
    ]
