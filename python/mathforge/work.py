"""Carrying out what was planned: folders are held, the server is there, all is made, chunks are merged."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from .config import Endpoint
from .errors import InputError
from .launching import Launch, launch
from .overrides import Override, parse_overrides, starts_again
from .running import Run, run_async
from .store import Folder, merge_chunks, output_name
from .units import Part


class ModelOptions(TypedDict, total=False):
    """Who answers, as options of `evaluate` and `generate`.

    Attributes:
        model: name the server knows; may be left out when it serves one model.
        server_type: vllm, sglang, openai, trtllm, generic or replay.
        server_address: for example `http://localhost:8000/v1`; several are separated by commas.
        server_gpus: start the server for this run, each replica on so many GPUs of a node.
        server_nodes: nodes of one replica.
        server_args: more arguments for the server's own command.
        server_entrypoint: words in place of that command.
        replicas: servers to start side by side.
        replay: recordings to play instead of a model: files, folders or `demo`.
    """

    model: str | None
    server_type: str | None
    server_address: str | None
    server_gpus: int | None
    server_nodes: int
    server_args: str
    server_entrypoint: str | None
    replicas: int
    replay: str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Model:
    """Who answers.

    Attributes:
        name: what the server knows it by; None is the only one it serves.
        server_type: vllm, sglang, openai, trtllm, generic or replay.
        address: of the server, for example `http://localhost:8000/v1`; several are separated by commas.
        gpus: start the server for this run, each replica on so many GPUs of a node; None starts none.
        nodes: nodes of one replica.
        args: more arguments for the server's own command.
        entrypoint: words in place of that command.
        replicas: servers to start side by side.
        replay: recordings to play instead of a model: files, folders or `demo`.
    """

    name: str | None = None
    server_type: str | None = None
    address: str | None = None
    gpus: int | None = None
    nodes: int = 1
    args: str = ""
    entrypoint: str | None = None
    replicas: int = 1
    replay: Sequence[str] = ()

    @classmethod
    def of(cls, options: ModelOptions) -> Model:
        """What the options say.

        Raises:
            InputError: an option that there is not.
        """
        if unknown := options.keys() - ModelOptions.__annotations__.keys():
            raise InputError(
                f"unknown option `{sorted(unknown)[0]}`",
                hint=f"who answers is said by {', '.join(ModelOptions.__annotations__)}",
            )
        names = {"model": "name"}
        given = {names.get(key, key.removeprefix("server_")): value for key, value in options.items()}
        given |= {"server_type": options.get("server_type")}
        given.pop("type", None)
        replay = options.get("replay", ())
        given["replay"] = (replay,) if isinstance(replay, str) else tuple(replay)
        return cls(**given)  # type: ignore[arg-type]

    def overrides(self) -> list[Override]:
        """The same as configuration."""
        given = {
            "server.model": self.name,
            "server.server_type": self.server_type or ("replay" if self.replay else None),
            "server.base_url": self.address,
        }
        return [Override(key, value, f"++{key}={value}") for key, value in given.items() if value is not None]

    def check(self, endpoint: Endpoint) -> None:
        """Refuse what contradicts itself.

        Raises:
            InputError: it does.
        """
        if endpoint.server_type == "replay" and not self.replay and endpoint.base_url is None:
            raise InputError(
                "--server-type replay needs a recording", hint="add --replay FILE, or --replay demo"
            )
        if self.replay and self.address is not None:
            raise InputError(
                "--replay starts its own server, --server-address names another", hint="give one of the two"
            )

    def to_start(self, endpoint: Endpoint) -> Launch | None:
        """The servers to start for the run; None where an address names running ones."""
        if self.replay:
            return Launch(endpoint.model, "replay", replicas=self.replicas, recordings=tuple(self.replay))
        if self.gpus is None or endpoint.base_url is not None:
            return None
        return Launch(
            endpoint.model,
            endpoint.server_type,
            gpus=self.gpus,
            nodes=self.nodes,
            args=self.args,
            replicas=self.replicas,
            entrypoint=self.entrypoint,
        )


ANY_MODEL = Model()


@dataclass(frozen=True, slots=True)
class Work:
    """A planned run.

    Attributes:
        parts: what to do; none is nothing to do.
        model: who answers.
        output_dir: the parts' folders are below it.
        logs: folder of the logs.
        overwrite: delete earlier results first.
        failures: receives one line for each sample that could not be made.
    """

    parts: Sequence[Part]
    model: Model
    output_dir: Path
    logs: Path
    overwrite: bool = False
    failures: list[str] = field(default_factory=list)

    def carry_out(self) -> None:
        """Make every missing sample; what is finished is not done again.

        Raises:
            MathforgeError: the run cannot go on.
        """
        if not self.parts:
            return
        with ExitStack() as stack:
            folders: dict[Path, Folder] = {}
            for part in self.parts:
                path = part.folder(self.output_dir)
                if path not in folders:
                    folders[path] = stack.enter_context(Folder(path))
            endpoint = self.parts[0].config.server
            starting = self.model.to_start(endpoint)
            if starting and not self._is_done(folders):
                addresses = stack.enter_context(launch(starting, self.logs))
                endpoint = replace(endpoint, base_url=",".join(addresses))
            held = [folders[part.folder(self.output_dir)] for part in self.parts]
            defects = self.logs / "defects.log"
            run_async(Run(list(self.parts), held, endpoint, self.failures, self.overwrite, defects))
        self._merge()

    def _is_done(self, folders: Mapping[Path, Folder]) -> bool:
        """Whether an earlier run has left nothing to do, so that no server has to be started."""
        if self.overwrite or not all(folder.recorded_model() for folder in folders.values()):
            return False
        wanted = [(part, seed) for part in self.parts for seed in part.seeds]
        return all(
            (path / output_name(seed)).exists()
            or (part.chunk is not None and (path / output_name(seed, part.chunk.number)).exists())
            for part, seed in wanted
            for path in (part.folder(self.output_dir),)
        )

    def _merge(self) -> None:
        for part in self.parts:
            if part.chunk is not None:
                count = len(part.benchmark.problems)
                for seed in part.seeds:
                    merge_chunks(part.folder(self.output_dir), seed, part.chunk.count, count)

    def finished(self) -> list[tuple[Part, int | None, Path]]:
        """The output files that are whole, each once."""
        found: dict[Path, tuple[Part, int | None, Path]] = {}
        for part in self.parts:
            for seed in part.seeds:
                path = part.folder(self.output_dir) / output_name(seed)
                if path.exists():
                    found.setdefault(path, (part, seed, path))
        return list(found.values())


def overwrites(
    asked: bool, overrides: Sequence[str], share: tuple[int, int] | None, chunk_ids: object
) -> bool:
    """Whether earlier results are deleted first.

    Args:
        asked: by `--overwrite`.
        overrides: may ask for it by `++skip_filled=false`.
        share: of the output files that this process makes.
        chunk_ids: the chunks that it makes.

    Raises:
        InputError: the others would lose theirs.
    """
    if not (asked or starts_again(parse_overrides(overrides))):
        return False
    if (share is not None and share[1] > 1) or chunk_ids is not None:
        raise InputError(
            "one share or chunk alone cannot start again: that deletes the files of the others, too",
            hint="delete the folder, then run without --overwrite and ++skip_filled=false",
        )
    return True


def tell(notes: Sequence[str]) -> None:
    """Notes for the user, on stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
