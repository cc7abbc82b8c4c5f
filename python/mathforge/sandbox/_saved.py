"""A session's state, set aside: in memory, or in a file that outlives the process."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from ..errors import SandboxError


class Held(Protocol):
    """A state, wherever it is kept."""

    @property
    def memory_bytes(self) -> int: ...

    def save(self, path: Path, /) -> None: ...


class SavedState:
    """The state of a session at one moment, from which any number of sessions can go on (`Sandbox.restore`).

    Attributes:
        memory_bytes: memory that differs from the image; about what the state takes, in memory or on disk.
    """

    def __init__(self, held: Held) -> None:
        self._held = held

    @property
    def memory_bytes(self) -> int:
        return self._held.memory_bytes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, whole or not at all. It is of use with the same image only.

        Raises:
            SandboxError: the file cannot be written.
        """
        try:
            self._held.save(Path(path))
        except (OSError, RuntimeError) as error:
            raise SandboxError(f"{path}: the state cannot be saved: {error}", code="save") from error


class StateFile:
    """A state that a worker process wrote for us, in a folder that is removed with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mathforge-state-")
        self.path = Path(self._folder.name) / "state"

    @property
    def memory_bytes(self) -> int:
        return self.path.stat().st_size

    def save(self, path: Path, /) -> None:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        shutil.copyfile(self.path, part)
        part.replace(path)
