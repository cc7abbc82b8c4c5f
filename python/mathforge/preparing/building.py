"""Writing a benchmark: rows mapped, checked, written whole, and recorded with their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..store import write_atomically
from .catalog import ALIASES, CATALOG, Dataset
from .fetching import Files, from_hub, from_path, read_rows
from .rows import UnusableRowError, any_row

RECORD = "prepared.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One split that is ready.

    Attributes:
        benchmark: its name.
        split: the name of its file.
        path: the file.
        problems: rows in it.
        sha256: of the file.
        source: repository, file or folder.
        commit: of the repository, or None.
        files: name -> SHA-256 of what was read.
        is_new: whether it was written now.
    """

    benchmark: str
    split: str
    path: Path
    problems: int
    sha256: str
    source: str
    commit: str | None
    files: dict[str, str]
    is_new: bool = True


def prepare(
    name: str,
    data_dir: str | Path,
    *,
    split: str | None = None,
    source: str | Path | None = None,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> list[Prepared]:
    """Make a benchmark ready for `mathforge eval`.

    Args:
        name: a name of the catalog; with `source` any name.
        data_dir: receives `NAME/SPLIT.jsonl`.
        split: only this one; None is all that the benchmark has.
        source: JSONL (also gzipped), Parquet, or a folder with such files, instead of the hub.
        overwrite: fetch and write again.
        note: told what the user should know.

    Returns:
        Its splits.

    Raises:
        InputError: an unknown name or split, rows that cannot be used (with their places), or a file that was
            changed since it was written.
        MathforgeError: the hub cannot be reached, or refuses.
    """
    name = ALIASES.get(name, name)
    dataset = CATALOG.get(name)
    if dataset is None:
        if source is None:
            near = get_close_matches(name, CATALOG, n=1)
            known = f"known: {', '.join(CATALOG)}; others with --from FILE"
            hint = f"did you mean `{near[0]}`? {known}" if near else known
            raise InputError(f"unknown benchmark `{name}`", hint=hint, code="unknown_benchmark")
        dataset = Dataset(None, (), any_row, main=split or "test")
    wanted = _splits(name, dataset, split)
    folder = Path(data_dir).expanduser() / name
    if not overwrite and (there := _ready(folder, name, wanted, source)) is not None:
        return there
    files = from_hub(name, dataset) if source is None else from_path(Path(source).expanduser(), name, wanted)
    rows = _mapped(name, dataset, files)
    if dataset.problems is not None and len(rows) != dataset.problems:
        note(f"{name} has {len(rows)} problems, {dataset.problems} are expected: its source has changed")
    chosen = {one: _chosen(dataset, one, rows) for one in wanted}
    return _written(folder, name, chosen, files)


def _splits(name: str, dataset: Dataset, split: str | None) -> list[str]:
    known = [dataset.main, *dataset.splits]
    if split in {None, "all"}:
        return known
    if split not in known:
        raise InputError(f"`{name}` has no split `{split}`", hint=f"it has {', '.join(known)}")
    return [str(split)]


def _chosen(dataset: Dataset, split: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    belongs = dataset.splits.get(split)
    return rows if belongs is None else [row for row in rows if belongs(row)]


def _ready(
    folder: Path, name: str, splits: Sequence[str], source: str | Path | None
) -> list[Prepared] | None:
    """What was written before; None when something is missing or another source is asked for."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    found = []
    for split in splits:
        path, known = folder / f"{split}.jsonl", record.get(split)
        if known is None or not path.is_file():
            return None
        if _hash(path) != known["sha256"]:
            raise InputError(
                f"`{path}` was changed since it was prepared",
                hint="--overwrite writes it again; or keep your version under another name",
                code="changed_file",
            )
        if source is not None and set(known["files"].values()) != _hashes_of(source, name, splits):
            return None
        found.append(Prepared(name, split, path, is_new=False, **known))
    return found


def _hashes_of(source: str | Path, name: str, splits: Sequence[str]) -> set[str]:
    return {_hash(path) for path in from_path(Path(source).expanduser(), name, splits).paths}


def _mapped(name: str, dataset: Dataset, files: Files) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for origin, given in read_rows(files, dataset.columns):
        try:
            # Rows that are a benchmark's already, as NeMo-Skills' own files are, stay as they are.
            is_ready = "expected_answer" in given and "problem" in given
            row = dict(given) if is_ready else dataset.row(given)
        except UnusableRowError as error:
            raise InputError(
                f"{origin}: {error}", hint="see the fields of its rows; --from takes others"
            ) from error
        if row is not None:
            row.setdefault("id", f"{name}-{len(rows)}")
            rows.append({"id": row.pop("id"), **row})
    if not rows:
        raise InputError(f"no problems in {files.source}")
    return rows


def _written(
    folder: Path, name: str, chosen: dict[str, list[dict[str, Any]]], files: Files
) -> list[Prepared]:
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {path.name: _hash(path) for path in files.paths}
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        record = {}
    made = []
    for split, rows in chosen.items():
        path = folder / f"{split}.jsonl"
        write_atomically(path, "".join(json.dumps(row, default=str) + "\n" for row in rows))
        one = Prepared(name, split, path, len(rows), _hash(path), files.source, files.commit, hashes)
        record[split] = {
            k: v for k, v in asdict(one).items() if k not in {"benchmark", "split", "path", "is_new"}
        }
        made.append(one)
    write_atomically(folder / RECORD, json.dumps(record, indent=2) + "\n")
    return made


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
