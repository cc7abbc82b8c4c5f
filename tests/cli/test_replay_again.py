"""An evaluation's output folder is a recording: played again it gives the same ids and metrics."""

import subprocess

import pytest
from support.commands import MATHFORGE, metrics, samples
from support.sandbox_service import ask, serving

from mathforge.sandbox import Sandbox


def evaluate(replay, output, *options):
    command = [
        *MATHFORGE,
        "eval",
        "--benchmarks",
        "demo:2",
        "--server-type",
        "replay",
        "--replay",
        str(replay),
    ]
    command += ["--output-dir", str(output), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "options", [("--with-sandbox", "++code_execution=true"), ()], ids=["with the tool", "over chat"]
)
def test_a_run_is_a_recording_of_itself(tmp_path, options):
    first, again = tmp_path / "first", tmp_path / "again"
    evaluate("demo", first, *options)
    evaluate(first, again, *options)
    assert metrics(again, "demo") == metrics(first, "demo")
    for seed, rows in samples(first, "demo").items():
        for row, other in zip(rows, samples(again, "demo")[seed], strict=True):
            sampled, sampled_again = ([r["token_ids"] for r in x["rounds"]] for x in (row, other))
            assert sampled == sampled_again, (row["id"], seed)
            assert (row["predicted_answer"], row["error"]) == (other["predicted_answer"], other["error"])


def test_cells_on_a_sandbox_service_give_the_same_run(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    tool = ("--with-sandbox", "++code_execution=true")
    evaluate("demo", here, *tool)
    with Sandbox() as box, serving(box) as url:
        evaluate("demo", there, *tool, "--sandbox", url)
        assert ask("GET", f"{url}/sessions")[1]["sessions"] == {}
    assert metrics(there, "demo") == metrics(here, "demo")
