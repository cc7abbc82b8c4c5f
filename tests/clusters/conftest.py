"""A real Slurm cluster for the tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.slurm_cluster import SlurmCluster, missing, slurm_cluster


@pytest.fixture(scope="session")
def _running() -> Iterator[SlurmCluster]:
    if absent := missing():
        how = "`make .make/slurm` installs Debian's packages"
        if "MATHFORGE_WITHOUT_SLURM" in os.environ:
            pytest.skip(f"MATHFORGE_WITHOUT_SLURM is set, and Slurm is not installed; {how}")
        pytest.fail(
            f"not installed: {', '.join(absent)}; {how}, MATHFORGE_WITHOUT_SLURM=1 leaves these tests out"
        )
    with slurm_cluster() as cluster:
        yield cluster


@pytest.fixture
def slurm(_running: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> SlurmCluster:
    """Three nodes; sbatch of this process and of its children goes to them."""
    for name, value in _running.environment.items():
        monkeypatch.setenv(name, value)
    return _running


@pytest.fixture
def site(slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a configuration for these nodes, which have neither containers nor GPUs."""
    (tmp_path / "cluster_configs").mkdir()
    (tmp_path / "cluster_configs" / "site.yaml").write_text(
        f"executor: slurm\npartition: batch\ncpu_partition: cpu\njob_dir: {tmp_path}/jobs\n"
        f"disable_gpus_per_node: true\nmounts:\n  - {tmp_path}:/workspace\nenv_vars:\n  - SITE=loopback\n"
    )
    monkeypatch.setenv("MATHFORGE_CONFIG_DIR", str(tmp_path / "cluster_configs"))
    monkeypatch.setenv("MATHFORGE_JOB_DIR", str(tmp_path / "jobs"))
    return "site"
