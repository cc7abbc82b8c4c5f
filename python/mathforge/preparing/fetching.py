"""The files of a dataset: from the hub's cache or the hub, or from a folder or file of the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import jsonl
from ..errors import InputError, MathforgeError
from .catalog import Dataset

_SUFFIXES = (".jsonl", ".jsonl.gz", ".txt", ".parquet")
_ROW_HINT = "each line is one JSON object"


@dataclass(frozen=True, slots=True)
class Files:
    """What rows are read from.

    Attributes:
        paths: in order.
        source: repository or folder.
        commit: of the repository, or None.
    """

    paths: tuple[Path, ...]
    source: str
    commit: str | None = None


def from_hub(name: str, dataset: Dataset) -> Files:
    """Download the files of a dataset, or find them in the hub's cache.

    Raises:
        InputError: it is in no repository, or the package `huggingface_hub` is not installed.
        MathforgeError: the hub cannot be reached, or refuses.
    """
    if dataset.repository is None:
        raise InputError(f"`{name}` cannot be fetched", hint=dataset.where, code="not_on_hub")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
    except ImportError as error:
        raise InputError(
            f"fetching `{name}` needs the package `huggingface_hub`",
            hint=f"pip install 'mathforge[hub]'; or --from FILE with the rows of {dataset.repository}",
        ) from error
    try:
        folder = snapshot_download(
            dataset.repository, repo_type="dataset", allow_patterns=list(dataset.files)
        )
    except GatedRepoError as error:
        raise MathforgeError(
            f"{dataset.repository} is only for those who accepted its terms",
            hint="accept them on its page, then set HF_TOKEN",
            code="gated",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MathforgeError(
            f"{dataset.repository} can be had neither from the hub nor from its cache: {reason}",
            hint=f"with a network: HF_ENDPOINT, HF_TOKEN; without: --from FILE with its rows ({name})",
            code="no_hub",
        ) from error
    root = Path(folder)
    paths = sorted(path for pattern in dataset.files for path in root.glob(pattern))
    if not paths:
        raise MathforgeError(
            f"{dataset.repository} has no files {', '.join(dataset.files)}",
            hint="its layout has changed; give its file with --from",
            code="hub_layout",
        )
    return Files(tuple(paths), dataset.repository, root.name)


def from_path(path: Path, name: str, splits: Sequence[str]) -> Files:
    """A file, or what a folder holds for a benchmark: NAME.jsonl, NAME/SPLIT.jsonl, SPLIT.jsonl, tables.

    Raises:
        InputError: there is nothing of it.
    """
    if path.is_file():
        return Files((path,), str(path))
    stems = [name, *(f"{name}/{split}" for split in splits), *splits]
    for stem in stems:
        for suffix in _SUFFIXES:
            file = path / f"{stem}{suffix}"
            if file.is_file():
                return Files((file,), str(file))
    tables = sorted([*path.glob(f"{name}/**/*.parquet"), *path.glob("*.parquet")])
    if tables:
        return Files(tuple(tables), str(path))
    raise InputError(
        f"nothing of `{name}` in `{path}`",
        hint=f"--from takes a JSONL or Parquet file, or a folder with {name}.jsonl or {name}/test.jsonl",
    )


def read_rows(files: Files, columns: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place (`file:row`) and row, in order.

    Raises:
        InputError: a file that cannot be read.
    """
    for path in files.paths:
        if path.suffix == ".parquet":
            yield from _table_rows(path, columns)
            continue
        for origin, row in jsonl.values(path, _ROW_HINT):
            if not isinstance(row, dict):
                raise InputError(f"{origin}: not a JSON object", hint=_ROW_HINT)
            yield origin, row


def _table_rows(path: Path, columns: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    import polars

    try:
        there = polars.read_parquet_schema(path)
        wanted = [name for name in there if columns is None or name in columns]
        table = polars.read_parquet(path, columns=wanted)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: not a Parquet file: {error}") from error
    for number, row in enumerate(table.iter_rows(named=True), 1):
        yield f"{path}:{number}", row
