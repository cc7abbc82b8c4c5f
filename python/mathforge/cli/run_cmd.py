"""`mathforge run-cmd`: any shell command, here or as a job of a cluster."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from ._job_arguments import add_job_arguments, job_name, needs_of, submit_jobs

# Modules of NeMo-Skills that commands run -> ours; the others have no counterpart.
_MODULES = {"nemo_skills.dataset.prepare": "mathforge.dataset.prepare"}

NAME = "run-cmd"
HELP = "Run a shell command, here or as a job of a cluster."
EXAMPLE = "mathforge run-cmd --cluster slurm --run-after sdg --command 'cat a.jsonl b.jsonl > c.jsonl'"
TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="the command, if not given by --command")
    add("--command", metavar="'...'", help="line for bash")
    add("--output-dir", metavar="DIR", help="where it writes to; `mathforge status` finds it by that")
    add("--num-gpus", type=int, default=0, metavar="N", help="GPUs of a node")
    add("--num-nodes", type=int, default=1, metavar="N", help="nodes; the command runs on the first")
    add("--num-tasks", type=int, default=1, help=argparse.SUPPRESS)
    add("--container", help="name of a container of the configuration, or an image")
    add("--preprocess-cmd", metavar="'...'", help="line for bash, before")
    add("--postprocess-cmd", metavar="'...'", help="line for bash, after the command has succeeded")
    for flag in ("with-sandbox", "reuse-code", "skip-hf-home-check", "check-mounted-paths"):
        add(f"--{flag}", nargs="?", const=True, help=argparse.SUPPRESS)
    add_job_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run it; its exit status is ours."""
    from ..errors import InputError

    # What follows may hold ++ arguments of the command's own, which were set apart.
    command = args.command or " ".join([*args.words, *args.overrides])
    if not command.strip():
        raise InputError("no command is given", hint="--command '...'", code="usage")
    _tell_modules(command)
    lines = [line for line in (args.preprocess_cmd, command, args.postprocess_cmd) if line]
    line = " &&\n".join(part.strip() for part in lines) if len(lines) > 1 else command.strip()
    if args.cluster is not None:
        from ..clusters import Job

        job = Job(
            ["bash", "-c", line],
            name=job_name(args.expname or "run-cmd"),
            gpus=args.num_gpus,
            nodes=args.num_nodes,
            container=args.container or args.server_container,
            **needs_of(args),
        )
        return submit_jobs(args, [job], None)
    if args.dry_run:
        print(line)
        return 0
    if args.log_dir is None:
        return subprocess.run(["bash", "-c", line], check=False).returncode
    log = Path(args.log_dir).expanduser() / "run-cmd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"output goes to {log}", file=sys.stderr)
    with log.open("ab") as file:
        return subprocess.run(["bash", "-c", line], stdout=file, stderr=file, check=False).returncode


def _tell_modules(command: str) -> None:
    """Which modules of NeMo-Skills the command needs where it runs."""
    from ..work import tell

    for module in dict.fromkeys(re.findall(r"-m\s+(nemo_skills(?:\.\w+)+)", command)):
        ours = _MODULES.get(module)
        if ours:
            tell([f"the command runs `{module}` of NeMo-Skills; `{ours}` does the same"])
        else:
            missing = "mathforge has no such module, so NeMo-Skills has to be installed where it runs"
            tell([f"the command runs `{module}`: {missing}"])
