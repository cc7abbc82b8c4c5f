"""`mathforge eval`: every sample of every benchmark, graded, stored and summarized."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .config import Endpoint
from .errors import InputError
from .launching import Launch, launch
from .overrides import Override, parse_overrides
from .running import Run, run_async
from .store import Folder, output_name
from .units import Part, plan

if TYPE_CHECKING:
    from .report import Report


@dataclass(frozen=True, slots=True)
class Request:
    """What `evaluate` was asked for; see there."""

    benchmarks: str | Sequence[str]
    output_dir: str | Path
    model: str | None = None
    server_type: str | None = None
    server_address: str | None = None
    server_gpus: int | None = None
    server_nodes: int = 1
    server_args: str = ""
    server_entrypoint: str | None = None
    replicas: int = 1
    replay: Sequence[str] = ()
    data_dir: str | Path | None = None
    split: str | None = None
    starting_seed: int = 0
    with_sandbox: bool = False
    overwrite: bool = False
    overrides: Sequence[str] = ()


@dataclass(slots=True)
class Result:
    """What came of it.

    Attributes:
        reports: benchmark -> its metrics, for the benchmarks that are complete.
        folders: benchmark -> where its files lie.
        failures: one line for each sample that could not be made.
    """

    reports: dict[str, Report] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The tables of all complete benchmarks."""
        return "".join(report.table() for report in self.reports.values())

    def to_json(self) -> dict[str, object]:
        """The metrics of all complete benchmarks, in the shape of metrics.json."""
        return {key: value for report in self.reports.values() for key, value in report.to_json().items()}


def evaluate(
    benchmarks: str | Sequence[str],
    *,
    output_dir: str | Path,
    model: str | None = None,
    server_type: str | None = None,
    server_address: str | None = None,
    server_gpus: int | None = None,
    server_nodes: int = 1,
    server_args: str = "",
    server_entrypoint: str | None = None,
    replicas: int = 1,
    replay: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    split: str | None = None,
    starting_seed: int = 0,
    with_sandbox: bool = False,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
) -> Result:
    """Evaluate benchmarks; the same verb as `mathforge eval`. What is finished in `output_dir` is not done
    again.

    Args:
        benchmarks: `NAME` (one greedy sample per problem) or `NAME:SAMPLES`, separated by commas or as a
            list.
        output_dir: files go to `<output_dir>/eval-results/<benchmark>/`.
        model: name the server knows; may be left out when it serves one model.
        server_type: vllm, sglang, openai, trtllm, generic or replay.
        server_address: for example `http://localhost:8000/v1`; several are separated by commas.
        server_gpus: start the server for this run, each replica on so many GPUs of a node.
        server_nodes: nodes of one replica.
        server_args: more arguments for the server's own command.
        server_entrypoint: words in place of that command.
        replicas: servers to start side by side.
        replay: recordings to play instead of a model: files, folders or `demo`.
        data_dir: folder with benchmark files.
        split: file inside a benchmark's folder.
        starting_seed: seed of the first sample.
        with_sandbox: accepted for NeMo-Skills commands; the sandbox is there when `++code_execution=true`.
        overwrite: delete earlier results of these benchmarks first.
        overrides: `++dotted.key=value` arguments.

    Returns:
        Metrics, folders and failures. Samples that failed are missing in the files; calling again makes them.

    Raises:
        InputError: something asked for cannot be used.
        ServerError: the server is unreachable or died.
        StoreError: `output_dir` belongs to another run.
        SandboxError: the sandbox is not there.
    """
    recordings = [replay] if isinstance(replay, str) else list(replay)
    request = Request(
        benchmarks=benchmarks,
        output_dir=output_dir,
        model=model,
        server_type=server_type,
        server_address=server_address,
        server_gpus=server_gpus,
        server_nodes=server_nodes,
        server_args=server_args,
        server_entrypoint=server_entrypoint,
        replicas=replicas,
        replay=recordings,
        data_dir=data_dir,
        split=split,
        starting_seed=starting_seed,
        with_sandbox=with_sandbox,
        overwrite=overwrite,
        overrides=overrides,
    )
    return run(request)


def prepare(request: Request) -> list[Part]:
    """Resolve what is asked for, with notes on stderr; touches no server and writes nothing.

    Raises:
        InputError: something asked for cannot be used.
    """
    given = {
        "server.model": request.model,
        "server.server_type": request.server_type or ("replay" if request.replay else None),
        "server.base_url": request.server_address,
    }
    flags = [Override(key, value, f"++{key}={value}") for key, value in given.items() if value is not None]
    parts, notes = plan(
        request.benchmarks,
        [*flags, *parse_overrides(request.overrides)],
        data_dir=request.data_dir,
        split=request.split,
        starting_seed=request.starting_seed,
    )
    endpoint = parts[0].config.server
    if endpoint.server_type == "replay" and not request.replay and request.server_address is None:
        raise InputError("--server-type replay needs a recording", hint="add --replay FILE, or --replay demo")
    if request.replay and request.server_address is not None:
        raise InputError(
            "--replay starts its own server, --server-address names another", hint="give one of the two"
        )
    if request.with_sandbox and not parts[0].config.code_execution:
        notes.append("the sandbox is not used: ++code_execution=true is not given")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return parts


def run(request: Request) -> Result:
    """Do what `request` asks for; see `evaluate`."""
    parts = prepare(request)
    result = Result()
    output_dir = Path(request.output_dir).expanduser()
    with ExitStack() as stack:
        folders = [stack.enter_context(Folder(part.folder(output_dir))) for part in parts]
        endpoint = parts[0].config.server
        logs = output_dir / "eval-logs"
        if starting := _launch(request, endpoint):
            addresses = stack.enter_context(launch(starting, logs))
            endpoint = replace(endpoint, base_url=",".join(addresses))
        run_async(Run(parts, folders, endpoint, result.failures, request.overwrite, logs / "defects.log"))
    _summarize(parts, output_dir, result)
    return result


def _launch(request: Request, endpoint: Endpoint) -> Launch | None:
    """The servers to start for the run; None where an address names running ones."""
    if request.replay:
        return Launch(endpoint.model, "replay", replicas=request.replicas, recordings=tuple(request.replay))
    if request.server_gpus is None or endpoint.base_url is not None:
        return None
    return Launch(
        endpoint.model,
        endpoint.server_type,
        gpus=request.server_gpus,
        nodes=request.server_nodes,
        args=request.server_args,
        replicas=request.replicas,
        entrypoint=request.server_entrypoint,
    )


def _summarize(parts: Sequence[Part], output_dir: Path, result: Result) -> None:
    """Metrics of the complete benchmarks, also written beside their samples."""
    from .aggregating import aggregate_benchmark
    from .inputs import find

    for part in parts:
        folder = part.folder(output_dir)
        if all((folder / output_name(seed)).exists() for seed in part.seeds):
            report = aggregate_benchmark(replace(find([folder])[0], name=part.benchmark.name))
            for problem in report.problems():
                print(f"note: {problem}", file=sys.stderr)
            report.write_json(folder / "metrics.json")
            result.reports[part.benchmark.name] = report
            result.folders[part.benchmark.name] = folder
