"""Problems of a benchmark: where the file is looked for, and what a row must hold."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from .errors import InputError
from .row_files import Row, RowFile, refuse

DATA_DIR_VARIABLE = "MATHFORGE_DATA_DIR"
BUILT_IN = Path(__file__).parent / "benchmarks"

# What a sample's row is given; an input row's own fields of these names are not carried through.
RESULT_FIELDS = frozenset(
    {
        *("generation", "num_generated_tokens", "num_tool_output_tokens", "generation_start_time"),
        *("generation_end_time", "generation_time", "finish_reason", "reasoning_content", "rounds", "error"),
        *("code_rounds_executed", "code_execution_time", "num_code_timeouts", "stopped_on_repetition"),
        *("predicted_answer", "symbolic_correct", "grade_reason"),
        *("_full_generation", "_generation_finished_thinking"),
    }
)


def data_home() -> Path:
    """Where benchmarks are prepared by default: $MATHFORGE_DATA_DIR, else the user's cache."""
    variable = os.environ.get(DATA_DIR_VARIABLE)
    if variable:
        return Path(variable).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "mathforge" / "data"


@dataclass(frozen=True, slots=True)
class Problem:
    """One question.

    Attributes:
        id: unique inside its benchmark; `<benchmark>-<position>` where the row has none.
        text: what is asked.
        expected_answer: the reference answer; None where a row to generate for has none.
        subset: name of the part of the benchmark it is also reported under, or None.
        row: the input row, carried through to the output.
        checked: fields that an output row made for this problem shares with `row`.
    """

    id: str
    text: str
    expected_answer: str | None
    subset: str | None
    row: Mapping[str, object]
    checked: tuple[str, ...] = ()

    def is_in(self, row: Mapping[str, object]) -> bool:
        """Whether an output row was made for this problem."""
        return row.get("problem", "") == self.text and all(
            _is_same(row.get(key), self.row.get(key)) for key in self.checked
        )


def _is_same(first: object, second: object) -> bool:
    """Equal as JSON: what is not a number is the same as itself."""
    return first == second or json.dumps(first) == json.dumps(second)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The problems of one file, in file order.

    Attributes:
        name: as given on the command line.
        path: the file.
        problems: at least one.
    """

    name: str
    path: Path
    problems: RowFile

    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and expected answers in order; of rows to answer, over the rows."""
        return self.problems.fingerprint()


def load_benchmark(
    name: str, data_dir: str | Path | None = None, *, split: str | None = None, max_samples: int = -1
) -> Benchmark:
    """Find and read a benchmark.

    Looks for `NAME.jsonl`, then `NAME/SPLIT.jsonl`, in `data_dir`, then in the folder named by
    MATHFORGE_DATA_DIR (or where `mathforge prepare` puts them without it), then among the benchmarks that
    come with the package.

    Args:
        name: name of the benchmark.
        data_dir: folder with benchmark files.
        split: name of the file inside the folder of a benchmark; `test` when None.
        max_samples: keep the first so many problems; -1 keeps all.

    Raises:
        InputError: no such benchmark (says where it looked and what there is), or rows that cannot be used
            (file:line).
    """
    path = _find(name, data_dir, split)
    return Benchmark(name, path, read_problems(path, name, max_samples))


def read_problems(path: Path, name: str, max_samples: int = -1) -> RowFile:
    """The problems of a JSONL file, read again whenever they are asked for; the rows of NeMo-Skills
    benchmarks.

    Raises:
        InputError: naming file and line of the rows that cannot be used.
    """
    ids = _Ids()

    def problem(row: Row, position: int) -> Problem:
        return _problem(row, f"{name}-{position}")

    def check(problem: Problem, line: int) -> bytes:
        ids.add(problem.id, line)
        return json.dumps([problem.id, problem.text, problem.expected_answer]).encode()

    rows = RowFile.read(path, problem, max_samples=max_samples, check=check)
    refuse(list(ids.defects(path, rows)))
    return rows


def rows_to_answer(
    path: Path,
    name: str,
    *,
    max_samples: int = -1,
    change: Callable[[Row], Row] = lambda row: row,
    made: str = "generation",
) -> RowFile:
    """The rows of a JSONL file as problems, in which every field may be missing.

    Args:
        path: one JSON object per line.
        name: of the rows, for the ids of those that have none.
        max_samples: only the first so many; -1 is all.
        change: made to every row as it is read.
        made: field that the generation will be written to.

    Raises:
        InputError: no file, no rows, or lines that are not JSON objects, named by file and line.
    """
    if not path.is_file():
        raise InputError(
            f"there is no input file `{path}`", hint="it holds one JSON object per line (--input-file)"
        )

    def problem(row: Row, position: int) -> Problem:
        return problem_of(change(row), f"{name}-{position}", made)

    return RowFile.read(path, problem, max_samples=max_samples)


def problem_of(row: Row, fallback_id: str, made: str) -> Problem:
    """An input row as a problem: every field may be missing."""
    text, expected = row.get("problem"), row.get("expected_answer")
    # What is written about a generation is written about this very one.
    written = RESULT_FIELDS - {"generation"} | {"problem", made}
    subset = row.get("subset_for_metrics")
    return Problem(
        id=str(row.get("id", fallback_id)),
        text=text if isinstance(text, str) else "",
        expected_answer=None if expected is None or isinstance(expected, bool) else str(expected),
        subset=subset if isinstance(subset, str) else None,
        row=row,
        checked=tuple(key for key in row if key not in written),
    )


class _Ids:
    """Ids seen so far, as 16 bytes each: a hash and a line."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._lines = array("Q")

    def add(self, name: str, line: int) -> None:
        self._hashes.append(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()))
        self._lines.append(line)

    def defects(self, path: Path, rows: Sequence[Problem]) -> Iterator[str]:
        """One line for each id that was there before; `rows` are those whose ids were added, in order."""
        ordered = sorted(self._hashes)
        doubled = {one for one, other in pairwise(ordered) if one == other}
        first: dict[str, int] = {}
        for position, (one, line) in enumerate(zip(self._hashes, self._lines, strict=True)):
            if one in doubled:
                name = rows[position].id
                if name in first:
                    yield f"{path}:{line}: id `{name}` is already used in line {first[name]}"
                first.setdefault(name, line)


def _problem(row: Row, fallback_id: str) -> Problem:
    text, expected = row.get("problem"), row.get("expected_answer")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("field `problem` is missing, empty or not text")
    if isinstance(expected, bool) or not isinstance(expected, str | int | float):
        raise ValueError("field `expected_answer` is missing or neither text nor a number")
    subset = row.get("subset_for_metrics")
    if subset is not None and not isinstance(subset, str):
        raise ValueError("field `subset_for_metrics` is not text")
    return Problem(str(row.get("id", fallback_id)), text, str(expected), subset, row)


def _folders(data_dir: str | Path | None) -> Iterator[Path]:
    if data_dir is not None:
        folder = Path(data_dir).expanduser()
        if not folder.is_dir():
            raise InputError(f"the data folder does not exist: `{folder}`", hint="check --data-dir")
        yield folder
    if variable := os.environ.get(DATA_DIR_VARIABLE):
        yield Path(variable).expanduser()
    elif data_home().is_dir():
        yield data_home()
    yield BUILT_IN


def _find(name: str, data_dir: str | Path | None, split: str | None) -> Path:
    if not name or "/" in name or name.startswith("."):
        raise InputError(
            f"not a benchmark name: `{name}`",
            hint="write --benchmarks NAME or NAME:SAMPLES, separated by commas",
        )
    folders = list(_folders(data_dir))
    looked: list[Path] = []
    for folder in folders:
        candidates = [folder / name / f"{split or 'test'}.jsonl"]
        if split in {None, "test"}:
            candidates.insert(0, folder / f"{name}.jsonl")
            candidates.append(folder / name / "problems.jsonl")
            candidates.append(folder / name / "text.jsonl")  # the main split of hle
        for path in candidates:
            if path.is_file():
                return path
        looked += candidates
    available = sorted(set(_available(folders)))
    suggestion = _suggestion(name, available)
    places = ", ".join(str(path) for path in looked)
    raise InputError(
        f"there is no benchmark `{name}`"
        + (f" with the split `{split}`" if split else "")
        + f"; looked for {places}",
        hint=f"{suggestion}available: {', '.join(available) or 'none'}; other files: --data-dir FOLDER",
        code="unknown_benchmark",
    )


def _suggestion(name: str, available: Sequence[str]) -> str:
    """What may have been meant: a benchmark to be prepared first, or one of those that are there."""
    from .preparing.catalog import ALIASES, CATALOG

    if (known := ALIASES.get(name, name)) in CATALOG and known not in available:
        return f"`mathforge prepare {known}` fetches it; "
    near = get_close_matches(name, available, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`? " if near else ""


def _available(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        if folder.is_dir():
            for entry in folder.iterdir():
                if entry.suffix == ".jsonl":
                    yield entry.stem
                elif entry.is_dir() and any(entry.glob("*.jsonl")):
                    yield entry.name
