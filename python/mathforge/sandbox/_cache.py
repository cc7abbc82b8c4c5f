"""The folder of built images: one folder per key, complete or absent, built once however many processes ask.

<cache_dir>/sandbox/<key>/            the image, and `checksums.json`, written last
<cache_dir>/sandbox/<key>.lock        held while the folder is built
<cache_dir>/sandbox/.building-<key>-* work in progress, renamed when complete
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKSUMS = "checksums.json"
CACHE_VARIABLE = "MATHFORGE_CACHE"
KEPT_IMAGES = 3
UNUSED_S = 24 * 3600.0


def cache_root(cache_dir: str | os.PathLike[str] | None) -> Path:
    """The given folder, else $MATHFORGE_CACHE, else the user's cache folder; `sandbox/` inside it."""
    if cache_dir is None:
        cache_dir = os.environ.get(CACHE_VARIABLE)
    if cache_dir is None:
        cache_dir = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mathforge"
    return Path(cache_dir).expanduser().resolve() / "sandbox"


def is_intact(folder: Path, *, thorough: bool = False) -> bool:
    """Whether the folder holds exactly what was recorded when it was built.

    Sizes are always compared; contents only where a file's time stamp differs from the recorded one, or when
    `thorough`: reading a hundred megabytes at every start would cost more than starting.
    """
    try:
        recorded = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        for name, entry in recorded["files"].items():
            status = (folder / name).stat()
            if status.st_size != entry["bytes"]:
                return False
            if (thorough or status.st_mtime_ns != entry["mtime_ns"]) and _sha256(folder / name) != entry[
                "sha256"
            ]:
                return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def record_checksums(folder: Path) -> None:
    """Write `checksums.json`, the mark that the folder is complete."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        entry = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": _sha256(path)}
        files[path.relative_to(folder).as_posix()] = entry
        _sync(path)
    target = folder / CHECKSUMS
    target.write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")
    _sync(target)


def build_once(
    root: Path,
    key: str,
    build: Callable[[Path], None],
    *,
    thorough: bool = False,
    waiting: Callable[[], None],
) -> Path:
    """The folder of `key`, built by `build(empty_folder)` unless it is there and intact.

    Of several processes one builds; the others wait (`waiting` is called once if so) and use its result. A
    build that fails or is killed leaves nothing behind that would be taken for an image.
    """
    folder = root / key
    if is_intact(folder, thorough=thorough):
        os.utime(folder)
        return folder
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(root / f"{key}.lock", waiting):
        if is_intact(folder, thorough=thorough):
            return folder
        for leftover in root.glob(f".building-{key}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".building-{key}-", dir=root))
        try:
            image = work / "image"
            image.mkdir()
            build(image)
            record_checksums(image)
            if folder.exists():
                folder.rename(work / "damaged")
            image.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return folder


def prune(root: Path, keep: str) -> list[str]:
    """Delete images of other keys, except the most recently used ones and those used within a day.

    Returns:
        The keys that were deleted.
    """
    others = [path for path in root.iterdir() if path.is_dir() and path.name != keep and path.name[0] != "."]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    deleted = []
    for path in others[KEPT_IMAGES - 1 :]:
        if time.time() - path.stat().st_mtime > UNUSED_S:
            shutil.rmtree(path, ignore_errors=True)
            deleted.append(path.name)
    return deleted


@contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    # The kernel drops the lock when its holder dies, so a killed builder never blocks the next one. The file
    # stays: deleting it would let two processes lock two different files of the same name.
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
