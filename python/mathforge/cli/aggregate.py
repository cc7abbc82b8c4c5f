"""`mathforge aggregate PATH...`: every statistic of finished samples."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..layouts import LAYOUTS
from ._aggregate_scaling import add_scaling_arguments, check, is_for_jobs, report_of_plan, run_task, submit

NAME = "aggregate"
ALIASES = ("summarize", "summarize_results")
HELP = "print pass@1, majority@k and pass@k tables of finished samples, and how sure they are"
EXAMPLE = "mathforge aggregate runs/with-python --plot curves.svg"

_FORMATS = ("table", "markdown", "csv", "json", "arrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="JSONL (.gz, .zst), Parquet or Arrow files, globs, output folders of eval runs; "
        "a metrics.json is printed again and checked for contradictions",
    )
    parser.add_argument("--benchmarks", help="only these, separated by commas; default: all that are there")
    parser.add_argument("--format", choices=_FORMATS, default="table", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="same as --format json: print metrics.json")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")
    parser.add_argument(
        "--metrics-path",
        "--save-metrics-path",
        type=Path,
        help="where to write metrics.json; default for a folder: in its eval-results, or in itself",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw curves to an .svg or .png file")
    parser.add_argument("--intervals", action="store_true", help="print how sure the scores are")
    parser.add_argument("--spread", action="store_true", help="append the standard deviation across runs")
    add_reading_arguments(parser)
    for flag in ("metric-type", "data-dir", "metrics-kwargs", "wandb-name", "wandb-group", "wandb-project"):
        parser.add_argument(f"--{flag}", help=argparse.SUPPRESS)  # NeMo-Skills'; the files say what they hold
    parser.add_argument("--k", type=int, help="samples per problem; default: the most frequent number")
    parser.add_argument(
        "--stability",
        metavar="TAUS",
        help="also print pass^k, and G-Pass@k and Cover@tau for these shares of right samples: 0.5,0.75,1",
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="nemo-skills",
        help="rows and columns of the tables: today's, or those of the OpenMath-Nemotron tutorial",
    )
    parser.add_argument(
        "--compat",
        choices=("nemo-skills",),
        help="count as NeMo-Skills does: votes by string, majority@k of the first k samples",
    )
    add_scaling_arguments(parser)


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that say how rows are read."""
    parser.add_argument(
        "--votes", choices=("class", "string"), default="class", help="what makes two answers one vote"
    )
    parser.add_argument("--id-key", default="id", help="the key that names a row's problem; default: id")
    parser.add_argument(
        "--seed-order",
        choices=("numeric", "lexical"),
        default="numeric",
        help="what 'the first k samples' means: rs2 before rs10, or after it as in NeMo-Skills",
    )
    parser.add_argument(
        "--sympy", action="store_true", help="let sympy try answers that native comparison leaves undecided"
    )
    parser.add_argument("--strict", action="store_true", help="read every row whole; any damage fails")
    parser.add_argument("--threads", type=int, default=0, help="default: one per processor")
    parser.add_argument(
        "--memory",
        type=int,
        default=4096,
        metavar="MIB",
        help="samples beyond this wait on disk; default: 4096",
    )
    parser.add_argument("--no-index", action="store_true", help="keep no index beside large files, use none")


def settings_of(args: argparse.Namespace) -> Any:
    """The settings that the flags ask for."""
    from ..aggregating import Settings

    taus: tuple[float, ...] = ()
    if getattr(args, "stability", None):
        from ..stability import read_taus

        taus = read_taus(args.stability)
    return Settings(
        votes=args.votes,
        k=getattr(args, "k", None),
        id_key=args.id_key,
        strict=args.strict,
        nemo_skills=getattr(args, "compat", None) == "nemo-skills",
        lexical=args.seed_order == "lexical",
        threads=args.threads,
        memory_mib=args.memory,
        index=not args.no_index,
        taus=taus,
    )


def run(args: argparse.Namespace) -> int:
    """Print every table that can be made; 1 if any row, problem or file was left out."""
    check(args)
    settings = settings_of(args)
    if args.phase in ("scan", "count"):
        run_task(args)
        return 0
    if args.cluster and not is_for_jobs(args):
        args.cluster = None
    if args.cluster:
        return submit(args, settings, args.metrics_path or _metrics_path(args.paths))
    if args.phase == "report" or args.engine == "ray":
        plan, report = report_of_plan(args, settings)
        path = args.metrics_path or (None if args.phase else _metrics_path(args.paths))
        status = _tell(report, [], args, path)
        plan.remove()
        return status
    return _run_here(args, settings)


def _run_here(args: argparse.Namespace, settings: Any) -> int:
    from ..aggregating import report_of
    from ..errors import InputError
    from ..grading import Grader
    from ..inputs import find
    from ..progress import bytes_bar
    from ..report import Report

    printed = [Path(path) for path in args.paths if path.endswith(".json")]
    paths = [path for path in args.paths if not path.endswith(".json")]
    found = _wanted(find(paths, lexical=settings.lexical), args) if paths or not printed else []
    problems: list[str] = []
    reports = [Report.read_json(path) for path in printed]
    with Grader(args.sympy) as grader, bytes_bar("reading") as progress:
        for benchmark in found:
            try:
                reports.append(report_of(benchmark, settings, grader, progress))
            except InputError as error:
                problems.append(str(error) if error.hint is None else f"{error} ({error.hint})")
    if not reports:
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1
    path = args.metrics_path or _metrics_path(args.paths)
    return _tell(Report.merged(reports), problems, args, path)


def _tell(report: Any, problems: list[str], args: argparse.Namespace, metrics_path: Path | None) -> int:
    problems += report.problems(strict=args.strict)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    for sentence in report.accounting:
        print(f"note: {sentence}", file=sys.stderr)
    for damage in report.damage:
        if damage.kept and not args.strict:
            print(f"note: {damage.sentence()}", file=sys.stderr)
    for note in report.undecided():
        hint = "" if args.sympy else "; --sympy lets sympy try those that are not graded yet"
        print(f"note: {note}{hint}", file=sys.stderr)
    _print(report, args)
    if metrics_path:
        report.write_json(metrics_path)
        print(f"metrics written to {metrics_path}", file=sys.stderr)
    if args.plot:
        from ..plotting import plot

        plot(report, args.plot)
        print(f"curves drawn to {args.plot}", file=sys.stderr)
    return 1 if problems else 0


def _wanted(found: list[Any], args: argparse.Namespace) -> list[Any]:
    from ..errors import InputError

    if not args.benchmarks:
        return found
    wanted = [name.partition(":")[0] for name in args.benchmarks.split(",")]
    names = [one.name for one in found]
    if unknown := [name for name in wanted if name not in names]:
        raise InputError(
            f"no results of {', '.join(unknown)} in {' '.join(args.paths)}",
            hint=f"there are: {', '.join(names)}",
        )
    return [one for name in wanted for one in found if one.name == name]


def _metrics_path(paths: list[str]) -> Path | None:
    """Beside the results of a run; files given one by one have no such place."""
    folder = Path(paths[0])
    if len(paths) > 1 or not folder.is_dir():
        return None
    results = folder / "eval-results"
    return (results if results.is_dir() else folder) / "metrics.json"


def _print(report: Any, args: argparse.Namespace) -> None:
    form = "json" if args.json else args.format
    if form == "arrow":
        if args.output is None:
            report.to_polars().write_ipc(sys.stdout.buffer)
        else:
            report.to_polars().write_ipc(args.output)
        return
    if form == "json":
        text = json.dumps(report.to_json(), indent=4) + "\n"
    elif form == "csv":
        text = report.to_polars().write_csv()
    elif form == "markdown":
        text = report.markdown()
    else:
        text = report.table(spread=args.spread, layout=args.layout)
    if args.intervals and form in ("table", "markdown"):
        text += "\n".join(one.text(name) for name, one in report.uncertainty.items() if one)
    if args.output is None:
        print(text, end="")
    else:
        args.output.write_text(text, encoding="utf-8")
