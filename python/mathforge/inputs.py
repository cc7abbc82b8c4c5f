"""Which files a command means: files, globs, folders of runs; and which benchmark each belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError

RUN_FILE = "run.json"
"""The configuration of a run, beside its outputs."""
_SEEDED = re.compile(r"output-rs(\d+)\.jsonl(?:\.gz|\.zst)?")
_GREEDY = ("output.jsonl", "output.jsonl.gz", "output.jsonl.zst")
_MOST_FILES = 1 << 16
"""A sample's place has 16 bits for its file."""
_TABLES = (".parquet", ".arrow", ".ipc", ".feather")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The files of one benchmark, in the order that "the first k samples" means.

    Attributes:
        name: what its tables are called.
        files: one per seed, or any number of files with several samples per problem.
        unfinished: in-progress files beside them, which are not read.
        trouble: why the files cannot be one benchmark; told when they are to be read, after others were.
    """

    name: str
    files: tuple[Path, ...]
    unfinished: tuple[Path, ...] = ()
    trouble: str | None = None

    @property
    def is_stopped_early(self) -> bool:
        """Whether these are the files of a run with early stop."""
        if not self.files:
            return False
        try:
            run = json.loads((self.files[0].parent / RUN_FILE).read_bytes())
            return run["config"]["early_stop"]["majority"] is True
        except (OSError, ValueError, LookupError, TypeError):
            return False


def find(paths: Sequence[Path | str], *, lexical: bool = False) -> list[Benchmark]:
    """The benchmarks that paths hold.

    A folder with outputs is a benchmark; otherwise its `eval-results`, or the folders in it, are searched.
    Files and globs (`**` included) make up one benchmark together, named after their folder.

    Args:
        paths: files, globs and folders.
        lexical: order seeds as strings, as NeMo-Skills does (0, 1, 10, 2), instead of as numbers.

    Raises:
        InputError: nothing is there.
    """
    folders: list[Benchmark] = []
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            folders += [
                _of_folder(name, folder, lexical=lexical) for name, folder in find_benchmarks(path).items()
            ]
        elif path.exists():
            files.append(path)
        else:
            files += _globbed(path)
    if files:
        name = files[0].resolve().parent.name or "samples"
        folders.append(Benchmark(name, tuple(ordered(dict.fromkeys(files), lexical=lexical))))
    if not folders:
        raise InputError("no inputs", hint="give files, globs, or the --output-dir of an eval run")
    return folders


def _globbed(pattern: Path) -> list[Path]:
    parts = pattern.parts
    fixed = next((at for at, part in enumerate(parts) if any(mark in part for mark in "*?[")), None)
    found = [] if fixed is None else sorted(Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))))
    found = [path for path in found if path.is_file() and not path.name.endswith((".done", "-async"))]
    if not found:
        kind = "no such folder or file" if fixed is None else "nothing matches"
        raise InputError(f"{kind}: {pattern}", hint="give files, globs, or the --output-dir of an eval run")
    return found


def find_benchmarks(folder: Path) -> dict[str, Path]:
    """Benchmark names and folders under `folder`: itself, the folders of its `eval-results`, or its folders.

    Raises:
        InputError: there is no such folder, or no outputs in it.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}", hint="give the --output-dir of an eval run")
    if _outputs(folder):
        return {folder.resolve().name: folder}
    root = folder / "eval-results" if (folder / "eval-results").is_dir() else folder
    found = {str(path.relative_to(root)): path for path in _folders(root)}
    if not found:
        raise InputError(
            f"no output*.jsonl in {folder}, in its eval-results or in its subfolders",
            hint="give the --output-dir of an eval run, or one benchmark's folder in it",
        )
    return found


def _folders(root: Path, depth: int = 2) -> Iterator[Path]:
    """Folders with outputs, and those of benchmark groups one level deeper; logs are not results."""
    for path in sorted(root.iterdir()):
        if path.is_dir() and "-logs" not in path.name:
            if _outputs(path) or list(path.glob("output*.jsonl-async")):
                yield path
            elif depth > 1:
                yield from _folders(path, depth - 1)


def _outputs(folder: Path) -> list[Path]:
    found = [path for suffix in ("", ".gz", ".zst") for path in folder.glob(f"output*.jsonl{suffix}")]
    return [path for path in found if "_chunk_" not in path.name]


def _of_folder(name: str, folder: Path, *, lexical: bool) -> Benchmark:
    outputs = _outputs(folder)
    seeded = [path for path in outputs if _SEEDED.fullmatch(path.name)]
    greedy = [path for path in outputs if path.name in _GREEDY]
    trouble = (
        f"both {greedy[0].name} and output-rs*.jsonl in {folder}: keep one kind, they are different runs"
        if seeded and greedy
        else None
    )
    unfinished = tuple(sorted(folder.glob("output*.jsonl-async")))
    return Benchmark(name, tuple(ordered(seeded or greedy, lexical=lexical)), unfinished, trouble)


def ordered(paths: Iterable[Path], *, lexical: bool) -> list[Path]:
    """Files in the order that "the first k samples" means: by folder, seed and name.

    Args:
        paths: files of one benchmark.
        lexical: seeds as strings.

    Raises:
        InputError: more files than samples can be numbered by.
    """

    def key(path: Path) -> tuple[str, int, str]:
        seed = _SEEDED.fullmatch(path.name)
        return (str(path.parent), int(seed[1]) if seed and not lexical else -1, path.name)

    found = sorted(paths, key=key)
    if len(found) > _MOST_FILES:
        raise InputError(
            f"{len(found)} files in one benchmark, {_MOST_FILES} are the most",
            hint="join small files; several samples of a problem may be in one",
        )
    return found


def is_table(path: Path) -> bool:
    """Whether a file is columnar: Parquet or Arrow IPC."""
    return path.suffix in _TABLES
