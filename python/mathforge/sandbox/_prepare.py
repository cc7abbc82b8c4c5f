"""From pinned files to a compiled image in the cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from ..errors import SandboxError
from ._cache import build_once, cache_root, prune
from ._fetch import stage
from ._manifest import Manifest, Wheel
from ._progress import Progress, StderrProgress

# What the stages of the native build mean to someone who waits for them.
BUILD_STAGES = {
    "translate": "rewriting the interpreter's exceptions",
    "compile": "compiling the interpreter",
    "library": "compiling the Python library",
    "preload": "starting Python and importing packages",
    "image": "compiling the image",
}


def prepare(
    packages: Iterable[str] = (),
    progress: Progress | None = None,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    files_from: str | os.PathLike[str] | None = None,
    thorough: bool = False,
) -> Path:
    """The folder of the image with these packages; builds it where the cache does not hold it yet.

    Building fetches the pinned files (`sandbox_wasm/pyodide.toml`) from the npm and PyPI registries, checks
    their hashes, and compiles; once per release of mathforge. Several processes may ask at once: one builds.

    Args:
        packages: names of pinned packages beside the default ones (sympy, mpmath).
        progress: called with a stage and the done part of it; None shows progress on stderr.
        cache_dir: where images are kept; default $MATHFORGE_CACHE, else the user's cache folder.
        files_from: folder that holds the package files, for machines without network.
        thorough: compare the checksums of every file of a cached image, not only sizes and times.

    Raises:
        SandboxError: when a file cannot be had, is not the pinned one, or the build fails.
    """
    manifest = Manifest.load()
    wheels = manifest.select(tuple(packages))
    root = cache_root(cache_dir)
    key = image_key(manifest, wheels)
    source = None if files_from is None else Path(files_from)
    with StderrProgress() if progress is None else nullcontext(progress) as report:

        def waiting() -> None:
            report("waiting for another process that is building the image", 0.0)

        try:
            build = partial(_build, manifest, wheels, source, report)
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

    parts = [manifest.text, *(wheel.name for wheel in wheels), _native.sandbox_engine_key()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _build(
    manifest: Manifest, wheels: Sequence[Wheel], files_from: Path | None, report: Progress, image: Path
) -> None:
    from .. import _native

    with tempfile.TemporaryDirectory(prefix="staging-", dir=image.parent) as staging:
        stage(manifest, wheels, Path(staging), files_from=files_from, report=report)
        preload = [module for wheel in reversed(wheels) for module in wheel.preload]

        def build_stage(name: str, done: float) -> None:
            report(BUILD_STAGES.get(name, name), done)

        try:
            _native.build_sandbox_image(staging, str(image), preload, build_stage)
        except RuntimeError as error:
            raise SandboxError(f"the sandbox image cannot be built: {error}", code="build") from error
    report("recording checksums", 0.0)
