"""The command lines of model servers: vLLM, SGLang, TensorRT-LLM, and the replay server."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ..config import ServerType
from ..errors import InputError

_MASTER_PORT_OFFSET = 10_000  # of the port on which nodes find each other, from the HTTP port


@dataclass(frozen=True, slots=True)
class Launch:
    """Model servers to start.

    Attributes:
        model: path or name of the model; may be None for a replay, which knows its own.
        server_type: vllm, sglang, trtllm or replay.
        gpus: GPUs of one replica on one node.
        nodes: nodes of one replica.
        args: more arguments of the server's own command, as one would type them.
        replicas: servers side by side, each with GPUs, address and log of its own.
        entrypoint: words in place of the command, for example `/opt/vllm/bin/vllm serve`.
        recordings: what a replay plays: files, folders or `demo`.
        host: address to listen on.
        port: of the first replica, the others follow; None chooses free ones.
        start_timeout_s: how long a server may take to answer.
        max_restarts: how often a server that died is started again.
    """

    model: str | None = None
    server_type: ServerType = "vllm"
    gpus: int = 1
    nodes: int = 1
    args: str = ""
    replicas: int = 1
    entrypoint: str | None = None
    recordings: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int | None = None
    start_timeout_s: float = 1800.0
    max_restarts: int = 5

    def __post_init__(self) -> None:
        """Refuses what cannot be started.

        Raises:
            InputError: which argument, and what it may be.
        """
        if self.server_type not in _BUILDERS:
            raise InputError(
                f"no server of type `{self.server_type}` can be started here",
                hint=f"--server-type is one of {', '.join(_BUILDERS)}; or give --server-address",
            )
        if self.server_type == "replay":
            if not self.recordings:
                raise InputError(
                    "--server-type replay needs a recording", hint="add --replay FILE, or --replay demo"
                )
        elif not self.model:
            raise InputError("--model is missing: there is nothing to serve")
        for name in ("gpus", "nodes", "replicas"):
            if getattr(self, name) < (0 if name == "gpus" else 1):
                raise InputError(f"--{'' if name == 'replicas' else 'server-'}{name} is out of range")
        if self.nodes > 1 and self.replicas > 1:
            raise InputError(
                "replicas that each take several nodes need a job each",
                hint="use --num-jobs, or --server-nodes 1",
            )
        try:
            shlex.split(self.args)
        except ValueError as error:
            raise InputError(f"--server-args: {error}: `{self.args}`") from None


@dataclass(frozen=True, slots=True)
class Command:
    """One process to start.

    Attributes:
        argv: program and arguments.
        environment: variables that differ from this process's.
        address: where it will answer, ending in /v1.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    address: str

    def __str__(self) -> str:
        """As one would type it."""
        return " ".join(
            [*(f"{k}={shlex.quote(v)}" for k, v in self.environment.items()), shlex.join(self.argv)]
        )


def commands(launch: Launch, ports: list[int]) -> list[Command]:
    """One command per replica.

    Args:
        launch: what to start.
        ports: one for each replica.

    Raises:
        InputError: fewer GPUs are visible than asked for.
    """
    shares = _gpu_shares(launch)
    reached = "127.0.0.1" if launch.host in {"0.0.0.0", "::"} else launch.host
    return [
        Command(
            tuple(_over_nodes(launch, port) if launch.nodes > 1 else _argv(launch, port)),
            {"CUDA_VISIBLE_DEVICES": share} if share else {},
            f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/v1",
        )
        for port, share in zip(ports, shares, strict=True)
    ]


def _gpu_shares(launch: Launch) -> list[str | None]:
    """The GPUs of each replica; None leaves the choice to the server."""
    if launch.replicas == 1 or launch.gpus == 0 or launch.server_type == "replay":
        return [None] * launch.replicas
    wanted = launch.gpus * launch.replicas
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(number) for number in range(wanted)] if visible is None else visible.split(",")
    if len(names) < wanted:
        raise InputError(
            f"{launch.replicas} replicas of {launch.gpus} GPUs need {wanted}, "
            f"CUDA_VISIBLE_DEVICES names {len(names)}",
            hint="ask for fewer --replicas or --server-gpus",
        )
    return [",".join(names[at : at + launch.gpus]) for at in range(0, wanted, launch.gpus)]


def _argv(launch: Launch, port: int, rank: str | None = None, master: str = "") -> list[str]:
    """The server's own command line; `rank` and `master` where it spans nodes."""
    return [*_BUILDERS[launch.server_type](launch, port, rank, master), *shlex.split(launch.args)]


def _vllm(launch: Launch, port: int, rank: str | None, master: str) -> list[str]:
    assert launch.model is not None
    entry = _entry(launch, "vllm serve")
    argv = [*entry, *(["--model"] if "api_server" in entry[-1] else []), launch.model]
    argv += ["--served-model-name", launch.model, "--host", launch.host, "--port", str(port)]
    if launch.gpus * launch.nodes > 1:
        argv += ["--tensor-parallel-size", str(launch.gpus * launch.nodes)]
    if rank is not None:
        argv += ["--nnodes", str(launch.nodes), "--node-rank", rank]
        argv += ["--master-addr", master, "--master-port", str(_master_port(port))]
    return argv


def _sglang(launch: Launch, port: int, rank: str | None, master: str) -> list[str]:
    assert launch.model is not None
    argv = [*_entry(launch, "python3 -m sglang.launch_server"), "--model-path", launch.model]
    argv += ["--served-model-name", launch.model, "--host", launch.host, "--port", str(port)]
    if launch.gpus * launch.nodes > 1:
        argv += ["--tp-size", str(launch.gpus * launch.nodes)]
    if rank is not None:
        argv += ["--nnodes", str(launch.nodes), "--node-rank", rank]
        argv += ["--dist-init-addr", f"{master}:{_master_port(port)}"]
    return argv


def _trtllm(launch: Launch, port: int, rank: str | None, master: str) -> list[str]:
    # No served name: older versions do not know the option, and the client takes the folder's name too.
    assert launch.model is not None
    argv = [*_entry(launch, "trtllm-serve"), launch.model, "--host", launch.host, "--port", str(port)]
    if launch.gpus * launch.nodes > 1:
        argv += ["--tp_size", str(launch.gpus * launch.nodes)]
    return argv


def _replay(launch: Launch, port: int, rank: str | None, master: str) -> list[str]:
    argv = [*_entry(launch, f"{shlex.quote(sys.executable)} -m mathforge serve")]
    argv += ["--host", launch.host, "--port", str(port)]
    for recording in launch.recordings:
        argv += ["--replay", recording]
    return argv + (["--model", launch.model] if launch.model else [])


_BUILDERS = {"vllm": _vllm, "sglang": _sglang, "trtllm": _trtllm, "replay": _replay}


def _entry(launch: Launch, usual: str) -> list[str]:
    return shlex.split(launch.entrypoint or usual)


def _master_port(port: int) -> int:
    return port + _MASTER_PORT_OFFSET if port + _MASTER_PORT_OFFSET < 65536 else port - _MASTER_PORT_OFFSET


def _over_nodes(launch: Launch, port: int) -> list[str]:
    """The same command on every node of a Slurm job; the first, where this runs, is the one that answers."""
    if "SLURM_JOB_ID" not in os.environ:
        raise InputError(
            f"a server over {launch.nodes} nodes needs a Slurm job of as many nodes",
            hint="add --cluster NAME, or run this inside `salloc --nodes ...`",
        )
    srun = ["srun", "--overlap", "--kill-on-bad-exit=1", f"--nodes={launch.nodes}"]
    if launch.server_type == "trtllm":  # one process per GPU, which find each other through MPI
        srun += [f"--ntasks={launch.nodes * launch.gpus}", f"--ntasks-per-node={launch.gpus}", "--mpi=pmix"]
        return [*srun, "trtllm-llmapi-launch", *_argv(launch, port)]
    srun += [f"--ntasks={launch.nodes}", "--ntasks-per-node=1"]
    line = shlex.join(_argv(launch, port, "@RANK@", "@MASTER@"))
    line = line.replace("@RANK@", '"$SLURM_NODEID"').replace("@MASTER@", '"$MATHFORGE_FIRST_NODE"')
    if launch.server_type == "vllm":  # only the first node has an HTTP server
        line += ' $([ "$SLURM_NODEID" = 0 ] || echo --headless)'
    return [*srun, f"--export=ALL,MATHFORGE_FIRST_NODE={os.uname().nodename}", "sh", "-c", f"exec {line}"]
