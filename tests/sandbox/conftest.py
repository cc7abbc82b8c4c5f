"""One prepared image and one native sandbox for all tests that attack it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_native = pytest.importorskip("mathforge._native")
if not hasattr(_native, "Sandbox"):
    collect_ignore_glob = ["test_*.py"]

Run = Callable[..., "_native.Outcome"]


@pytest.fixture(scope="session")
def image() -> Path:
    """The prepared image: MATHFORGE_SANDBOX_IMAGE, or the one in the cache, built if need be."""
    if "MATHFORGE_SANDBOX_IMAGE" in os.environ:
        return Path(os.environ["MATHFORGE_SANDBOX_IMAGE"])
    from mathforge import sandbox

    try:
        return sandbox.prepare()
    except sandbox.SandboxError as error:
        pytest.skip(f"no sandbox image: {error}")


@pytest.fixture(scope="session")
def box(image: Path) -> _native.Sandbox:
    return _native.Sandbox(str(image), memory_mib=256, max_output_chars=10_000)


@pytest.fixture
def session(box: _native.Sandbox) -> Iterator[_native.Session]:
    session = box.session()
    yield session
    session.close()


@pytest.fixture
def run(session: _native.Session) -> Run:
    def run(code: str, timeout_s: float = 20.0) -> _native.Outcome:
        return session.run(code, timeout_s)

    return run
