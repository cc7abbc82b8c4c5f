"""Configurations of clusters: where they are found, and what is said about a wrong one."""

from pathlib import Path

import pytest

from mathforge.clusters import load_cluster
from mathforge.clusters.config import CONFIG_DIR_VARIABLES
from mathforge.errors import InputError

FULL = """\
executor: slurm
account: 007
partition: batch
cpu_partition: cpu
job_name_prefix: "ns-"
ssh_tunnel:
  host: login
  user: me
  job_dir: /shared/jobs
containers:
  vllm: /images/vllm.sqsh
mounts:
  - /lustre/me:/workspace
env_vars:
  - HF_TOKEN
  - HF_HOME=/workspace/hf
timeouts:
  batch: 12:00:00
default_timeout: 90
sbatch_kwargs:
  gres: gpu:8
  overcommit: true
"""


@pytest.fixture(autouse=True)
def _nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in CONFIG_DIR_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write(folder: Path, text: str, name: str = "site") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return folder


def test_nemo_skills_keys_are_read_as_written(tmp_path: Path) -> None:
    config, notes = load_cluster("site", write(tmp_path, FULL))
    assert (config.executor, config.account, config.job_name_prefix) == ("slurm", "007", "ns-")
    # YAML 1.1 alone would make 43200 of it.
    assert config.timeouts == {"batch": "12:00:00"}
    assert config.default_timeout == "90"
    assert config.containers == {"vllm": "/images/vllm.sqsh"}
    assert config.sbatch_kwargs == {"gres": "gpu:8", "overcommit": True}
    assert config.environment() == {"HF_HOME": "/workspace/hf"}
    assert config.job_folder() == Path("/shared/jobs")
    assert [note.partition("`")[2].partition("`")[0] for note in notes] == ["ssh_tunnel"]


def test_a_wrong_key_is_named_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"site\.yaml:2: unknown key `partion`") as error:
        load_cluster("site", write(tmp_path, "executor: slurm\npartion: batch\n"))
    assert error.value.hint == "did you mean `partition`?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("executor: slrum", "`executor` is slurm, local or none; got `slrum`"),
        ("mounts: /a:/b", "`mounts` wants lines that begin with `-`, got `/a:/b`"),
        ("mounts: [/a]", "a mount is SOURCE:DESTINATION, got `/a`"),
        ("containers: x", "`containers` wants `name: value` lines, got `x`"),
        ("max_requeues: many", "`max_requeues` wants a whole number, got `many`"),
        ("account: [a]", "`account` wants one value"),
        ("disable_gpus_per_node: maybe", "wants true or false, got `maybe`"),
        ("executor: [", "not YAML"),
        ("- executor", "described by `key: value` lines"),
        ("", "described by `key: value` lines"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        load_cluster("site", write(tmp_path, text))
    assert said in str(error.value)
    assert "site.yaml" in str(error.value)


def test_folders_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "cluster_configs", "account: here")
    assert load_cluster("site")[0].account == "here"
    monkeypatch.setenv("NEMO_SKILLS_CONFIG_DIR", str(write(tmp_path / "theirs", "account: theirs")))
    assert load_cluster("site")[0].account == "theirs"
    monkeypatch.setenv("MATHFORGE_CONFIG_DIR", str(write(tmp_path / "ours", "account: ours")))
    assert load_cluster("site")[0].account == "ours"
    given = write(tmp_path / "given", "account: given")
    assert load_cluster("site", given)[0].account == "given"
    assert load_cluster(str(given / "site.yaml"))[0].account == "given"


def test_local_needs_no_file_and_an_unknown_cluster_is_told(tmp_path: Path) -> None:
    assert load_cluster("local")[0].executor == "local"
    assert load_cluster("none")[0].executor == "none"
    with pytest.raises(InputError, match=r"no cluster `sight`") as error:
        load_cluster("sight", write(tmp_path / "given", FULL))
    assert error.value.hint == "did you mean `site`?"
    with pytest.raises(InputError, match="cannot read"):
        load_cluster("absent.yaml")


@pytest.mark.parametrize(
    ("argument", "on_host"),
    [
        ("/workspace/out", "/lustre/me/out"),
        ("/workspace", "/lustre/me"),
        ("--output-dir=/workspace/out", "--output-dir=/lustre/me/out"),
        ("++input_file=/workspace/a=b.jsonl", "++input_file=/lustre/me/a=b.jsonl"),
        ("/workspaces/out", "/workspaces/out"),
        ("in /workspace/out", "in /workspace/out"),
    ],
)
def test_paths_of_mounts_are_those_of_the_host(tmp_path: Path, argument: str, on_host: str) -> None:
    config, _ = load_cluster("site", write(tmp_path, FULL))
    assert config.on_host(argument) == on_host


def test_a_required_variable_must_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = load_cluster("site", write(tmp_path, "required_env_vars: [WANDB_KEY_FOR_TEST]"))
    with pytest.raises(InputError, match="requires the environment variable WANDB_KEY_FOR_TEST"):
        config.environment()
    monkeypatch.setenv("WANDB_KEY_FOR_TEST", "x")
    assert config.environment() == {}
