"""From pinned files to a compiled image in the cache."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from ..errors import SandboxError
from ._cache import build_once, cache_root, prune
from ._fetch import Source, stage
from ._manifest import Manifest, Wheel
from ._progress import Progress, StderrProgress
from ._resolve import Request, resolve
from ._wheel import normalized

# What the stages of the native build mean to someone who waits for them.
BUILD_STAGES = {
    "translate": "linking the interpreter and the libraries",
    "compile": "compiling the interpreter and the libraries",
    "library": "compiling the Python library",
    "preload": "starting Python and importing packages",
    "image": "writing the image",
}

# A library that cannot be linked, the files of a traceback, and how an import ends that is for a browser.
_REFUSED_FILE = re.compile(r"site-packages/([^`\s]+)`")
_IMPORTING_FILE = re.compile(r'site-packages/([^"\n]+\.py)"')
_NEEDS_JAVASCRIPT = re.compile(
    r"No module named '(?:js|pyodide_js|pyodide(?:\.\w+)*)'|import of _pyodide_core halted"
    r"|cannot import name '\w+' from '(?:js|pyodide(?:\.\w+)*)'"
)


def prepare(
    packages: Iterable[str] = (),
    progress: Progress | None = None,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    files_from: str | os.PathLike[str] | None = None,
    wheels: str | os.PathLike[str] | None = None,
    index: str | None = None,
    renew: bool = False,
    thorough: bool = False,
) -> Path:
    """The folder of the image with these packages; builds it where the cache does not hold it yet.

    Building fetches the pinned files (`sandbox_wasm/pyodide.toml`) from the npm and PyPI registries, checks
    their hashes, and compiles; once per release of mathforge. Several processes may ask at once: one builds.
    Packages that are not pinned are resolved with their dependencies the first time they are asked for, and
    pinned by hash in the cache.

    Args:
        packages: requirements beside the default packages (sympy, mpmath, python-flint): any pure package of
            the registry, any with a wheel for the guest, and those of the Pyodide distribution, as numpy.
        progress: called with a stage and the done part of it; None shows progress on stderr.
        cache_dir: where images are kept; default $MATHFORGE_CACHE, else the user's cache folder.
        files_from: folder that holds all package files, for machines without network.
        wheels: folder of further wheels, pure or built for the guest.
        index: address of a copy of the Pyodide distribution, instead of its own.
        renew: look for newer versions of packages that are not pinned by mathforge.
        thorough: compare the checksums of every file of a cached image, not only sizes and times.

    Raises:
        SandboxError: when a package has no wheel that can be used, a file cannot be had or is not the pinned
            one, or the build fails.
    """
    manifest = Manifest.load()
    request = Request.parse(tuple(packages), manifest)
    root = cache_root(cache_dir)
    source = Source.of(files_from, wheels, index)
    with StderrProgress() if progress is None else nullcontext(progress) as report:

        def waiting() -> None:
            report("waiting for another process that is building the image", 0.0)

        try:
            chosen = resolve(manifest, request, root.parent, source, report, renew=renew)
            key = image_key(manifest, chosen)
            build = partial(_build, manifest, chosen, source=source, cache=root.parent, report=report)
            folder = build_once(root, key, build, waiting=waiting, thorough=thorough)
            prune(root, key)
        except OSError as error:
            raise SandboxError(
                f"the sandbox image cannot be written: {error.strerror or error} `{error.filename or root}`",
                hint="name a writable folder with --cache-dir or MATHFORGE_CACHE",
                code="cache",
            ) from error
    return folder


def image_key(manifest: Manifest, wheels: Sequence[Wheel]) -> str:
    """Names an image by everything it depends on: inputs, packages, and the engine that compiles it."""
    from .. import _native

    files = (f"{wheel.name} {wheel.sha256}" for wheel in wheels)
    parts = [manifest.text, *files, _native.sandbox_engine_key()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _build(
    manifest: Manifest,
    wheels: Sequence[Wheel],
    image: Path,
    *,
    source: Source,
    cache: Path,
    report: Progress,
) -> None:
    from .. import _native

    with tempfile.TemporaryDirectory(prefix="staging-", dir=image.parent) as staging:
        stage(manifest, wheels, Path(staging), source=source, kept=cache / "wheels", report=report)
        # What others need comes last in the manifest, and first here.
        preload = [module for wheel in reversed(wheels) for module in wheel.preload]

        def build_stage(name: str, done: float) -> None:
            report(BUILD_STAGES.get(name, name), done)

        compiled = str(cache / "compiled")
        try:
            _native.build_sandbox_image(staging, str(image), preload, compiled, build_stage)
        except RuntimeError as error:
            raise SandboxError(
                f"the sandbox image cannot be built: {_with_wheel(str(error), Path(staging), wheels)}",
                code="build",
            ) from error
    report("recording checksums", 0.0)


def _with_wheel(message: str, staging: Path, wheels: Sequence[Wheel]) -> str:
    """The message, with the wheel that the file in it came from."""
    needs_javascript = _NEEDS_JAVASCRIPT.search(message)
    named = _IMPORTING_FILE.findall(message) if needs_javascript else _REFUSED_FILE.findall(message)
    owner = _owner(named[-1], staging, wheels) if named else None
    if owner is None:
        return message
    if needs_javascript:
        message = f"it cannot be imported without JavaScript ({needs_javascript[0]})"
    return f"the wheel `{owner}` is refused: {message}"


def _owner(path: str, staging: Path, wheels: Sequence[Wheel]) -> str | None:
    """The wheel whose RECORD has the file `path` of site-packages."""
    for record in staging.glob("site-packages/*.dist-info/RECORD"):
        rows = csv.reader(record.read_text(encoding="utf-8").splitlines())
        if any(row[0] == path for row in rows if row):
            name = normalized(record.parent.name.split("-")[0])
            return next((wheel.file for wheel in wheels if wheel.name == name), name)
    return None
