"""Flags of `mathforge aggregate` for many workers: Ray, a cluster, and the tasks that these run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..aggregating import Settings
    from ..report import Report
    from ..scaling import Plan

_PHASES = ("scan", "count", "report")


def add_scaling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    group = parser.add_argument_group("many workers")
    add = group.add_argument
    add("--engine", choices=("local", "ray"), default="local", help="ray: tasks on a Ray cluster")
    add("--address", metavar="HOST:PORT", help="of the Ray cluster; default: $RAY_ADDRESS, else this machine")
    add(
        "--cluster",
        metavar="NAME",
        help="as jobs of this Slurm cluster: arrays of tasks, a report behind them",
    )
    add("--config-dir", metavar="DIR", help="where configurations of clusters are")
    add("--expname", help="name of the jobs; default: aggregate")
    add("--dry-run", action="store_true", help="with --cluster: print the scripts and stop")
    add("--shards", type=int, metavar="N", help="reading tasks; default: one per 256 MiB, 8 at least")
    add(
        "--work-dir",
        type=Path,
        metavar="DIR",
        help="files of the tasks; default: .mathforge beside the first input",
    )
    add("--phase", choices=_PHASES, help=argparse.SUPPRESS)
    add("--index", type=int, help=argparse.SUPPRESS)


def check(args: argparse.Namespace) -> None:
    """Refuse flags that would change nothing.

    Raises:
        InputError: such a flag.
    """
    planned = args.cluster or args.engine == "ray"
    for flag, given, makes_sense in (
        ("--address", args.address, args.engine == "ray"),
        ("--expname", args.expname, args.cluster),
        ("--dry-run", args.dry_run, args.cluster),
        ("--shards", args.shards, planned),
        ("--work-dir", args.work_dir, planned),
    ):
        if given and not makes_sense:
            wanted = {"--address": "--engine ray", "--expname": "--cluster", "--dry-run": "--cluster"}
            needs = wanted.get(flag, "--engine ray or --cluster")
            raise InputError(f"{flag} has no effect without {needs}", code="usage")
    if args.cluster and args.engine == "ray":
        raise InputError(
            "--cluster and --engine ray both say where the work is done", hint="give one of the two"
        )


def is_for_jobs(args: argparse.Namespace) -> bool:
    """Whether `--cluster` means jobs; otherwise the paths are made those of this machine.

    It does not on this machine, nor for `summarize`: as in NeMo-Skills, that prints what is there, now, and
    its cluster only says where the paths are.
    """
    from ..clusters import load_cluster

    config, _ = load_cluster(args.cluster, args.config_dir)
    if config.executor == "slurm" and args.verb == "aggregate":
        return True
    args.paths = [config.on_host(path) for path in args.paths]
    return False


def run_task(args: argparse.Namespace) -> None:
    """One scan or count of a plan, whose folder stands for the paths."""
    from ..scaling import Plan

    plan = Plan.read(Path(args.paths[0]))
    tasks = len(plan.shards) if args.phase == "scan" else plan.counters
    if args.index is None or not 0 <= args.index < tasks:
        raise InputError(f"--index of this phase is 0 to {tasks - 1}, got {args.index}")
    print(plan.scan(args.index) if args.phase == "scan" else plan.count(args.index))


def report_of_plan(args: argparse.Namespace, settings: Settings) -> tuple[Plan, Report]:
    """The report of a plan whose tasks have run, or of one that runs on Ray now."""
    from ..scaling import Plan, on_ray

    if args.phase == "report":
        plan = Plan.read(Path(args.paths[0]))
        return plan, plan.report()
    plan = _plan(args, settings, args.paths)
    return plan, on_ray(plan, args.address)


def submit(args: argparse.Namespace, settings: Settings, metrics_path: Path | None) -> int:
    """All tasks as jobs of a cluster."""
    from ..clusters import load_cluster
    from ..clusters import submit as submit_jobs
    from ..scaling import jobs_of

    config, _ = load_cluster(args.cluster, args.config_dir)
    plan = _plan(args, settings, [config.on_host(path) for path in args.paths])
    if not args.dry_run:
        plan.write()
    submit_jobs(
        jobs_of(plan, _report_flags(args, metrics_path)),
        cluster=args.cluster,
        config_dir=args.config_dir,
        expname=args.expname or "aggregate",
        dry_run=args.dry_run,
    )
    if not args.dry_run and config.executor == "slurm":
        print(f"`mathforge status {args.expname or 'aggregate'}` shows the jobs", file=sys.stderr)
    return 0


def _plan(args: argparse.Namespace, settings: Settings, paths: list[str]) -> Plan:
    from dataclasses import replace

    from ..scaling import make_plan

    names = [name.partition(":")[0] for name in args.benchmarks.split(",")] if args.benchmarks else []
    # A task is one thread where nothing else is said: there are as many tasks as workers have processors.
    settings = replace(settings, threads=settings.threads or 1)
    return make_plan(
        paths,
        shards=args.shards,
        settings=settings,
        benchmarks=names,
        work_dir=args.work_dir,
        sympy=args.sympy,
    )


def _report_flags(args: argparse.Namespace, metrics_path: Path | None) -> list[str]:
    flags = ["--format", "json" if args.json else args.format, "--layout", args.layout]
    for name, path in (("--output", args.output), ("--plot", args.plot), ("--metrics-path", metrics_path)):
        flags += [name, str(path.expanduser().absolute())] if path else []
    flags += [f"--{name}" for name in ("intervals", "spread", "strict") if getattr(args, name)]
    return flags
