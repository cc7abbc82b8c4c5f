"""The YAML file that describes a cluster: NeMo-Skills' keys, found where NeMo-Skills finds them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import InputError

Executor = Literal["slurm", "local", "none"]

CONFIG_DIR_VARIABLES = ("MATHFORGE_CONFIG_DIR", "NEMO_SKILLS_CONFIG_DIR")
JOB_DIR_VARIABLE = "MATHFORGE_JOB_DIR"

# Keys of NeMo-Skills that arrange what does not exist here -> why they change nothing.
WITHOUT_EFFECT = {
    "ssh_tunnel": "jobs are submitted from the machine this command runs on",
    "extra_package_dirs": "code is not packaged: the job uses the installed package",
    "skip_hf_home_check": "HF_HOME is not checked",
    "cluster_arch": "wheels are chosen by pip",
}


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster, as its YAML file describes it.

    Attributes:
        name: what it was asked for as.
        executor: `slurm`; `local` and `none` both are processes of this machine, without containers.
        account: charged for the jobs.
        partition: queue of jobs; those without GPUs go to `cpu_partition` when there is one.
        cpu_partition: queue of jobs without GPUs.
        job_name_prefix: in front of the names in the queue.
        job_dir: records, scripts and logs; every node must see it. Default: $MATHFORGE_JOB_DIR, else
            ~/.mathforge/jobs.
        containers: name -> image, started through pyxis. None are used when this is empty.
        mounts: `SOURCE:DESTINATION`. Without containers a path under DESTINATION in a job's arguments is
            replaced by the one under SOURCE.
        env_vars: `NAME` (taken from the environment of the submission) or `NAME=VALUE`.
        required_env_vars: names that must be set when submitting.
        default_timeout: time limit of jobs, in Slurm's form.
        timeouts: partition -> time limit.
        dependency_type: how jobs wait for others; afterany means whether or not those succeeded.
        disable_gpus_per_node: never ask for GPUs, for sites that give whole nodes.
        sbatch_kwargs: options of every job.
        python: command that starts the Python with this package on a node; default: the one in use, and
            `python3` inside a container.
        max_requeues: how often a job that reaches its time limit is put into the queue again.
        parallelism: tasks of an array at a time on this machine.
    """

    name: str
    executor: Executor = "slurm"
    account: str | None = None
    partition: str | None = None
    cpu_partition: str | None = None
    job_name_prefix: str = ""
    job_dir: str | None = None
    containers: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[str] = ()
    env_vars: Sequence[str] = ()
    required_env_vars: Sequence[str] = ()
    default_timeout: str = "04:00:00"
    timeouts: Mapping[str, str] = field(default_factory=dict)
    dependency_type: str = "afterany"
    disable_gpus_per_node: bool = False
    sbatch_kwargs: Mapping[str, object] = field(default_factory=dict)
    python: str | None = None
    max_requeues: int = 10
    parallelism: int = 1

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    def job_folder(self) -> Path:
        """Where records and logs go."""
        return (
            Path(self.job_dir or os.environ.get(JOB_DIR_VARIABLE) or "~/.mathforge/jobs")
            .expanduser()
            .absolute()
        )

    def environment(self) -> dict[str, str]:
        """The variables with a value; bare names reach the job with the environment it is sent from.

        Raises:
            InputError: a required variable is not set.
        """
        given = dict(entry.split("=", 1) for entry in self.env_vars if "=" in entry)
        for name in self.required_env_vars:
            if name.partition("=")[0] not in given and name not in os.environ:
                raise InputError(
                    f"the cluster `{self.name}` requires the environment variable {name}",
                    hint=f"export {name}=...",
                )
        return given

    def on_host(self, argument: str) -> str:
        """An argument with the destination of a mount replaced by its source, as it is without containers.

        Looks at the whole argument and at what follows its first `=`.
        """
        flag, equals, value = argument.partition("=")
        for mount in self.mounts:
            source, _, destination = mount.partition(":")
            destination = destination.partition(":")[0].rstrip("/") or source
            for head, path in (("", argument), (flag + equals, value)):
                if path == destination or path.startswith(f"{destination}/"):
                    return head + source.rstrip("/") + path[len(destination) :]
        return argument


def load_cluster(cluster: str, config_dir: str | Path | None = None) -> tuple[ClusterConfig, list[str]]:
    """The configuration of a cluster.

    Args:
        cluster: a name, looked up as NAME.yaml in `config_dir`, in $MATHFORGE_CONFIG_DIR,
            $NEMO_SKILLS_CONFIG_DIR and ./cluster_configs; or the path of a YAML file. `local` and `none` need
            no file.
        config_dir: searched first.

    Returns:
        The configuration, and notes for the user.

    Raises:
        InputError: no such file, an unknown key (with line and the nearest known one), or a value of the
            wrong kind.
    """
    path = _find(cluster, config_dir)
    if path is None:
        return ClusterConfig(cluster, executor="none" if cluster == "none" else "local"), []
    return _read(cluster, path)


def _find(cluster: str, config_dir: str | Path | None) -> Path | None:
    if cluster.endswith((".yaml", ".yml")):
        return Path(cluster)
    folders = [config_dir, *map(os.environ.get, CONFIG_DIR_VARIABLES), "cluster_configs"]
    searched = [Path(folder).expanduser() for folder in folders if folder]
    for folder in searched:
        for suffix in (".yaml", ".yml"):
            if (folder / f"{cluster}{suffix}").is_file():
                return folder / f"{cluster}{suffix}"
    if cluster in ("local", "none"):
        return None
    known = sorted({path.stem for folder in searched for path in folder.glob("*.y*ml")} | {"local", "none"})
    near = get_close_matches(cluster, known, n=1)
    raise InputError(
        f"no cluster `{cluster}`: there is no {cluster}.yaml in {', '.join(map(str, searched))}",
        hint=f"did you mean `{near[0]}`?"
        if near
        else f"known here: {', '.join(known)}; --config-dir names another folder",
    )


def _read(cluster: str, path: Path) -> tuple[ClusterConfig, list[str]]:
    known = [item.name for item in fields(ClusterConfig) if item.name != "name"]
    values: dict[str, Any] = {}
    notes = []
    for key, node in _entries(path):
        where = f"{path}:{node.start_mark.line + 1}"
        if key in WITHOUT_EFFECT:
            notes.append(f"{where}: `{key}` has no effect: {WITHOUT_EFFECT[key]}")
            if key == "ssh_tunnel" and isinstance(node.value, list):
                inside = {name.value: value.value for name, value in node.value}
                values.setdefault("job_dir", inside.get("job_dir"))
        elif key not in known:
            near = get_close_matches(key, [*known, *WITHOUT_EFFECT], n=1)
            raise InputError(
                f"{where}: unknown key `{key}`",
                hint=f"did you mean `{near[0]}`?" if near else f"keys: {', '.join(known)}",
            )
        elif not node.tag.endswith(":null"):
            values[key] = _value(key, node, where)
    return ClusterConfig(cluster, **values), notes


def _entries(path: Path) -> list[tuple[str, Any]]:
    """Keys and nodes of a YAML file. Nodes keep lines, and 12:00:00 as it was written."""
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise InputError(
            f"{path}: a cluster is described by `key: value` lines", hint="for example `executor: slurm`"
        )
    return [(str(key.value), value) for key, value in root.value]


_MAPPINGS = ("containers", "timeouts", "sbatch_kwargs")
_LISTS = ("mounts", "env_vars", "required_env_vars")
_WHOLE_NUMBERS = ("max_requeues", "parallelism")
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _value(key: str, node: Any, where: str) -> Any:
    scalar = isinstance(node.value, str)
    if key in _MAPPINGS:
        if not node.tag.endswith(":map"):
            raise InputError(f"{where}: `{key}` wants `name: value` lines, got `{_shown(node)}`")
        pairs = {name.value: _plain(inside) for name, inside in node.value}
        return pairs if key == "sbatch_kwargs" else {name: str(value) for name, value in pairs.items()}
    if key in _LISTS:
        if not node.tag.endswith(":seq") or not all(isinstance(item.value, str) for item in node.value):
            raise InputError(f"{where}: `{key}` wants lines that begin with `-`, got `{_shown(node)}`")
        entries = [item.value for item in node.value]
        if key == "mounts" and (wrong := [entry for entry in entries if ":" not in entry]):
            raise InputError(f"{where}: a mount is SOURCE:DESTINATION, got `{wrong[0]}`")
        return entries
    if not scalar:
        raise InputError(f"{where}: `{key}` wants one value, got `{_shown(node)}`")
    if key in _WHOLE_NUMBERS:
        if not node.value.isdecimal():
            raise InputError(f"{where}: `{key}` wants a whole number, got `{node.value}`")
        return int(node.value)
    if key == "disable_gpus_per_node":
        if node.value.lower() not in _SWITCHES:
            raise InputError(f"{where}: `{key}` wants true or false, got `{node.value}`")
        return _SWITCHES[node.value.lower()]
    if key == "executor" and node.value not in get_args(Executor):
        near = get_close_matches(node.value, get_args(Executor), n=1)
        raise InputError(
            f"{where}: `executor` is slurm, local or none; got `{node.value}`",
            hint=f"did you mean `{near[0]}`?" if near else None,
        )
    return node.value


def _plain(node: Any) -> object:
    """What an option of sbatch is given: a switch, or the text as written."""
    is_switch = node.tag.endswith(":bool")
    return _SWITCHES[node.value.lower()] if is_switch else node.value


def _shown(node: Any) -> str:
    return node.value if isinstance(node.value, str) else node.tag.rpartition(":")[2]
