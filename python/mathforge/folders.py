"""The folder of a run: who may write in it, and with which configuration it was begun."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from .errors import StoreError
from .inputs import RUN_FILE

__all__ = ["OTHER_FOLDER", "RUN_FILE", "Folder", "lock", "temporary_beside", "write_atomically"]

OTHER_FOLDER = "use another --output-dir, or --overwrite to delete these results and start again"


def lock(descriptor: int, kind: int, path: Path) -> None:
    """Lock an open file, or say who holds it.

    Args:
        descriptor: of the file; the lock ends when it is closed, by the death of the process too.
        kind: `fcntl.LOCK_SH` or `fcntl.LOCK_EX`.
        path: to name in the error.

    Raises:
        StoreError: another process holds it.
    """
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(
            f"another mathforge process is writing to `{path}`",
            hint="wait for it, or use another --output-dir",
        ) from error
    except OSError:
        pass  # a file system without locks, as some network ones are: nothing can be checked


class Folder:
    """The folder of one benchmark; a context manager. Several processes may be in it, each with output files
    of its own.

    Attributes:
        path: `<output_dir>/eval-results/<benchmark>`.
        notes: for the user, about what was found in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self._lock: int | None = None

    def __enter__(self) -> Folder:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lock(self._lock, fcntl.LOCK_SH, self.path)
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def clear(self) -> None:
        """Delete the results of earlier runs.

        Raises:
            StoreError: another process is at work here.
        """
        if self._lock is not None:
            lock(self._lock, fcntl.LOCK_EX, self.path)
        for pattern in ("output*.jsonl*", "metrics.json", RUN_FILE):
            for path in self.path.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self._lock is not None:
            lock(self._lock, fcntl.LOCK_SH, self.path)

    def move(self, to: Path) -> None:
        """Give the folder another place.

        Raises:
            StoreError: another process is at work here.
        """
        if self._lock is not None:
            lock(self._lock, fcntl.LOCK_EX, self.path)
        to.parent.mkdir(parents=True, exist_ok=True)
        self.path = self.path.rename(to)

    def recorded_model(self) -> str | None:
        """The model of the run that began this folder; None for a new folder."""
        try:
            model = json.loads((self.path / RUN_FILE).read_bytes())["fingerprint"]["model"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return model if isinstance(model, str) else None

    def check_fingerprint(self, fingerprint: Mapping[str, object], config: Mapping[str, object]) -> None:
        """Write `run.json`, or compare with the fingerprint in the one that is there.

        Other versions of the software than those the folder was begun with are recorded and told in `notes`.

        Args:
            fingerprint: what must be the same when a run is continued.
            config: the whole resolved configuration, for the reader.

        Raises:
            StoreError: the folder was begun with something else; names the first keys that differ.
        """
        path = self.path / RUN_FILE
        record: dict[str, object] = {
            "fingerprint": fingerprint,
            "config": config,
            "versions": [software_versions()],
        }
        is_new = _write_new(path, json.dumps(record, indent=2) + "\n")
        for left in self.path.glob(f"{RUN_FILE}-tmp*"):  # by a process that was killed, or came second
            left.unlink(missing_ok=True)
        if is_new:
            return
        try:
            there = json.loads(path.read_bytes())
            before = dict(_flatten(there["fingerprint"]))
        except (ValueError, LookupError, TypeError) as error:
            raise StoreError(f"cannot read `{path}`", hint=OTHER_FOLDER) from error
        now = dict(_flatten(json.loads(json.dumps(fingerprint))))
        if before != now:
            raise StoreError(
                f"`{self.path}` was begun with another configuration ({_changes(before, now)})",
                hint=OTHER_FOLDER,
                code="other_run",
            )
        self._record_versions(there)

    def _record_versions(self, there: dict[str, object]) -> None:
        versions = there.get("versions")
        known = versions if isinstance(versions, list) else []
        now = software_versions()
        if now in known:
            return
        last = known[-1] if known and isinstance(known[-1], dict) else {}
        self.notes.append(f"`{self.path}` was begun with other software ({_changes(last, now)})")
        text = json.dumps({**there, "versions": [*known, now]}, indent=2) + "\n"
        with contextlib.suppress(FileNotFoundError):  # another process is doing the same
            write_atomically(self.path / RUN_FILE, text)


def software_versions() -> dict[str, object]:
    """Versions that a sample may depend on."""
    from . import __version__

    return {"mathforge": __version__, "python": platform.python_version(), "system": platform.system()}


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    differing = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    shown = ", ".join(f"{key}: {before.get(key)!r} -> {now.get(key)!r}" for key in differing[:3])
    return shown + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet, whole; False if it is, by another process at this moment too."""
    if path.exists():
        return False
    temporary = temporary_beside(path)
    _write_synced(temporary, text)
    try:
        os.link(temporary, path)
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError:  # a file system without hard links
        temporary.replace(path)
        return True
    finally:
        temporary.unlink(missing_ok=True)
    return True


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    temporary = temporary_beside(path)
    _write_synced(temporary, text)
    temporary.replace(path)


def temporary_beside(path: Path) -> Path:
    """A name of this process alone, `PATH-tmp...`: containers on one file system share process ids, and often
    the name of the host."""
    own = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f"{path.name}-tmp-{own}")


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flatten(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flatten(below, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
