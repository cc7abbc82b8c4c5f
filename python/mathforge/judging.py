"""A model that judges the answers of an evaluation, as `mathforge eval --judge-model` asks for.

As in NeMo-Skills, the samples lie in `tmp-eval-results/<benchmark>` and the same rows with a `judgement` in
`eval-results/<benchmark>`, where tables are made. Judging is `mathforge generate` from the one folder to the
other, so it goes on where it was killed, and costs no call for answers that are missing or identical.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack
from urllib.parse import urlsplit

from . import synthesizing
from .config import Endpoint, Evaluation
from .errors import InputError, ServerError, StoreError
from .folders import RUN_FILE, Folder
from .store import output_name
from .units import Part
from .work import Model, ModelOptions, Work, tell

SAMPLES = "tmp-eval-results"
JUDGED = "eval-results"
RESULTS = (JUDGED, SAMPLES)  # of one benchmark, each in a folder of its name
LOGS = Path("eval-logs") / "judge"
_KEY = "judgement"
_ANSWERS_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, and how.

    Attributes:
        model: who answers.
        overrides: `++dotted.key=value` arguments, for example `++prompt_config=judge/hle`.
        generation_type: of `mathforge generate`.
    """

    model: Model
    overrides: Sequence[str] = ()
    generation_type: str = "math_judge"

    @classmethod
    def of(cls, *, overrides: Sequence[str] = (), **who: Unpack[ModelOptions]) -> Judge:
        """A judge by the options of `evaluate`: `Judge.of(model="m", server_address="http://b:8000/v1")`."""
        return cls(Model.of(who), tuple(overrides))

    def config(self) -> Evaluation:
        """Resolved.

        Raises:
            InputError: something that cannot be used.
        """
        config = synthesizing.outline(self._request(Path(), Path(), (0,)))[1]
        if config.generation_key != _KEY:
            raise InputError(
                f"metrics read the judgement from the field `{_KEY}`, the judge is told to write "
                f"`{config.generation_key}`",
                hint="leave out ++generation_key",
            )
        return config

    def carry_out(
        self, parts: Sequence[Part], output_dir: Path, *, overwrite: bool = False
    ) -> tuple[list[str], list[str]]:
        """Judge every benchmark whose samples are all there.

        Returns:
            One line for each judgement that could not be made, and the benchmarks that lack samples.
        """
        planned: list[Part] = []
        unfinished: list[str] = []
        for name, seeds in _seeds_of(parts).items():
            samples = output_dir / SAMPLES / name
            if not all((samples / output_name(seed)).exists() for seed in seeds):
                unfinished.append(name)
                continue
            request = self._request(samples, output_dir / JUDGED / name, seeds)
            planned += [replace(part, place=Path(JUDGED) / name) for part in synthesizing.prepare(request)]
        if planned:
            print("the samples are there; their answers are judged now", file=sys.stderr)
        work = Work(planned, self.model, output_dir, output_dir / LOGS, overwrite)
        try:
            work.carry_out()
        except ServerError as error:
            hint = (error.hint or "").replace("--server-address", "--judge-server-address")
            more = "the samples are kept; repeat the command to have them judged"
            raise ServerError(f"the judge: {error}", hint=f"{hint}; {more}" if hint else more) from error
        return work.failures, unfinished

    def warn_if_absent(self) -> None:
        """Tell now, not after days of sampling, that nobody listens where the judge should be."""
        for url in Endpoint(base_url=self.model.address).addresses() if self.model.address else ():
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            try:
                socket.create_connection((parts.hostname or "", port), _ANSWERS_WITHIN_S).close()
            except OSError as error:
                reason = error.strerror or str(error)
                tell([f"nobody answers yet where the judge should be, at `{url}` ({reason.lower()})"])

    def _request(
        self, samples: Path, judged: Path, seeds: Sequence[int | None] | None
    ) -> synthesizing.Request:
        return synthesizing.Request(
            output_dir=judged,
            input_dir=samples,
            generation_type=self.generation_type,
            server=self.model,
            random_seeds=[seed for seed in seeds or () if seed is not None] or None,
            overrides=self.overrides,
        )


def settle_places(names: Sequence[str], output_dir: Path, *, is_judged: bool, overwrite: bool) -> None:
    """See that the samples of benchmarks lie where a run with or without a judge looks for them.

    Samples of an earlier run without a judge are taken over by one with a judge, and the other way round as
    long as nothing is judged.

    Raises:
        StoreError: an earlier run had them judged, this one has no judge; or another process is at work.
    """
    for name in names:
        samples, judged = output_dir / SAMPLES / name, output_dir / JUDGED / name
        if overwrite:
            clear(judged if is_judged else samples)
        elif is_judged and _made_by(judged) == "samples" and not samples.exists():
            with Folder(judged) as folder:
                folder.move(samples)
            tell([f"{name}: the samples of an earlier run are now in `{samples}`, to be judged"])
        elif not is_judged and _made_by(samples) and not judged.exists():
            with Folder(samples) as folder:  # which nobody has judged yet
                folder.move(judged)
        elif not is_judged and _made_by(judged) == "judge":
            raise StoreError(
                f"the answers of `{name}` in `{output_dir}` are judged by a model",
                hint="repeat the command with its --judge-... flags, or use another --output-dir",
                code="other_run",
            )


def clear(path: Path) -> None:
    """Delete the results of earlier runs in a folder, if there is one."""
    if path.is_dir():
        with Folder(path) as folder:
            folder.clear()


def _made_by(folder: Path) -> str | None:
    """`samples` or `judge`; None for a folder that no run has begun."""
    try:
        config = json.loads((folder / RUN_FILE).read_bytes())["config"]
        return "judge" if config["generation_key"] == _KEY else "samples"
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _seeds_of(parts: Sequence[Part]) -> dict[str, tuple[int | None, ...]]:
    return {part.benchmark.name: part.seeds for part in parts}
