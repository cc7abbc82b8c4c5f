"""Jobs as scripts of sbatch, and as processes of this machine."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.waiting import until

from mathforge.clusters import ClusterConfig, Job, records, submit
from mathforge.clusters.slurm import minutes
from mathforge.errors import ClusterError, InputError

SITE = ClusterConfig(
    "site",
    account="math",
    partition="gpu",
    cpu_partition="cpu",
    job_name_prefix="x-",
    mounts=["/lustre/me:/workspace"],
    timeouts={"gpu": "2:00:00"},
)


def here(tmp_path: Path, **more: object) -> ClusterConfig:
    return replace(ClusterConfig("local", executor="local", job_dir=str(tmp_path / "jobs")), **more)


def flags(script: str) -> dict[str, str]:
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")]
    return dict(line.partition("=")[::2] for line in lines)


def scripts(capsys: pytest.CaptureFixture[str], *jobs: Job, config: ClusterConfig = SITE) -> list[str]:
    found = [one.script for one in submit(jobs, cluster=config, dry_run=True)]
    shown = capsys.readouterr().out
    assert all(script in shown for script in found)
    return found


def test_an_array_and_the_job_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    chunks = Job(
        ["mathforge", "eval", "--output-dir", "/workspace/run"],
        name="eval",
        array=[["--chunk-ids", "0"], ["--chunk-ids", "1"], ["--chunk-ids", "2"]],
        gpus=8,
        parallelism=2,
        qos="high",
        time_min="0:30:00",
        exclusive=True,
        sbatch_kwargs={"mail_user": "me", "hint": None},
        dependent_jobs=1,
    )
    table = Job(
        ["mathforge", "summarize", "/workspace/run"], name="table", after=["eval"], dependency="afterok"
    )
    first, second = scripts(capsys, chunks, table)
    told = flags(first)
    assert told["array"].strip("'") == "0-2%2"
    assert (told["gpus-per-node"], told["partition"], told["account"]) == ("8", "gpu", "math")
    assert (told["time"], told["time-min"], told["qos"]) == ("120", "0:30:00", "high")
    assert told["mail-user"] == "me"
    assert {"exclusive", "requeue"} <= told.keys()
    assert "hint" not in told
    assert "dependency" not in told
    assert told["job-name"] == "x-eval"
    assert "# task 2: mathforge eval --output-dir /lustre/me/run --chunk-ids 2" in first
    assert "--container-image" not in first
    told = flags(second)
    assert (told["partition"], told["time"]) == ("cpu", "240")
    assert told["dependency"] == "afterok:JOB_ID_OF_eval"
    assert told["kill-on-invalid-dep"] == "yes"


def test_a_container_is_started_where_the_site_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(["mathforge", "eval", "--output-dir", "/workspace/run"], container="vllm", mounts=["/a:/b"])
    (without,) = scripts(capsys, job)
    assert "container" not in without
    config = replace(SITE, containers={"vllm": "/images/vllm.sqsh"})
    (inside,) = scripts(capsys, job, config=config)
    assert "--container-image=/images/vllm.sqsh" in inside
    assert "--container-mounts=/lustre/me:/workspace,/a:/b" in inside
    assert " python3 -u -m submitit.core._submit" in inside
    assert "# task 0: mathforge eval --output-dir /workspace/run" in inside
    with pytest.raises(InputError, match="no container `vlm`"):
        submit([replace(job, container="vlm")], cluster=config, dry_run=True)


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(["mathforge", "eval"])
    for config in (replace(SITE, job_dir=str(tmp_path / "jobs")), here(tmp_path)):
        submit([job], cluster=config, output_dir=tmp_path / "out", log_dir=tmp_path / "logs", dry_run=True)
    shown = capsys.readouterr().out
    assert '"cpu_partition": "cpu"' in shown
    assert list(tmp_path.iterdir()) == []


def test_a_line_break_in_an_argument_stays_in_its_comment(capsys: pytest.CaptureFixture[str]) -> None:
    (script,) = scripts(capsys, Job(["bash", "-c", "echo a\nrm -rf b"]))
    assert not any(line.startswith("rm") for line in script.splitlines())


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("30", 30),
        ("1:30", 2),
        ("04:00:00", 240),
        ("2-0", 2880),
        ("1-02:30", 1590),
        ("1-0:0:30", 1441),
        ("1:0:0:0", 1440),
    ],
)
def test_time_limits_in_all_forms_of_sbatch(limit: str, expected: int) -> None:
    assert minutes(limit) == expected


@pytest.mark.parametrize("limit", ["", "soon", "0", "1-", "-1", "1:2:3:4:5", "1-2:3:4:5"])
def test_other_time_limits_are_refused(limit: str) -> None:
    with pytest.raises(InputError, match="not a time limit"):
        minutes(limit)


def test_jobs_of_one_submission_must_fit_together() -> None:
    job = Job(["true"], name="a")
    for jobs, said in (
        ([], "no jobs"),
        ([job, job], "two jobs"),
        ([replace(job, after=["b"]), replace(job, name="b")], "waits for `b`"),
    ):
        with pytest.raises(InputError, match=said):
            submit(jobs, cluster=SITE, dry_run=True)
    with pytest.raises(InputError, match="list of words"):
        Job("mathforge eval")
    with pytest.raises(InputError, match="not a name of a job"):
        Job(["true"], name="a b")
    with pytest.raises(InputError, match="not a name of an experiment"):
        submit([job], cluster=SITE, expname="../a", dry_run=True)


def test_without_slurm_scripts_are_shown_and_nothing_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    config = replace(SITE, job_dir=str(tmp_path / "jobs"))
    assert submit([Job(["true"])], cluster=config, output_dir=tmp_path / "out", dry_run=True)[0].script
    with pytest.raises(ClusterError, match="no sbatch on this machine") as error:
        submit([Job(["true"])], cluster=config, output_dir=tmp_path / "out")
    assert "login node" in str(error.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_local_jobs_run_in_order_with_their_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = f"import os, sys; open({str(log)!r}, 'a').write(os.environ['WHO'] + sys.argv[1])"
    array = Job([sys.executable, "-c", line], name="a", array=[["1"], ["2"]], environment={"WHO": "task"})
    last = Job([sys.executable, "-c", line, "3"], name="b", after=["a"])
    config = here(tmp_path, env_vars=["WHO=site"])
    done = submit([array, last], cluster=config, expname="e", output_dir=tmp_path / "out")
    assert log.read_text() == "task1task2site3"
    assert [len(one.ids) for one in done] == [2, 1]
    (record,) = records.of_experiment("e", config.job_folder())
    assert [record] == records.of_folder(tmp_path / "out")
    assert [[task.exit_code for task in job.tasks] for job in record.jobs] == [[0, 0], [0]]


def test_a_failed_local_job_is_named_and_the_others_run(tmp_path: Path) -> None:
    fails = Job(["bash", "-c", "echo why >&2; exit 3"], name="fails", array=[[], []])
    after = Job(["touch", str(tmp_path / "ran")], name="after", after=["fails"])
    never = Job(["touch", str(tmp_path / "never")], name="never", after=["fails"], dependency="afterok")
    config = here(tmp_path, parallelism=2)
    with pytest.raises(ClusterError, match=r"(?s)fails: exit status 3.*never: not started"):
        submit([fails, after, never], cluster=config, log_dir=tmp_path / "logs")
    assert (tmp_path / "ran").exists()
    assert not (tmp_path / "never").exists()
    assert (tmp_path / "logs" / "fails-0.log").read_text() == "why\n"


def test_an_absent_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot start `no-such-program`"):
        submit([Job(["no-such-program"])], cluster=here(tmp_path))


def test_ctrl_c_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    line = f"echo >> {tmp_path}/started; exec sleep 60"
    code = (
        "from mathforge.clusters import *\n"
        f"job = Job(['bash', '-c', {line!r}], array=[[], [], []])\n"
        f"here = ClusterConfig('local', executor='local', parallelism=2, job_dir={str(tmp_path)!r})\n"
        "submit([job], cluster=here)\n"
    )
    submitter = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stderr=subprocess.DEVNULL
    )
    started = tmp_path / "started"
    until(lambda: started.exists() and started.read_text() == "\n\n", "two tasks")
    submitter.send_signal(signal.SIGINT)  # to the submitter alone, as a notebook does
    assert submitter.wait(20) != 0
    assert started.read_text() == "\n\n"


def test_run_after_wants_a_known_name(tmp_path: Path) -> None:
    config = here(tmp_path)
    submit([Job(["true"])], cluster=config, expname="first")
    submit([Job(["true"])], cluster=config, expname="second", run_after=["first"])
    with pytest.raises(InputError, match="nothing was submitted as `frist`") as error:
        submit([Job(["true"])], cluster=config, expname="third", run_after="frist")
    assert error.value.hint == "did you mean `first`?"


def test_damaged_records_are_named(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "1.json").write_text(json.dumps({"jobs": 3}))
    with pytest.raises(InputError, match=r"1\.json: not a record"):
        records.of_experiment("e", tmp_path)
