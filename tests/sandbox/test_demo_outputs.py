"""Running the demo's cells again gives the recorded outputs, to the character."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from build_demo.cells import Notebook

import mathforge
from mathforge import harmony

DEMO = Path(mathforge.__file__).parent / "benchmarks" / "demo"
RECORDING = [
    json.loads(line)
    for line in gzip.decompress((DEMO / "recording.jsonl.gz").read_bytes()).decode().splitlines()
]
WITH_CELLS = [row for row in RECORDING if row["calls"]]


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    yield notebook
    notebook.close()


@pytest.mark.parametrize("row", WITH_CELLS, ids=lambda row: f"{row['id']}-rs{row['seed']}")
def test_outputs_are_reproduced(row: dict[str, Any], notebook: Notebook) -> None:
    codes = [harmony.python_call(harmony.parse(round_["text"])) for round_ in row["rounds"]]
    with notebook.session() as run:
        shown = [run(code) for code in codes if code is not None]
    # On a crowded machine the interrupt may come too late to save the variables.
    texts = [result.text.replace(" The variables of this session are lost.", "") for result in shown]
    assert texts == row["outputs"]
    assert [result.status for result in shown] == row["statuses"]
