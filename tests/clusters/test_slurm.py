"""Jobs on three real Slurm nodes on loopback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benches.samples import rows
from support import small_run
from support.commands import MATHFORGE, eval_command, metrics, samples, serving
from support.published_recipes import FINAL, recorded, rounds, write_rows
from support.slurm_cluster import SlurmCluster
from support.waiting import ended, until

from mathforge.clusters import Job, records, submit
from mathforge.clusters.states import task_states
from mathforge.errors import ClusterError


def mathforge(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MATHFORGE, *arguments], capture_output=True, text=True, check=False, timeout=60)


def states(name: str, tmp_path: Path) -> list[str]:
    return [one.state for one in ended(name, tmp_path / "jobs").values()]


def test_four_seeds_in_an_array_and_a_dependent_table_equal_the_local_run(site: str, tmp_path: Path) -> None:
    recording = small_run.write(tmp_path)
    with serving(recording) as server:
        command = ["mathforge", *eval_command(server.address, tmp_path, tmp_path / "here", "sums:4")[3:]]
        subprocess.run([*MATHFORGE, *command[1:]], check=True, capture_output=True, timeout=120)
        where = Path("/workspace/there")
        command = ["mathforge", *eval_command(server.address, tmp_path, where, "sums:1")[3:]]
        seeds = [["--starting-seed", str(seed)] for seed in range(4)]
        outputs = [f"{where}/eval-results/sums/output-rs{seed}.jsonl" for seed in range(4)]
        jobs = [
            Job(command, name="eval", array=seeds, gpus=1, parallelism=2, outputs=outputs, dependent_jobs=1),
            Job(["mathforge", "summarize", str(where)], name="table", after=["eval"], dependency="afterok"),
        ]
        submit(jobs, cluster=site, expname="sums", output_dir=where)
        assert states("sums", tmp_path) == ["completed"] * 9

    def rows(folder: str) -> dict[int, list[tuple[str, str, bool]]]:
        keys = ("id", "generation", "predicted_answer", "symbolic_correct", "num_generated_tokens")
        found = samples(tmp_path / folder, "sums")
        return {seed: [tuple(row[key] for key in keys) for row in rows] for seed, rows in found.items()}

    assert rows("there") == rows("here")
    # Each task writes a table of what is there when it ends; those of the dependent job see all of it.
    assert metrics(tmp_path / "there", "sums") == metrics(tmp_path / "here", "sums")
    log = _log("sums", "table", tmp_path)
    assert "majority@4" in log

    shown = mathforge("status", "sums", "--json")
    facts = json.loads(shown.stdout)[-1]
    assert [(rows["done"], rows["wanted"]) for rows in facts["rows"]] == [(24, 24)]
    by_folder = mathforge("status", str(tmp_path / "there"))
    assert by_folder.returncode == 0
    assert "eval: 4 completed" in by_folder.stdout
    assert "eval (dependent job 1): 4 completed" in by_folder.stdout
    assert "24 of 24 rows in" in by_folder.stdout


def test_eval_with_cluster_is_the_same_command_in_shares(site: str, tmp_path: Path) -> None:
    recording = small_run.write(tmp_path)
    with serving(recording) as server:
        local = eval_command(server.address, tmp_path, tmp_path / "here", "sums:4")
        subprocess.run(local, check=True, capture_output=True, timeout=120)
        command = eval_command(server.address, tmp_path, Path("/workspace/there"), "sums:4")
        command += ["--cluster", site, "--expname", "sums", "--num-jobs", "4", "--dependent-jobs", "1"]
        dry = subprocess.run([*command, "--dry-run"], check=True, capture_output=True, text=True, timeout=60)
        assert dry.stdout.count("#SBATCH --array") == 1
        assert not (tmp_path / "there").exists()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert states("sums", tmp_path) == ["completed"] * 8
    assert metrics(tmp_path / "there", "sums") == metrics(tmp_path / "here", "sums")
    assert "24 of 24 rows in" in mathforge("status", str(tmp_path / "there")).stdout


def test_a_judge_is_a_job_behind_the_array(site: str, tmp_path: Path) -> None:
    problems = [small_run.problem(number) for number in range(small_run.PROBLEMS)]
    yes = rounds(FINAL.format("Judgement: Yes"), stop=200012)
    judgements = write_rows(tmp_path / "yes.jsonl", list(recorded(problems, 2, [], yes)))
    with serving(small_run.write(tmp_path)) as server, serving(judgements) as judge:
        flags = ["--judge-server-address", judge.address]
        here = eval_command(server.address, tmp_path, tmp_path / "here", "sums:2", *flags)
        subprocess.run(here, check=True, capture_output=True, timeout=120)
        there = eval_command(server.address, tmp_path, Path("/workspace/there"), "sums:2", *flags)
        there += ["--cluster", site, "--expname", "judged", "--num-jobs", "2"]
        subprocess.run(there, check=True, capture_output=True, timeout=60)
        assert states("judged", tmp_path) == ["completed"] * 3
    assert metrics(tmp_path / "there", "sums") == metrics(tmp_path / "here", "sums")
    modes = metrics(tmp_path / "there", "sums")["sums"]["pass@1[avg-of-2]"]
    assert modes["judge_correct"] > modes["symbolic_correct"]
    assert "judge_correct" in _log("judged", "judged-judge", tmp_path)


def _log(experiment: str, job: str, tmp_path: Path) -> str:
    facts = json.loads(mathforge("status", experiment, "--json").stdout)[-1]
    (task,) = next(one for one in facts["jobs"] if one["name"] == job)["tasks"]
    return Path(task["log"]).read_text()


def test_a_failed_task_is_shown_with_its_last_lines(site: str, tmp_path: Path) -> None:
    fails = Job(
        ["bash", "-c", 'echo "$SITE $OWN: no such model" >&2; exit $0'],
        name="fails",
        array=[["3"], ["0"]],
        environment={"OWN": "mine"},
    )
    after = Job(["mathforge", "--version"], name="after", after=["fails"])
    never = Job(["true"], name="never", after=["fails"], dependency="afterok")
    submit([fails, after, never], cluster=site, expname="failing")
    assert states("failing", tmp_path) == ["failed", "completed", "completed", "cancelled"]
    shown = mathforge("status", "failing")
    assert shown.returncode == 1
    assert "fails: 1 failed, 1 completed" in shown.stdout
    assert "| loopback mine: no such model" in shown.stdout
    assert "Traceback" not in shown.stdout
    assert "mathforge 0." in _log("failing", "after", tmp_path)


def test_run_after_waits_and_cancel_ends_what_runs_and_waits(
    site: str, slurm: SlurmCluster, tmp_path: Path
) -> None:
    marker = tmp_path / "started"
    submit([Job(["bash", "-c", f"touch {marker}; sleep 300"], name="long")], cluster=site, expname="first")
    submit([Job(["true"], name="then", dependent_jobs=2)], cluster=site, expname="second", run_after="first")
    until(marker.exists, "the first job starts")
    waiting = json.loads(mathforge("status", "second", "--json").stdout)[-1]
    assert {task["state"] for job in waiting["jobs"] for task in job["tasks"]} == {"waiting"}
    assert "first" in mathforge("status").stdout
    cancelled = mathforge("cancel", "first")
    assert len(cancelled.stdout.split()) == 1, cancelled.stderr
    assert states("first", tmp_path) == ["cancelled"]
    assert states("second", tmp_path) == ["completed"] * 3
    assert "nothing to cancel" in mathforge("cancel", "second").stderr


def test_what_sbatch_refuses_is_told(site: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"(?s)sbatch refused the job `job`.*Invalid partition") as error:
        submit([Job(["true"], partition="nowhere")], cluster=site)
    assert "--dry-run" in str(error.value.hint)
    with pytest.raises(ClusterError) as error:
        submit([Job(["true"]), Job(["true"], name="b", partition="nowhere")], cluster=site, expname="half")
    assert "mathforge cancel half" in str(error.value.hint)


def test_a_job_that_slurm_has_forgotten_is_known_by_its_result(site: str, tmp_path: Path) -> None:
    submit([Job(["true"], name="old", dependent_jobs=1)], cluster=site, expname="old")
    states("old", tmp_path)
    (record,) = records.of_experiment("old", tmp_path / "jobs")
    text = record.path.read_text()
    for job in record.jobs:
        (number,) = [task.id for task in job.tasks]
        text = text.replace(f'"{number}"', f'"99{number}"').replace(f"/{number}_0_log", f"/99{number}_0_log")
    record.path.write_text(text)
    (kept, _) = [Path(job.tasks[0].log) for job in record.jobs]
    (kept.parent / f"{record.jobs[0].tasks[0].id}_0_result.pkl").rename(
        kept.parent / f"99{record.jobs[0].tasks[0].id}_0_result.pkl"
    )
    assert [one.state for one in task_states(records.read(record.path)).values()] == ["completed", "unknown"]


def test_a_job_on_two_nodes_runs_its_command_once(site: str, tmp_path: Path) -> None:
    line = (
        "echo run >> runs; srun --overlap --nodes=2 --ntasks=2 bash -c 'echo $SLURMD_NODENAME' | sort > nodes"
    )
    submit([Job(["bash", "-c", f"cd {tmp_path}; {line}"], nodes=2)], cluster=site, expname="two")
    assert states("two", tmp_path) == ["completed"]
    assert (tmp_path / "runs").read_text() == "run\n"
    assert len(set((tmp_path / "nodes").read_text().split())) == 2


def test_aggregation_as_arrays_of_tasks_equals_one_process(site: str, tmp_path: Path) -> None:
    for seed in range(3):
        with (tmp_path / f"output-rs{seed}.jsonl").open("w") as file:
            file.writelines(rows(2000, 0, seed))
    alone = json.loads(mathforge("aggregate", f"{tmp_path}/output-rs*.jsonl", "--json").stdout)
    there = tmp_path / "there.json"
    done = mathforge(
        *("aggregate", "/workspace/output-rs*.jsonl", "--cluster", site, "--expname", "tables"),
        *("--shards", "3", "--metrics-path", str(there)),
    )
    assert done.returncode == 0, done.stderr
    assert set(states("tables", tmp_path)) == {"completed"}
    assert json.loads(there.read_text()) == alone
    assert "majority@3" in _log("tables", "report", tmp_path)
    shown = mathforge("summarize", "/workspace/output-rs*.jsonl", "--cluster", site, "--json")
    assert json.loads(shown.stdout) == alone
    dry = mathforge("aggregate", f"{tmp_path}/output-rs*.jsonl", "--cluster", site, "--dry-run")
    assert dry.stdout.count("#!/bin/bash") == 3
    assert not (tmp_path / ".mathforge").exists()


def test_without_submitit_the_extra_is_named(site: str, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['submitit'] = None\n"
        "from mathforge.clusters import Job, submit\n"
        "submit([Job(['true'])], cluster='site')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "jobs on Slurm need submitit" in done.stderr
