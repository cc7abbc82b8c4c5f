"""Where jobs run: this machine, or a Slurm cluster described by a YAML file with NeMo-Skills' keys.

A job is a command line. What runs on a cluster is the same `mathforge eval ...` that a user types, without
its cluster flags, so that a run on Slurm and a run here are one code path:

    from mathforge.clusters import Job, submit

    chunks = Job(["mathforge", "eval", ...], name="eval", array=[["--chunk-ids", "0"], ["--chunk-ids", "1"]])
    table = Job(["mathforge", "summarize", "runs/a"], name="table", after=["eval"])
    submit([chunks, table], cluster="slurm", expname="a", output_dir="runs/a")
"""

from .config import ClusterConfig, load_cluster
from .job import Job
from .submitting import Submitted, submit

__all__ = ["ClusterConfig", "Job", "Submitted", "load_cluster", "submit"]
