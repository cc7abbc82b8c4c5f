"""The tasks of an aggregation: a plan, its phases, and the jobs they become."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mathforge.aggregating import Settings, aggregate
from mathforge.cli.main import main
from mathforge.clusters import ClusterConfig, submit
from mathforge.errors import ClusterError, InputError
from mathforge.scaling import Plan, in_process, jobs_of, make_plan, on_ray
from mathforge.scaling import plan as plans


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two benchmarks, four seeds each, cut into many shards."""
    chance = random.Random(1)
    for name, problems in (("one", 200), ("two", 31)):
        folder = tmp_path / "eval-results" / name
        folder.mkdir(parents=True)
        for seed in range(4):
            with (folder / f"output-rs{seed}.jsonl").open("w") as file:
                for number in range(problems):
                    answer = chance.choice([None, "1/2", "0.5", str(chance.randrange(3))])
                    row = {"id": f"p{number}", "predicted_answer": answer, "expected_answer": "1/2"}
                    row |= {
                        "symbolic_correct": answer in ("1/2", "0.5"),
                        "num_generated_tokens": chance.randrange(99),
                    }
                    file.write(json.dumps(row) + "\n")
    monkeypatch.setattr("mathforge.sharding._LEAST_PIECE_BYTES", 1000)
    return tmp_path


def same(left: object, right: object) -> bool:
    return json.dumps(left.to_json(), sort_keys=True) == json.dumps(right.to_json(), sort_keys=True)


def test_the_phases_give_the_report_of_one_process(run: Path) -> None:
    plan = make_plan([run], shards=9, counters=5, settings=Settings(threads=1))
    assert len(plan.shards) >= 9
    told: list[tuple[int, int]] = []
    report = in_process(plan, lambda done, total: told.append((done, total)))
    assert same(report, aggregate(run))
    assert report.table() == aggregate(run).table()
    assert told[-1] == (len(plan.shards) + 5, len(plan.shards) + 5)
    assert plan.scanned() == len(plan.shards)
    plan.remove()
    assert not plan.folder.exists()


def test_tasks_in_any_order_and_twice(run: Path) -> None:
    plan = make_plan([run], shards=6, counters=3, settings=Settings(taus=(0.5,)), sympy=True)
    plan.write()
    again = Plan.read(plan.folder)
    assert again == plan
    for index in [*reversed(range(len(plan.shards))), 0, 1]:
        again.scan(index)
    for index in (2, 0, 1, 2):
        again.count(index)
    assert same(again.report(), aggregate(run, settings=Settings(taus=(0.5,))))


def test_the_same_aggregation_has_the_same_folder(run: Path) -> None:
    plan = make_plan([run], shards=6)
    assert make_plan([run], shards=6).folder == plan.folder
    assert make_plan([run], shards=6, settings=Settings(votes="string")).folder != plan.folder
    assert make_plan([run], shards=6, sympy=True).folder != plan.folder
    assert make_plan([run], shards=6, work_dir=run / "work").folder == run / "work"
    assert not plan.folder.exists()


def test_one_benchmark_of_several(run: Path) -> None:
    plan = make_plan([run], shards=6, benchmarks=["two"])
    assert {shard.benchmark for shard in plan.shards} == {"two"}
    assert in_process(plan).to_json().keys() == {"two"}
    with pytest.raises(InputError, match="no such benchmark here: three"):
        make_plan([run], benchmarks=["three"])


def test_a_missing_task_is_an_error_and_not_a_wrong_number(run: Path) -> None:
    plan = make_plan([run], shards=6, counters=2)
    plan.write()
    for index in range(1, len(plan.shards)):
        plan.scan(index)
    with pytest.raises(InputError):
        plan.count(0)
    plan.scan(0)
    plan.count(0)
    with pytest.raises(InputError):
        plan.report()


def test_absent_and_damaged_plans_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no plan of an aggregation in"):
        Plan.read(tmp_path)
    (tmp_path / "plan.json").write_text('{"shards": 3}')
    with pytest.raises(InputError, match=r"plan\.json: not a plan"):
        Plan.read(tmp_path)


def test_large_inputs_get_more_shards(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = len(make_plan([run]).shards)
    monkeypatch.setattr(plans, "_SHARD_BYTES", 2000)
    assert len(make_plan([run]).shards) > few


def test_the_jobs_of_a_plan_run_as_processes(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = make_plan([run], shards=3, counters=2, settings=Settings(threads=1))
    plan.write()
    config = ClusterConfig("local", executor="local", job_dir=str(run / "jobs"))
    metrics = run / "metrics.json"
    submit(jobs_of(plan, ["--metrics-path", str(metrics)]), cluster=config, expname="a")
    assert aggregate(run).table() in capfd.readouterr().out
    assert json.loads(metrics.read_text()) == aggregate(run).to_json()
    assert not plan.folder.exists()


def test_scripts_of_slurm_depend_on_each_other(run: Path) -> None:
    plan = make_plan([run], shards=6, counters=3, settings=Settings(threads=2))
    scan, count, report = (
        one.script for one in submit(jobs_of(plan), cluster=ClusterConfig("site"), dry_run=True)
    )
    assert f"--array='0-{len(plan.shards) - 1}%" in scan.replace("=0-", "='0-")
    assert "--cpus-per-task=2" in scan
    assert "afterok:JOB_ID_OF_scan" in count
    assert "afterok:JOB_ID_OF_count" in report


@pytest.mark.parametrize("command", ["summarize_results", "aggregate"])
def test_on_this_machine_a_cluster_only_says_where_paths_are(
    run: Path, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "here.yaml").write_text(f"executor: local\nmounts:\n  - {run}:/workspace\n")
    monkeypatch.setenv("MATHFORGE_JOB_DIR", str(run / "jobs"))
    assert main([command, "/workspace/eval-results", "--cluster", "here", "--config-dir", str(run)]) == 0
    assert capsys.readouterr().out == aggregate(run).table()
    assert (run / "eval-results" / "metrics.json").exists()
    assert not (run / "jobs").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--address", "a:1"], "--address has no effect without --engine ray"),
        (["--shards", "3"], "--shards has no effect without --engine ray or --cluster"),
        (["--dry-run"], "--dry-run has no effect without --cluster"),
        (["--engine", "ray", "--cluster", "a"], "both say where"),
    ],
)
def test_flags_that_change_nothing_are_refused(
    run: Path, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["aggregate", str(run), *flags]) != 0
    assert said in capsys.readouterr().err


def test_without_ray_the_extra_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ClusterError, match="needs Ray, which is not installed") as error:
        on_ray(replace(make_plan([run]), counters=1))
    assert error.value.hint == "pip install 'mathforge[ray]'"


def test_tasks_that_end_together_may_all_write_the_metrics(run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mathforge.aggregating import aggregate\n"
        "report = aggregate(sys.argv[1])\n"
        "for _ in range(300): report.write_json(Path(sys.argv[1], 'metrics.json'))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(run)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert json.loads((run / "metrics.json").read_text()) == aggregate(run).to_json()
    assert not list(run.glob("*-tmp"))
