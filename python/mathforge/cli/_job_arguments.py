"""Flags that say where a command runs, and the job it becomes there: the same command without these flags."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..overrides import SKIP_FILLED
from ._run_arguments import add_switch

if TYPE_CHECKING:
    from ..clusters import ClusterConfig, Job
    from ..judging import Judge

_WITH_VALUE = (
    *("cluster", "config-dir", "expname", "run-after", "log-dir", "dependent-jobs", "num-jobs"),
    *("partition", "qos", "time-min", "sbatch-kwargs", "mount-paths", "server-container"),
)
_SWITCHES = ("exclusive", "dry-run")
# Done once, when the jobs are submitted: a job that is queued again must not delete what it has made.
_REWRITTEN = ("overwrite", "rerun-done")
_SKIP_FILLED = re.compile(rf"\s*\+\+{SKIP_FILLED}=\S+")


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    group = parser.add_argument_group("where it runs")
    add = group.add_argument
    add("--cluster", metavar="NAME", help="a configuration NAME.yaml, or `local`; without it: right here")
    add("--config-dir", metavar="DIR", help="holds cluster configurations")
    add("--expname", metavar="NAME", help="of the jobs, for --run-after, `mathforge status` and `cancel`")
    add("--run-after", action="append", default=[], metavar="NAME", help="start after these experiments")
    add("--log-dir", metavar="DIR", help="scripts and logs of the jobs")
    add("--num-jobs", type=int, metavar="N", help="jobs the work is split into; -1 is one for each file")
    add("--dependent-jobs", type=int, default=0, metavar="N", help="jobs queued behind, for the rest")
    add("--partition", help="queue of the jobs")
    add("--qos", help=argparse.SUPPRESS)
    add("--time-min", help=argparse.SUPPRESS)
    add("--sbatch-kwargs", metavar="JSON", help="further options of sbatch")
    add("--mount-paths", metavar="SRC:DST,...", help="mounts beside those of the configuration")
    add("--server-container", help=argparse.SUPPRESS)
    add_switch(group, "--exclusive", help=argparse.SUPPRESS)
    add_switch(group, "--dry-run", help="print the resolved configuration and the scripts of jobs, and stop")


def job_argv(argv: Sequence[str]) -> list[str]:
    """The command of the job: `argv` without the flags of this module.

    Args:
        argv: verb, flags with dashes, overrides.
    """
    kept: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, _ = word.removeprefix("--").partition("=")
        if _SKIP_FILLED.match(word):
            continue
        if name == "skip-filled":
            words = words[1:] if not equals and words and not words[0].startswith(("-", "+")) else words
            continue
        if name == "inline-args":
            text = word.partition("=")[2] if equals else words.pop(0)
            kept.append(f"--inline-args={_SKIP_FILLED.sub('', text)}")
        elif not word.startswith("--"):
            kept.append(word)
        elif name in _WITH_VALUE:
            words = words if equals else words[1:]
        elif name.removeprefix("no-") in {*_SWITCHES, *_REWRITTEN}:
            continue
        else:
            kept.append(word)
    return ["mathforge", *kept]


def needs_of(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags ask of the cluster, as arguments of `clusters.Job`."""
    return {
        "partition": args.partition,
        "qos": args.qos,
        "time_min": args.time_min,
        "exclusive": args.exclusive,
        "sbatch_kwargs": read_json(args.sbatch_kwargs, "--sbatch-kwargs"),
        "mounts": tuple(args.mount_paths.split(",")) if args.mount_paths else (),
        "dependent_jobs": args.dependent_jobs,
    }


def read_json(text: str | None, flag: str) -> dict[str, Any]:
    """A mapping given as JSON.

    Raises:
        InputError: it is none.
    """
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise InputError(f"{flag} wants a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{flag} wants a JSON object; got `{text}`")
    return value


def submit_run(
    args: argparse.Namespace, *, files: int, config: object, logs: str, judge: Judge | None = None
) -> int:
    """Send an eval or generate command to its cluster, in as many shares as asked for.

    Args:
        args: parsed flags, with the command in `args.argv`.
        files: output files the work can be split by.
        config: resolved configuration of the run, printed by a dry run.
        logs: name of the folder of logs, below the output folder.
        judge: of an evaluation: judges in a job of its own behind the others.

    Returns:
        Exit status.
    """
    from ..clusters import load_cluster

    cluster, notes = load_cluster(args.cluster, args.config_dir)
    del notes  # `submit` tells them
    jobs = args.num_jobs
    if jobs is None:
        jobs = files if cluster.executor == "slurm" else 1
    shares = files if jobs < 0 else max(1, min(jobs, files))
    name, argv = job_name(args.expname or args.argv[0]), job_argv(args.argv)
    stage = "all" if judge is None else args.stage
    todo: list[Job] = []
    if stage != "judge":
        words = argv if judge is None else [*argv, "--stage=samples"]
        split = [["--share", f"{number}/{shares}"] for number in range(shares)] if shares > 1 else ()
        todo.append(_job(args, name, words, "server", hosts_model=_hosts_model(args), array=split))
    if judge is not None and stage != "samples":
        after = tuple(job.name for job in todo)
        hosts = judge.model.gpus is not None and judge.model.address is None and not judge.model.replay
        words = [*argv, "--stage=judge"]
        todo.append(_job(args, f"{name}-judge", words, "judge_server", hosts_model=hosts, after=after))
    if args.dry_run:
        print(f"# resolved configuration of the run\n{json.dumps(config, indent=2)}\n")
    else:
        _settle(args, cluster, judge)
    return submit_jobs(args, todo, f"{args.output_dir}/{logs}")


def _hosts_model(args: argparse.Namespace) -> bool:
    return args.server_gpus is not None and not args.server_address and not args.replay


def _job(
    args: argparse.Namespace, name: str, argv: Sequence[str], server: str, *, hosts_model: bool, **more: Any
) -> Job:
    """A job that starts the server of the flags `--SERVER-...`, if it starts one."""
    from ..clusters import Job

    return Job(
        argv,
        name=name,
        gpus=getattr(args, f"{server}_gpus") if hosts_model else 0,
        nodes=getattr(args, f"{server}_nodes") if hosts_model else 1,
        container=getattr(args, f"{server}_container"),
        **needs_of(args),
        **more,
    )


def submit_jobs(args: argparse.Namespace, jobs: Sequence[Job], logs: str | None) -> int:
    """Send jobs to the cluster of the flags."""
    from ..clusters import submit

    submit(
        jobs,
        cluster=args.cluster,
        config_dir=args.config_dir,
        expname=args.expname or jobs[0].name,
        run_after=[name for given in args.run_after for name in given.split(",")],
        output_dir=getattr(args, "output_dir", None),
        log_dir=args.log_dir or logs,
        dry_run=args.dry_run,
    )
    return 0


def job_name(text: str) -> str:
    """A text as the name of a job."""
    return "".join(letter if letter.isalnum() or letter in "._+-" else "-" for letter in text)


def _settle(args: argparse.Namespace, cluster: ClusterConfig, judge: Judge | None) -> None:
    """What is done to earlier results once, before the jobs."""
    from ..judging import RESULTS, clear, settle_places

    output_dir = Path(cluster.on_host(str(args.output_dir))).expanduser()
    if args.argv[0] != "eval":
        if args.overwrite:
            clear(output_dir)
        return
    from ..units import benchmark_names

    names = [name for name, _ in benchmark_names(args.benchmarks)]
    overwrite = args.overwrite and args.stage != "judge"
    settle_places(names, output_dir, is_judged=judge is not None, overwrite=overwrite)
    for name in names if args.overwrite else ():
        for place in RESULTS if overwrite else RESULTS[:1]:
            clear(output_dir / place / name)
