"""What `mathforge status` and `cancel` find: states, rows, and the end of logs."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.waiting import until

from mathforge.cli.main import main
from mathforge.clusters import ClusterConfig, Job, records, submit
from mathforge.clusters.rows import rows_under
from mathforge.clusters.states import _parsed, cancel, last_lines, task_states
from mathforge.errors import ClusterError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterConfig:
    monkeypatch.setenv("MATHFORGE_JOB_DIR", str(tmp_path / "jobs"))
    return ClusterConfig("local", executor="local")


def write_run(folder: Path, problems: int, **files: int) -> None:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"fingerprint": {"problems": {"count": problems}}}))
    for name, rows in files.items():
        suffix = ".jsonl-async" if name.endswith("_async") else ".jsonl"
        stem = name.removesuffix("_async").replace("rs", "-rs")
        (folder / f"{stem}{suffix}").write_text("{}\n" * rows + "{torn")


def test_rows_are_counted_in_finished_and_growing_files(tmp_path: Path) -> None:
    bench = tmp_path / "eval-results" / "sums"
    write_run(bench, 10, outputrs0=10, outputrs1_async=4, outputrs2_chunk_0=3, outputrs2_chunk_1_async=1)
    (found,) = rows_under(tmp_path)
    assert (found.folder, found.files, found.done, found.wanted) == (bench, 3, 18, 30)
    expected = [str(bench / f"output-rs{seed}.jsonl") for seed in range(5)]
    assert rows_under(tmp_path, expected)[0].wanted == 50
    (bench / "run.json").unlink()
    assert rows_under(tmp_path)[0].wanted is None
    (bench / "output-rs0.jsonl-async").write_text("{}\n" * 10)  # left by a kill between rename and removal
    assert rows_under(tmp_path)[0].done == 18


def test_status_of_a_folder_without_jobs_shows_its_rows(
    tmp_path: Path, config: ClusterConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run", 10, outputrs0_async=4)
    assert main(["status", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out == f"4 of 10 rows in {tmp_path}/run\n"
    assert main(["status", str(tmp_path)]) == 0
    assert main(["status", "--json", str(tmp_path / "run")]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])[0]["wanted"] == 10


def test_status_lists_and_shows_local_jobs(
    tmp_path: Path, config: ClusterConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    assert "nothing was submitted yet" in capsys.readouterr().out
    parallel = replace(config, parallelism=2)
    jobs = [Job(["bash", "-c", "echo out of memory; exit $0"], name="a", array=[["0"], ["7"]])]
    with pytest.raises(ClusterError):
        submit(jobs, cluster=parallel, expname="e", output_dir=tmp_path / "out")
    assert main(["status"]) == 0
    assert f"local  e  {tmp_path}/out" in capsys.readouterr().out
    assert main(["status", "e"]) == 1
    shown = capsys.readouterr().out
    assert "a: 1 completed, 1 failed" in shown
    assert "| out of memory" in shown
    assert main(["status", "nobody"]) == 1
    assert "nothing was submitted as `nobody`" in capsys.readouterr().err


def test_cancel_ends_running_and_coming_tasks_of_this_machine(tmp_path: Path, config: ClusterConfig) -> None:
    marker = tmp_path / "started"
    job = Job(["bash", "-c", f"touch {marker}; exec sleep 60"], name="a", array=[[], []])
    failures: list[Exception] = []

    def run() -> None:
        try:
            submit([job, Job(["touch", str(tmp_path / "never")], name="b")], cluster=config, expname="e")
        except ClusterError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(marker.exists, "the first task")
    (record,) = records.of_experiment("e", config.job_folder())
    until(lambda: bool(records.read(record.path).jobs), "the record of the first task")
    assert len(cancel(records.read(record.path))) == 1
    thread.join(20)
    assert [error.code for error in failures] == ["cancelled"]
    assert not (tmp_path / "never").exists()
    assert {one.state for one in task_states(records.read(record.path)).values()} == {"cancelled"}
    assert cancel(records.read(record.path)) == []


def test_a_task_whose_submitter_was_killed_is_not_taken_for_running(
    tmp_path: Path, config: ClusterConfig
) -> None:
    code = (
        "from mathforge.clusters import Job, submit\n"
        "submit([Job(['bash', '-c', 'kill -9 $PPID; sleep 0.1'])], cluster='local', expname='e')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -9
    (record,) = records.of_experiment("e", config.job_folder())
    until(lambda: all(one.state == "failed" for one in task_states(record).values()), "the task has ended")


def test_words_of_slurm() -> None:
    text = (
        "1|PENDING|Dependency||0:00\n2_3|CANCELLED by 0|0:0|None assigned|00:00:00\n"
        "4|NODE_FAIL|None|n3|1:07\n5|OUT_OF_MEMORY|0:125|n1|00:01:00\n6|CANCELLED+|0:0|n1|1\n7|NEW_WORD|0:0|n1|1\nx\n"
    )
    found = _parsed(text)
    assert [one.state for one in found.values()] == [
        "waiting",
        "cancelled",
        "node_lost",
        "failed",
        "cancelled",
        "unknown",
    ]
    assert found["1"].detail == "PENDING (Dependency)"
    assert (found["1"].node, found["4"].node, found["2_3"].elapsed) == (None, "n3", None)


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert last_lines(str(log), 2) == ["line 99998", "line 99999"]
    assert last_lines("", 2) == last_lines(str(tmp_path / "absent"), 2) == []
