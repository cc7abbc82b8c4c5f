"""From names of packages to wheels pinned by hash.

The versions and their dependencies are found by pip for the guest's platform; wheels that only the
distribution has (numpy, scipy) are fetched from its own address. The result is kept in the cache, so that the
same request means the same files until it is asked for anew.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import SandboxError
from ._fetch import Source, fetch_npm, fetch_url, file_digest, pip_download
from ._lock import Lock, LockedFile, names
from ._manifest import Manifest, Wheel
from ._wheel import WheelName, normalized, top_level_modules

Report = Callable[[str, float], None]

# pip's words for a package that has no wheel for the platform.
_MISSING = re.compile(r"No matching distribution found for ([A-Za-z0-9][A-Za-z0-9._-]*)")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]+\])?\s*([<>=!~]=?=?\s*[A-Za-z0-9.*+!_-]+,?\s*)*"
)

MISSING_HINTS = {
    "ortools": "its solvers exist as native code only; python-sat or highspy can be added instead",
    "z3-solver": "it exists as native code only; python-sat can be added instead",
    "pycryptosat": "it exists as native code only; python-sat can be added instead",
}


@dataclass(frozen=True)
class Request:
    """What a user asked for beside the default packages: requirements as pip reads them, no repeats."""

    pinned: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def parse(cls, packages: Sequence[str], manifest: Manifest) -> Request:
        """Sort names into pinned ones and others.

        Raises:
            SandboxError: for something that is no requirement.
        """
        known = {wheel.name for wheel in manifest.wheels}
        pinned: list[str] = []
        others: list[str] = []
        for package in dict.fromkeys(text.strip() for text in packages if text.strip()):
            if not _REQUIREMENT.fullmatch(package):
                raise SandboxError(
                    f"`{package}` is not the name of a package",
                    hint="name packages as the index does, with a version if it matters: networkx==3.5",
                    code="unknown_package",
                )
            (pinned if normalized(package) in known else others).append(package)
        return cls(tuple(normalized(name) for name in pinned), tuple(sorted(others, key=normalized)))


def resolve(
    manifest: Manifest,
    request: Request,
    root: Path,
    source: Source,
    report: Report,
    *,
    renew: bool = False,
) -> tuple[Wheel, ...]:
    """The wheels of a request: pinned ones, and those pinned for it now or earlier.

    Args:
        root: the folder of the cache; pins are kept in `pins/`, fetched wheels in `wheels/`.
        renew: look for newer versions although the cache holds pins.

    Raises:
        SandboxError: when a package has no wheel that the sandbox can use, or cannot be fetched.
    """
    pinned = manifest.select(request.pinned)
    if not request.others:
        return pinned
    key = hashlib.sha256("\0".join([manifest.text, *request.others]).encode()).hexdigest()[:20]
    file = root / "pins" / f"{key}.json"
    if not renew and source.wheels is None and (kept := _read_pins(file)) is not None:
        return (*pinned, *kept)
    with tempfile.TemporaryDirectory(prefix="mathforge-resolve-") as temporary:
        found = _find(manifest, request, Path(temporary), source, report)
        found = [wheel for wheel in found if wheel.name not in {one.name for one in pinned}]
        keep = root / "wheels"
        keep.mkdir(parents=True, exist_ok=True)
        for wheel in found:
            partial = keep / f"{wheel.file}.{key}.partial"
            shutil.copyfile(Path(temporary) / "found" / wheel.file, partial)
            partial.replace(keep / wheel.file)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"wheels": [asdict(wheel) for wheel in found]}, indent=1), encoding="utf-8")
    partial.replace(file)
    return (*pinned, *found)


def _read_pins(file: Path) -> tuple[Wheel, ...] | None:
    """Pins of an earlier request; none when there are none, or they are damaged."""
    try:
        return tuple(Wheel.of(entry) for entry in json.loads(file.read_text(encoding="utf-8"))["wheels"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find(manifest: Manifest, request: Request, folder: Path, source: Source, report: Report) -> list[Wheel]:
    """Let pip find everything into `folder/found`; give it from the distribution what it does not find."""
    (links := folder / "links").mkdir()
    (found := folder / "found").mkdir()
    constraints = folder / "constraints.txt"
    constraints.write_text(
        "".join(f"{wheel.name}=={wheel.version}\n" for wheel in manifest.wheels), encoding="utf-8"
    )
    lock: Lock | None = None
    given: dict[str, LockedFile] = {}
    while True:
        report("resolving " + ", ".join(request.others), 0.0)
        failure = pip_download(
            manifest.pyodide,
            request.others,
            found,
            links=(links, source.wheels),
            constraints=constraints,
            source=source,
        )
        if failure is None:
            break
        missing = _MISSING.search(str(failure))
        name = "" if missing is None else normalized(missing[1])
        if not name or name in given:
            raise failure
        if lock is None:
            fetch_npm(manifest.pyodide, folder, source, report)
            lock = Lock.read(folder, manifest.pyodide.version)
        files = lock.compiled(name)
        if not files:
            raise _no_wheel(manifest, name)
        for file in files:
            if file.name not in given:
                if source.files is not None and source.index is None:
                    raise SandboxError(
                        f"there is no file `{file.file}` in `{source.files}`",
                        hint="fetch it on another machine, or name the address of a copy with --index URL",
                        code="file_missing",
                    )
                report(f"fetching {names([file])}", len(given) / (len(given) + len(files)))
                fetch_url(lock.url(file, source.index), links / file.file, file.sha256)
                given[file.name] = file
    return [_pinned(path, manifest, request) for path in sorted(found.glob("*.whl"))]


def _pinned(path: Path, manifest: Manifest, request: Request) -> Wheel:
    parsed = WheelName.parse(path.name)
    if not parsed.fits(manifest.pyodide.python, manifest.pyodide.platform):
        raise SandboxError(
            f"`{path.name}` is not for this interpreter",
            hint=f"wheels must be pure or have the tag {manifest.pyodide.platform}",
            code="unknown_package",
        )
    asked = {normalized(re.split(r"[\[<>=!~\s]", other)[0]) for other in request.others} | {"numpy"}
    return Wheel(
        name=parsed.name,
        version=parsed.version,
        license="",
        file=path.name,
        sha256=file_digest(path, "sha256").hex(),
        needs=(),
        default=False,
        preload=top_level_modules(path) if parsed.name in asked else (),
    )


def _no_wheel(manifest: Manifest, name: str) -> SandboxError:
    return SandboxError(
        f"there is no wheel of `{name}` that the sandbox can use",
        hint=MISSING_HINTS.get(
            name,
            f"it must be pure Python or built with the tag {manifest.pyodide.platform}; name a folder that "
            "holds such a wheel with --wheels DIR",
        ),
        code="unknown_package",
    )
