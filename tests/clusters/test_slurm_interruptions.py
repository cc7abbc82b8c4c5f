"""Jobs that Slurm interrupts go on where they were: a time limit that is too short, a node that is lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import small_run
from support.commands import eval_command, metrics, samples, serving
from support.slurm_cluster import SlurmCluster
from support.waiting import ended, until

from mathforge.clusters import Job, load_cluster, records, submit
from mathforge.clusters.states import task_states

# A seed of six problems, one request at a time, lasts longer than the half minute that Slurm leaves of its
# shortest time limit before it signals.
PACE = ("--tokens-per-second", "10")
SLOWLY = ("++max_concurrent_requests=1", "++inference.stream=true")


def rows_in_progress(output: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in output.rglob("output-rs*.jsonl-async"))


def restarts(slurm: SlurmCluster, experiment: str, tmp_path: Path) -> list[str]:
    """States of all runs of the tasks, the interrupted ones too."""
    (record,) = records.of_experiment(experiment, tmp_path / "jobs")
    jobs = ",".join(record.ids)
    listed = slurm.run("sacct", "-D", "-X", "-n", "-P", f"--jobs={jobs}", "--format=State")
    return [line.split()[0] for line in listed.split("\n") if line]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_time_limit_and_a_lost_node_cost_nothing_but_time(
    site: str, slurm: SlurmCluster, tmp_path: Path
) -> None:
    recording = small_run.write(tmp_path)
    seeds = [["--starting-seed", str(seed)] for seed in range(2)]

    def start(server: str, name: str, **needs: object) -> Path:
        command = ["mathforge", *eval_command(server, tmp_path, tmp_path / name, "sums:1", *SLOWLY)[3:]]
        job = Job(command, name=name, array=seeds, **needs)
        submit([job], cluster=site, expname=name, output_dir=tmp_path / name)
        return tmp_path / name

    with serving(recording) as quick:
        undisturbed = ["mathforge", *eval_command(quick.address, tmp_path, tmp_path / "whole", "sums:2")[3:]]
        submit([Job(undisturbed, name="whole")], cluster="local", expname="whole")
    with serving(recording, *PACE) as server:
        limited = start(server.address, "limited", time_limit=1)
        stranded = start(server.address, "stranded")
        until(lambda: rows_in_progress(stranded) > 0, "a first row of the job whose node goes", 120)
        (record,) = records.of_experiment("stranded", tmp_path / "jobs")
        node = next(one.node for one in task_states(record).values() if one.node)
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        # The node's daemon is alive and reports for duty again, which is why it comes back by itself.
        assert {one.state for one in ended("limited", tmp_path / "jobs", 600).values()} == {"completed"}
        assert {one.state for one in ended("stranded", tmp_path / "jobs", 600).values()} == {"completed"}

    assert "REQUEUED" in restarts(slurm, "limited", tmp_path)
    assert "NODE_FAIL" in restarts(slurm, "stranded", tmp_path)
    for output in (limited, stranded):
        (log, *_) = [Path(task.log).read_text() for task in records.of_folder(output)[0].jobs[0].tasks]
        assert metrics(output, "sums") == metrics(tmp_path / "whole", "sums"), log
        found, expected = samples(output, "sums"), samples(tmp_path / "whole", "sums")
        key = ("id", "generation", "predicted_answer", "num_generated_tokens")
        assert [[row[k] for k in key] for rows in found.values() for row in rows] == [
            [row[k] for k in key] for rows in expected.values() for row in rows
        ]
    log = Path(records.of_folder(limited)[0].jobs[0].tasks[0].log).read_text()
    assert "the time limit is near; stopping, to be queued again" in log, json.dumps(log)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_job_that_may_not_be_queued_again_is_stopped_and_has_failed(site: str, tmp_path: Path) -> None:
    config = replace(load_cluster(site)[0], max_requeues=0)
    line = f"trap 'touch {tmp_path}/stopped; exit 0' TERM; sleep 300 & wait"
    submit([Job(["bash", "-c", line], time_limit=1)], cluster=config, expname="doomed")
    assert {one.state for one in ended("doomed", tmp_path / "jobs", 300).values()} == {"failed"}
    assert (tmp_path / "stopped").exists()
    (record,) = records.of_experiment("doomed", tmp_path / "jobs")
    assert "timed-out too many times" in Path(record.jobs[0].tasks[0].log).read_text()
