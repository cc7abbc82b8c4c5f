"""`mathforge status [EXPNAME|DIR]`: what became of submitted jobs."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..clusters.records import Record
    from ..clusters.rows import Rows

NAME = "status"
HELP = "show how submitted jobs fare: states, rows done of rows wanted, last lines of failed ones"
EXAMPLE = "mathforge status gpt-oss-eval-with-python"

_SHOWN = 20
"""Submissions listed when no name is given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_naming_arguments(parser)
    parser.add_argument("--lines", type=int, default=5, help="log lines of each failed task; default: 5")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def add_naming_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what names submissions."""
    parser.add_argument(
        "name", nargs="?", metavar="EXPNAME|DIR", help="--expname of a submission, or its --output-dir"
    )
    parser.add_argument("--cluster", help="look in the job_dir of this configuration")
    parser.add_argument("--config-dir", metavar="DIR", help="where configurations of clusters are")


def job_folder(args: argparse.Namespace) -> Path:
    """Where records are looked for."""
    from ..clusters import ClusterConfig, load_cluster

    if args.cluster is None:
        return ClusterConfig("local").job_folder()
    return load_cluster(args.cluster, args.config_dir)[0].job_folder()


def records_named(args: argparse.Namespace) -> list[Record]:
    """The submissions that the arguments name, oldest first.

    Raises:
        InputError: there are none.
    """
    from ..clusters import records
    from ..errors import InputError

    folder = Path(args.name).expanduser()
    if folder.is_dir() and (found := records.of_folder(folder.absolute())):
        return found
    if folder.is_dir() and "/" in args.name:
        raise InputError(f"no jobs were submitted for {folder}", hint="give the --output-dir of a submission")
    return records.of_experiment(args.name, job_folder(args))


def run(args: argparse.Namespace) -> int:
    """Print states; 1 if any task failed."""
    if args.name is None:
        return _list(job_folder(args), as_json=args.json)
    if rows := _of_plain_run(args.name):
        print(json.dumps(rows, indent=2) if args.json else "\n".join(map(_rows_text, rows)))
        return 0
    found = [_facts(record, args.lines) for record in records_named(args)]
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(_text(facts) for facts in found))
    # What was submitted again since is judged by its last submission.
    return int(any(task["state"] in ("failed", "timeout") for task in _tasks(found[-1])))


def _list(folder: Path, *, as_json: bool) -> int:
    from ..clusters import records

    paths = sorted(folder.glob("*/*.json"), key=lambda path: path.name)[-_SHOWN:]
    found = [records.read(path) for path in paths]
    if as_json:
        print(json.dumps([_head(record) for record in found], indent=2))
        return 0
    for one in found:
        print(f"{one.submitted_at}  {one.cluster}  {one.experiment}  {one.output_dir or ''}".rstrip())
    if not found:
        print(f"nothing was submitted yet (looked in {folder})")
    return 0


def _head(record: Record) -> dict[str, Any]:
    return {
        "experiment": record.experiment,
        "cluster": record.cluster,
        "executor": record.executor,
        "submitted_at": record.submitted_at,
        "output_dir": record.output_dir,
        "record": str(record.path),
    }


def _facts(record: Record, lines: int) -> dict[str, Any]:
    from ..clusters.rows import rows_under
    from ..clusters.states import last_lines, task_states

    states = task_states(record)
    jobs = []
    for job in record.jobs:
        tasks = []
        for task in job.tasks:
            now = states[task.id]
            shown = {"id": task.id, "command": shlex.join(task.argv), "log": task.log, **asdict(now)}
            if now.state in ("failed", "timeout", "node_lost"):
                shown["last_lines"] = last_lines(task.log, lines)
            tasks.append(shown)
        jobs.append({"name": job.name, "attempt": job.attempt, "waits_for": job.waits_for, "tasks": tasks})
    expected = [path for job in record.jobs for path in job.outputs]
    rows = rows_under(Path(record.output_dir), expected) if record.output_dir else []
    return {**_head(record), "jobs": jobs, "rows": [_rows(one) for one in rows]}


def _rows(rows: Rows) -> dict[str, Any]:
    return {"folder": str(rows.folder), "files": rows.files, "done": rows.done, "wanted": rows.wanted}


def _tasks(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for job in facts["jobs"] for task in job["tasks"]]


def _text(facts: dict[str, Any]) -> str:
    lines = [f"{facts['experiment']} on {facts['cluster']}, submitted {facts['submitted_at']}"]
    for job in facts["jobs"]:
        counts: dict[str, int] = {}
        for task in job["tasks"]:
            counts[task["state"]] = counts.get(task["state"], 0) + 1
        behind = f" (dependent job {job['attempt']})" if job["attempt"] else ""
        told = ", ".join(
            f"{count} {state}" if len(job["tasks"]) > 1 else state for state, count in counts.items()
        )
        lines.append(f"  {job['name']}{behind}: {told}")
        for task in job["tasks"]:
            facts_of_task = [task["detail"], task["node"] and f"on {task['node']}", task["elapsed"]]
            lines.append(f"    {task['id'] or '-':<12} " + "  ".join(fact for fact in facts_of_task if fact))
            if "last_lines" in task:
                lines += [f"      | {line}" for line in task["last_lines"]]
                lines.append(f"      log: {task['log'] or 'went to the terminal'}")
    return "\n".join(lines + [f"  {_rows_text(one)}" for one in facts["rows"]])


def _rows_text(rows: dict[str, Any]) -> str:
    of = f"{rows['done']} rows" if rows["wanted"] is None else f"{rows['done']} of {rows['wanted']} rows"
    return f"{of} in {rows['folder']}"


def _of_plain_run(name: str) -> list[dict[str, Any]]:
    """The rows of an output folder that no submitted job writes to."""
    from ..clusters import records
    from ..clusters.rows import rows_under

    folder = Path(name).expanduser()
    if not folder.is_dir() or records.of_folder(folder.absolute()):
        return []
    return [_rows(one) for one in rows_under(folder)]
