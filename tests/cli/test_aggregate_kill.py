"""Kill -9, while samples spill or an index or partial is written: the next run is right."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROBLEMS, SAMPLES = 3_000, 4
KILLS = 12
# Spills after each file; keeps an index of files of any size.
SPILL = """
import sys
from mathforge import aggregating
aggregating._LEAST_STEP_BYTES = 60_000
from mathforge.aggregating import Settings, aggregate
report = aggregate(sys.argv[1], benchmark="x", settings=Settings(memory_mib=0, index=False))
"""
INDEX = """
import sys
from mathforge import indexing
from mathforge.aggregating import aggregate
indexing._LEAST_BYTES = 0
report = aggregate(sys.argv[1], benchmark="x")
"""
PARTIAL = """
import sys
from pathlib import Path
from mathforge.merging import merge_partials
from mathforge.partials import scan_partial
out = Path(sys.argv[1]).parent / "partials" / "a.arrow"
report = merge_partials([scan_partial(sys.argv[1], out, benchmark="x")])
"""
PRINT = "import json; print(json.dumps(report.to_json()))"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    folder = tmp_path / "rows"
    folder.mkdir()
    for seed in range(SAMPLES):
        draw = random.Random(seed)
        text = "".join(
            json.dumps(
                {
                    "id": f"p{at}",
                    "predicted_answer": str(draw.randrange(9)),
                    "symbolic_correct": draw.random() < 0.4,
                }
            )
            + "\n"
            for at in range(PROBLEMS)
        )
        (folder / f"output-rs{seed}.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("code", [SPILL, INDEX, PARTIAL], ids=["spill", "index", "partial"])
def test_the_next_run_is_right(code: str, rows: Path, tmp_path: Path) -> None:
    spills = tmp_path / "spills"
    spills.mkdir()
    environment = {**os.environ, "TMPDIR": str(spills)}

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code + PRINT, str(rows)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )

    began = time.monotonic()
    process = start()
    expected = process.communicate()[0]
    lasted = time.monotonic() - began
    assert process.returncode == 0
    made = sorted([*rows.rglob("*.arrow"), *tmp_path.glob("partials/*")])
    draw = random.Random(11)
    killed = 0
    for _ in range(KILLS):
        # Each time from nothing, or from what the killed run left.
        if draw.random() < 0.5:
            for path in made:
                path.unlink(missing_ok=True)
        began = time.monotonic()
        process = start()
        try:
            process.wait(timeout=draw.uniform(0.2, 1.0) * lasted)
            lasted = time.monotonic() - began
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed > 1
    process = start()
    assert process.communicate()[0] == expected
    assert process.returncode == 0
    assert list(spills.iterdir()) == []
