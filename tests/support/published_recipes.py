"""Published NeMo-Skills scripts and commands, and a machine on which they run: programs called `vllm` and
`trtllm-serve` on PATH that play recordings, and a cluster configuration whose /workspace is a folder of the
test."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

THOUGHT = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
CALL = "<|channel|>analysis to=python code<|message|>{}<|call|>"
FINAL = "<|channel|>final<|message|>{}<|return|>"

_SERVER = """#!{python}
import json, os, sys
words = sys.argv[2:] if sys.argv[1] == "serve" else sys.argv[1:]
port = words[words.index("--port") + 1]
recordings = json.loads(os.environ["RECORDINGS"])
recording = next(path for part, path in recordings.items() if part in words[0].lower())
command = ["-m", "mathforge", "serve", "--replay", recording, "--port", port, "--model", words[0]]
os.execv(sys.executable, [sys.executable, *command])
"""


class Site:
    """The machine.

    Attributes:
        root: what scripts know as /workspace, /trt_models and /path/to.
        recordings: part of a model's name -> the recording that its server plays.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.recordings: dict[str, str] = {}
        self._programs = folder / "bin"
        self._configs = folder / "configs"
        for made in (self.root, self._programs, self._configs):
            made.mkdir()
        mounts = [f"{self.root}:{name}" for name in ("/workspace", "/trt_models", "/path/to")]
        shared = {"job_dir": str(folder / "jobs"), "mounts": mounts}
        for name in ("local", "slurm"):
            (self._configs / f"{name}.yaml").write_text(json.dumps({"executor": "local", **shared}))
        queue = {"executor": "slurm", "account": "math", "partition": "gpu", **shared}
        (self._configs / "real.yaml").write_text(json.dumps(queue))
        for name in ("vllm", "trtllm-serve"):
            program = self._programs / name
            program.write_text(_SERVER.format(python=sys.executable))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, *command: str, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        environment = {
            **os.environ,
            "PATH": f"{self._programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MATHFORGE_CONFIG_DIR": str(self._configs),
            "MATHFORGE_DATA_DIR": str(data_dir or self.root / "data"),
            "RECORDINGS": json.dumps(self.recordings),
        }
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=self.root
        )

    def python(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script with the import replaced, and nothing else."""
        return self.run(sys.executable, "-c", script.replace("nemo_skills.pipeline", "mathforge.pipeline"))

    def shell(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands with `ns` and the package's name replaced, and nothing else."""
        line = re.sub(r"^ns ", "mathforge ", commands, flags=re.MULTILINE)
        return self.run("bash", "-ec", line.replace("python -m nemo_skills.", "python -m mathforge."))

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Rows of a file below the root."""
        return [json.loads(line) for line in (self.root / path).read_text().splitlines()]


def rounds(*texts: str, stop: str | int) -> list[dict[str, object]]:
    """Recorded rounds; all but the last end in a call."""
    reasons = [stop] * (len(texts) - 1) + [None]
    return [
        {"text": text, "finish_reason": "stop", "stop_reason": reason}
        for text, reason in zip(texts, reasons, strict=True)
    ]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def recorded(
    problems: Sequence[dict[str, Any]], seeds: int, with_tool: list[Any], without: list[Any]
) -> Iterator[dict[str, Any]]:
    """The same rounds for every problem and seed."""
    for problem in problems:
        for seed in range(seeds):
            for tool, made in ((True, with_tool), (False, without)):
                line = {"id": problem["id"], "problem": problem["problem"], "seed": seed, "tool": tool}
                yield line | {"rounds": made}


def fenced(text: str, language: str) -> list[str]:
    """The blocks of a language in a Markdown text."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
