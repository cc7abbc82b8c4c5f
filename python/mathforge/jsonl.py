"""The values of a JSONL file, gzipped or not, each with the place it stands at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import InputError


def values(path: Path, hint: str) -> Iterator[tuple[str, Any]]:
    """Place (`file:line`) and value of every line that is not blank, in order.

    Args:
        path: a file of one JSON value per line; gzipped when its name ends in `.gz`.
        hint: what a row should look like, told with an error.

    Raises:
        InputError: the file cannot be read, or a line is not JSON; the message names file and line.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", _value(line, f"{path}:{number}", hint)
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise InputError(f"{path}:{number + 1}: cannot be read: {error}") from error


def _value(line: str, origin: str, hint: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"{origin}: not JSON: {error}", hint=hint) from error
