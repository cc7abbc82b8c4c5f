"""Problems of a benchmark: where the file is looked for, and what a row must hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from .errors import InputError

DATA_DIR_VARIABLE = "MATHFORGE_DATA_DIR"
BUILT_IN = Path(__file__).parent / "benchmarks"
_SHOWN_DEFECTS = 5


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
    problems: Sequence[Problem]

    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and expected answers in order; of a file of rows, over its rows."""
        if own := getattr(self.problems, "fingerprint", None):
            return str(own())
        digest = hashlib.sha256()
        for problem in self.problems:
            digest.update(json.dumps([problem.id, problem.text, problem.expected_answer]).encode())
        return digest.hexdigest()


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
    problems = read_problems(path, name)
    return Benchmark(name, path, problems if max_samples < 0 else problems[:max_samples])


def read_problems(path: Path, name: str) -> tuple[Problem, ...]:
    """Read one JSONL file of problems; the rows of NeMo-Skills benchmarks.

    Raises:
        InputError: naming file and line of the rows that cannot be used.
    """
    problems: list[Problem] = []
    defects: list[str] = []
    line_of_id: dict[str, int] = {}
    for line, data in enumerate(path.read_bytes().split(b"\n"), 1):
        if not data.strip():
            continue
        try:
            problem = _problem(
                json.loads(data.decode("utf-8-sig" if line == 1 else "utf-8")), f"{name}-{len(problems)}"
            )
            if problem.id in line_of_id:
                raise ValueError(f"id `{problem.id}` is already used in line {line_of_id[problem.id]}")
        except ValueError as error:
            defects.append(f"{path}:{line}: {reason_of(error)}")
            continue
        line_of_id[problem.id] = line
        problems.append(problem)
    if defects:
        shown = "\n       ".join(defects[:_SHOWN_DEFECTS])
        more = f"\n       and {len(defects) - _SHOWN_DEFECTS} more" if len(defects) > _SHOWN_DEFECTS else ""
        raise InputError(
            shown + more, hint="each line is one JSON object with `problem` and `expected_answer`"
        )
    if not problems:
        raise InputError(f"no problems in {path}")
    return tuple(problems)


def _problem(row: object, fallback_id: str) -> Problem:
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object is wanted, not {type(row).__name__}")
    text, expected = row.get("problem"), row.get("expected_answer")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("field `problem` is missing, empty or not text")
    if isinstance(expected, bool) or not isinstance(expected, str | int | float):
        raise ValueError("field `expected_answer` is missing or neither text nor a number")
    subset = row.get("subset_for_metrics")
    if subset is not None and not isinstance(subset, str):
        raise ValueError("field `subset_for_metrics` is not text")
    return Problem(str(row.get("id", fallback_id)), text, str(expected), subset, row)


def reason_of(error: ValueError) -> str:
    """What is wrong with a line, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON ({error.msg} at character {error.pos + 1})"
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8 (byte {error.start + 1})"
    return str(error)


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
    near = get_close_matches(name, available, n=1, cutoff=0.5)
    suggestion = f"did you mean `{near[0]}`? " if near else ""
    places = ", ".join(str(path) for path in looked)
    raise InputError(
        f"there is no benchmark `{name}`"
        + (f" with the split `{split}`" if split else "")
        + f"; looked for {places}",
        hint=f"{suggestion}available: {', '.join(available) or 'none'}; other files: --data-dir FOLDER",
        code="unknown_benchmark",
    )


def _available(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        if folder.is_dir():
            for entry in folder.iterdir():
                if entry.suffix == ".jsonl":
                    yield entry.stem
                elif entry.is_dir() and any(entry.glob("*.jsonl")):
                    yield entry.name
