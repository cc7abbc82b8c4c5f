"""`mathforge grade`: output files graded again, row by row, in place or into another folder.

Only `predicted_answer` (where it is missing, or extracted again on request), `symbolic_correct` and
`grade_reason` change; every other byte of a file stays, damaged lines included. A file is written beside
itself and renamed, so that it is always either the old one or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

from ._native import ExtractOptions, Verdict
from .errors import InputError
from .grading import Grader, extract_batch
from .json_rows import JsonRow
from .line_files import Rewrite, open_lines
from .regrade_report import GradedRow, RegradeReport

_BATCH_BYTES = 16 << 20
_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")


def find_outputs(names: Sequence[str], output: Path | None = None) -> list[tuple[Path, Path]]:
    """The files that names stand for, each with the place of its graded copy.

    Args:
        names: files, globs, and folders, which stand for the `output*.jsonl[.gz|.zst]` below them, folders of
            logs left out.
        output: a folder for the copies, laid out as the files are from the folder that holds all of them;
            None for the files themselves.

    Raises:
        InputError: a name stands for nothing, or for a file that a run is still writing.
    """
    files: dict[Path, Path] = {}
    for name in names:
        found = _named(name)
        if not found:
            raise InputError(
                f"there are no output files at {name}",
                hint="give output*.jsonl files, or folders that hold them",
            )
        files.update((path.resolve(), path) for path in found)
    for path in files.values():
        if not path.name.endswith(_SUFFIXES):
            raise InputError(
                f"{path} is no .jsonl, .jsonl.gz or .jsonl.zst file",
                hint="finish the run first" if path.name.endswith("-async") else None,
            )
    if output is None:
        return [(path, path) for path in files.values()]
    root = Path(os.path.commonpath([path.parent for path in files]))
    return [(path, output / resolved.relative_to(root)) for resolved, path in files.items()]


def _named(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        below = [found for suffix in _SUFFIXES for found in path.rglob(f"output*{suffix}")]
        return sorted(
            found
            for found in below
            if not any("-logs" in part for part in found.relative_to(path).parent.parts)
        )
    if path.exists():
        return [path]
    return sorted(Path(found) for found in glob(name, recursive=True))  # noqa: PTH207  absolute ones too


@dataclass(frozen=True)
class Settings:
    """How files are graded.

    Attributes:
        extraction: where answers are looked for.
        reextract: extract also where a row has a `predicted_answer`.
        threads: for native comparison; 0 for one per core.
        dry_run: write nothing.
    """

    extraction: ExtractOptions = field(default_factory=ExtractOptions.boxes)
    reextract: bool = False
    threads: int = 0
    dry_run: bool = False


@dataclass
class _Line:
    """One line of a file.

    Attributes:
        number: from 1.
        data: its bytes, newline included.
        row: None for a blank or damaged line and for a row that cannot be graded.
        gold, answer: texts to compare.
    """

    number: int
    data: bytes
    row: JsonRow | None = None
    gold: str = ""
    answer: str | None = None


def grade_files(
    files: Sequence[tuple[Path, Path]],
    grader: Grader,
    settings: Settings | None = None,
    on_rows: Callable[[Path, int], None] = lambda path, rows: None,
) -> RegradeReport:
    """Grade output files again.

    Args:
        files: each file and where the graded one goes, which may be itself.
        grader: decides; its options are the conventions.
        settings: what is extracted and written.
        on_rows: told after every batch how many rows of which file were done.

    Returns:
        What was found, beside the labels that were there.

    Raises:
        InputError: a file cannot be read or written; files before it are done.
        StoreError: another process is grading a file.
    """
    settings = settings or Settings()
    report = RegradeReport()
    for source, target in files:
        report.files += 1
        with open_lines(source) as lines, Rewrite(source, target, dry_run=settings.dry_run) as out:
            for batch in _batches(enumerate(lines, 1)):
                for data in _graded(source, batch, grader, settings, report):
                    out.write(data)
                on_rows(source, len(batch))
    return report


def _batches(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    size = 0
    for number, data in lines:
        batch.append(_Line(number, data))
        size += len(data)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _graded(
    path: Path, batch: list[_Line], grader: Grader, settings: Settings, report: RegradeReport
) -> Iterator[bytes]:
    for line in batch:
        _read(path, line, report)
    rows = [line for line in batch if line.row is not None]
    _extract(path, rows, settings, report)
    gradable = [line for line in rows if line.row is not None]
    verdicts = grader.grade_batch(
        [line.gold for line in gradable], [line.answer for line in gradable], threads=settings.threads
    )
    verdict_of = {line.number: verdict for line, verdict in zip(gradable, verdicts, strict=True)}
    for line in batch:
        verdict = verdict_of.get(line.number)
        yield line.data if verdict is None else _edited(path, line, verdict, report)


def _read(path: Path, line: _Line, report: RegradeReport) -> None:
    """The row and its expected answer, or a word in the report on why there is none."""
    if not line.data.strip():
        return
    report.rows += 1
    try:
        row = JsonRow(line.data.decode())
    except ValueError as error:
        report.damaged.append(f"{path}:{line.number}: {error}")
        return
    try:
        gold = row.written("expected_answer")
        if gold is None:
            raise ValueError("there is no `expected_answer`")
        line.answer = row.written("predicted_answer")
    except ValueError as error:
        report.ungraded.append(f"{path}:{line.number}: {error}")
        return
    line.row, line.gold = row, gold


def _extract(path: Path, lines: list[_Line], settings: Settings, report: RegradeReport) -> None:
    """Predicted answers of rows that lack one; a row without a text to search stays as it is."""
    searched: list[tuple[_Line, str]] = []
    for line in lines:
        values = line.row.values if line.row else {}
        if "predicted_answer" in values and not settings.reextract:
            continue
        text = values.get("generation")
        if text is None and values.get("error") is not None:
            text = ""
        if isinstance(text, str):
            searched.append((line, text))
        elif "predicted_answer" not in values:
            report.ungraded.append(
                f"{path}:{line.number}: there is neither `predicted_answer` nor a text in `generation`"
            )
            line.row = None
    answers = extract_batch([text for _, text in searched], settings.extraction, threads=settings.threads)
    for (line, _), answer in zip(searched, answers, strict=True):
        if line.row and "predicted_answer" in line.row.values:
            report.reextracted += answer != line.answer
        else:
            report.extracted += 1
        line.answer = answer


def _edited(path: Path, line: _Line, verdict: Verdict, report: RegradeReport) -> bytes:
    row = line.row
    if row is None:
        return line.data
    graded = GradedRow(f"{path}:{line.number}", line.gold, line.answer, verdict)
    report.add(graded, row.values.get("symbolic_correct"))
    changes: dict[str, object] = {
        "symbolic_correct": verdict.verdict == "equal",
        "grade_reason": verdict.reason,
    }
    if row.values.get("predicted_answer", ...) is ... or row.written("predicted_answer") != line.answer:
        changes = {"predicted_answer": line.answer, **changes}
    after = "symbolic_correct" if "symbolic_correct" in row.values else "predicted_answer"
    return row.edited(changes, after=after).encode()
