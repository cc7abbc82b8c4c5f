"""`mathforge generate`: every row of the input answered, as often as asked, into NeMo-Skills' files."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

from .config import Evaluation, resolve
from .early_stop import count_not_drawn
from .errors import InputError, MathforgeError
from .generation_types import GENERATION_TYPES, GenerationType
from .overrides import Override, parse_overrides, split_arguments
from .problems import Benchmark, rows_to_answer
from .prompts import Prompter, check_names
from .store import output_name
from .units import SEED_DEFAULTS, Part, chunks_of, in_chunks, read_numbers, refuse_fixed_seed, share_of
from .work import ANY_MODEL, Model, ModelOptions, Work, overwrites, tell

_SEEDED = re.compile(r"output-rs(\d+)\.jsonl")


@dataclass(frozen=True, slots=True)
class Request:
    """What `generate` was asked for; see there."""

    output_dir: str | Path
    input_file: str | Path | None = None
    input_dir: str | Path | None = None
    generation_type: str = "generate"
    server: Model = ANY_MODEL
    num_random_seeds: int | None = None
    random_seeds: str | Sequence[int] | None = None
    starting_seed: int = 0
    num_chunks: int | None = None
    chunk_ids: str | Sequence[int] | None = None
    share: tuple[int, int] | None = None
    preprocess_cmd: str | None = None
    postprocess_cmd: str | None = None
    with_sandbox: bool = False
    overwrite: bool = False
    overrides: Sequence[str] = ()

    @property
    def seeds(self) -> list[int] | None:
        """As given, or None."""
        given = read_numbers(self.random_seeds, "--random-seeds")
        if self.num_random_seeds is None:
            return given
        if given is not None:
            raise InputError(
                "--num-random-seeds and --random-seeds both say which seeds", hint="give one of them"
            )
        if self.num_random_seeds < 1:
            raise InputError(f"--num-random-seeds is 1 or more; got `{self.num_random_seeds}`")
        return list(range(self.starting_seed, self.starting_seed + self.num_random_seeds))


@dataclass(slots=True)
class Result:
    """What came of it.

    Attributes:
        files: output files that are whole.
        failures: one line for each sample that could not be made.
    """

    files: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def generate(
    input_file: str | Path | None = None,
    *,
    output_dir: str | Path,
    input_dir: str | Path | None = None,
    generation_type: str = "generate",
    num_random_seeds: int | None = None,
    random_seeds: str | Sequence[int] | None = None,
    starting_seed: int = 0,
    num_chunks: int | None = None,
    chunk_ids: str | Sequence[int] | None = None,
    preprocess_cmd: str | None = None,
    postprocess_cmd: str | None = None,
    with_sandbox: bool = False,
    overwrite: bool = False,
    inline_args: str = "",
    overrides: Sequence[str] = (),
    **who: Unpack[ModelOptions],
) -> Result:
    """Answer every row of a file; the same verb as `mathforge generate`. What is finished in `output_dir` is
    not done again.

    Args:
        input_file: one JSON object per line; its fields fill the prompt, and are carried through.
        output_dir: receives `output.jsonl`, or `output-rsSEED.jsonl` for every seed.
        input_dir: instead of a file: `output-rsSEED.jsonl` in it becomes `output-rsSEED.jsonl`, row by row.
        generation_type: `generate`, or `math_judge`, which judges the answers of finished samples.
        num_random_seeds: samples of each row, sampled at temperature 0.7 unless told otherwise.
        random_seeds: the seeds themselves, for example `0..7` or `1,4`.
        starting_seed: the first of `num_random_seeds`.
        num_chunks: files are made in so many chunks, merged when all are there; for work in several places.
        chunk_ids: only these chunks, for example `0,3` or `0..5`.
        preprocess_cmd: shell command run before; `{random_seed}` in it stands for each seed.
        postprocess_cmd: shell command run once for every finished file.
        with_sandbox: accepted for NeMo-Skills commands; the sandbox is there when `++code_execution=true`.
        overwrite: delete earlier results first.
        inline_args: `++dotted.key=value` arguments in one string.
        overrides: the same as a list.
        who: the model and its server; see `ModelOptions`.

    Returns:
        Files and failures. Samples that failed are missing in the files; calling again makes them.

    Raises:
        InputError: something asked for cannot be used.
        ServerError: the server is unreachable or died.
        StoreError: `output_dir` belongs to another run.
        SandboxError: the sandbox is not there.
    """
    request = Request(
        output_dir=output_dir,
        input_file=input_file,
        input_dir=input_dir,
        generation_type=generation_type,
        server=Model.of(who),
        num_random_seeds=num_random_seeds,
        random_seeds=random_seeds,
        starting_seed=starting_seed,
        num_chunks=num_chunks,
        chunk_ids=chunk_ids,
        preprocess_cmd=preprocess_cmd,
        postprocess_cmd=postprocess_cmd,
        with_sandbox=with_sandbox,
        overwrite=overwrite,
        overrides=[*split_arguments(inline_args), *overrides],
    )
    return run(request)


def prepare(request: Request) -> list[Part]:
    """Resolve what is asked for, with notes on stderr; touches no server and writes nothing.

    Raises:
        InputError: something asked for cannot be used.
    """
    kind, config, notes = _resolve(request)
    parts = _parts(request, kind, config, request.seeds)
    # An unknown prompt, or a field that it needs and rows lack, is told before anything starts.
    Prompter.of(config).messages(parts[0].benchmark.problems[0])
    tell(notes)
    return in_chunks(parts, request.num_chunks, read_numbers(request.chunk_ids, "--chunk-ids"))


def outline(request: Request) -> tuple[int, Evaluation]:
    """How many output files the work can be split by, and its configuration; reads no rows.

    Raises:
        InputError: something asked for cannot be used.
    """
    _, config, notes = _resolve(request)
    check_names(config.prompt_config, config.examples_type)
    tell(notes)
    files = 1 if config.early_stop.majority else len(request.seeds or (None,))
    if request.input_dir is not None and request.seeds is None:
        folder = Path(request.input_dir).expanduser()
        files = len(_seeds_in(folder)) if folder.is_dir() else 1  # an earlier job may make it
    return files * chunks_of(request.num_chunks, request.chunk_ids), config


def _resolve(request: Request) -> tuple[GenerationType, Evaluation, list[str]]:
    kind = GENERATION_TYPES.get(request.generation_type)
    if kind is None:
        raise InputError(
            f"unknown generation type `{request.generation_type}`",
            hint=f"known: {', '.join(GENERATION_TYPES)}",
        )
    if (request.input_file is None) == (request.input_dir is None):
        raise InputError("exactly one of --input-file and --input-dir is wanted")
    given = parse_overrides(request.overrides)
    seeds = request.seeds
    refuse_fixed_seed(given, len(seeds or ()))
    is_sampled = seeds is not None and request.input_dir is None
    defaults = [*kind.defaults, *(SEED_DEFAULTS if is_sampled else ())]
    config, notes = resolve([*defaults, *request.server.overrides(), *given])
    request.server.check(config.server)
    if request.with_sandbox and not config.code_execution:
        notes.append("the sandbox is not used: ++code_execution=true is not given")
    return kind, config, notes


def _parts(
    request: Request, kind: GenerationType, config: Evaluation, seeds: Sequence[int] | None
) -> list[Part]:
    def part(path: Path, name: str, seeds: tuple[int | None, ...]) -> Part:
        rows = rows_to_answer(
            path, name, max_samples=config.max_samples, change=kind.change, made=config.generation_key
        )
        if kind.ready_row is not None and (missing := count_not_drawn(path)):
            raise InputError(
                f"early stop left {missing} samples of `{path}` undrawn: a judge's metrics would be wrong",
                hint="judge samples of a run without ++early_stop.majority",
            )
        is_shared = request.input_dir is not None
        benchmark = Benchmark(name, path, rows)
        return Part(benchmark, seeds, config, None, Path(), checks_rows=is_shared, ready_row=kind.ready_row)

    if request.input_file is not None:
        path = Path(request.input_file).expanduser()
        return [part(path, path.stem, (None,) if seeds is None else tuple(seeds))]
    assert request.input_dir is not None
    folder = Path(request.input_dir).expanduser()
    wanted: Iterable[int | None] = _seeds_in(folder) if seeds is None else seeds
    return [part(folder / output_name(seed), folder.resolve().name, (seed,)) for seed in wanted]


def _seeds_in(folder: Path) -> list[int | None]:
    """The seeds a folder has files of; None alone is a greedy file."""
    if not folder.is_dir():
        raise InputError(f"there is no input folder `{folder}`")
    found = sorted(int(name[1]) for path in folder.iterdir() if (name := _SEEDED.fullmatch(path.name)))
    if found:
        return list(found)
    if (folder / output_name(None)).is_file():
        return [None]
    raise InputError(f"neither output-rs*.jsonl nor output.jsonl in `{folder}`")


def run(request: Request) -> Result:
    """Do what `request` asks for; see `generate`."""
    output_dir = Path(request.output_dir).expanduser()
    overwrite = overwrites(request.overwrite, request.overrides, request.share, request.chunk_ids)
    request = replace(request, overwrite=overwrite)
    if request.preprocess_cmd:
        _preprocess(request, output_dir)
    parts = prepare(request)
    mine = parts if request.share is None else share_of(parts, *request.share)
    logs = output_dir / "generation-logs"
    work = Work(mine, request.server, output_dir, logs, request.overwrite)
    work.carry_out()
    finished = work.finished()
    if request.postprocess_cmd:
        for _, seed, path in finished:
            once(path.with_name(f"{path.name}.postprocessed"), lambda: _shell(request.postprocess_cmd, seed))  # noqa: B023
    return Result([path for _, _, path in finished], work.failures)


def _preprocess(request: Request, output_dir: Path) -> None:
    """Run the command for every seed whose file is not there yet: it may make the very input."""
    seeds: Sequence[int | None] = request.seeds or [None]
    missing = [seed for seed in seeds if request.overwrite or not (output_dir / output_name(seed)).exists()]
    for command in dict.fromkeys(_filled(request.preprocess_cmd or "", seed) for seed in missing):
        _run_shell(command)


def once(marker: Path, action: Callable[[], None]) -> None:
    """Do something unless it was done before, by this process or another; after a kill it is done again."""
    with marker.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.tell() == 0:
            action()
            file.write("done\n")


def _shell(command: str | None, seed: int | None) -> None:
    _run_shell(_filled(command or "", seed))


def _filled(command: str, seed: int | None) -> str:
    """NeMo-Skills' `{random_seed}`; other braces are the shell's."""
    return command.replace("{random_seed}", "" if seed is None else str(seed))


def _run_shell(command: str) -> None:
    print(f"running: {command}", file=sys.stderr)
    status = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], stdout=sys.stderr, check=False)
    if status.returncode != 0:
        raise MathforgeError(
            f"the command ended with status {status.returncode}: `{command}`",
            hint="finished samples are kept; correct it and repeat",
            code="command_failed",
        )


__all__ = ["Override", "Request", "Result", "generate", "once", "prepare", "run"]
