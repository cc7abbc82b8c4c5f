"""One prepared image and one native sandbox for all tests that attack it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_native = pytest.importorskip("mathforge._native")
if not hasattr(_native, "Sandbox"):
    collect_ignore_glob = ["test_*.py"]

Run = Callable[..., "_native.Outcome"]
# Far beyond what anything small takes, on a machine however busy.
BUSY_S = 120.0
STATUSES = {"ok", "error", "timeout", "memory"}


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


@pytest.fixture(scope="session")
def bystander(box: _native.Sandbox) -> _native.Session:
    """A session that has secrets and that no attack may touch."""
    session = box.session()
    session.run("secret = ['bystander'] * 3\nopen('mine.txt', 'w').write('bystander' * 100)", 20.0)
    return session


@pytest.fixture
def attack(run: Run, bystander: _native.Session) -> Iterator[Run]:
    """Runs hostile cells: each ends in a status, and afterwards the session answers, the bystander has what
    it had, and the host process has its files, environment, descriptors, threads and memory."""
    before = _host()

    def attack(code: str, timeout_s: float = 5.0, *, hurts_itself: bool = False) -> _native.Outcome:
        outcome = run(code, timeout_s)
        assert outcome.status in STATUSES
        # It ended at its limit and not by itself much later.
        assert outcome.wall_s < timeout_s + BUSY_S / 2
        # What a cell does to its own session, by filling its memory or by replacing its streams, may last.
        after = run("1 + 1", 0.3 if hurts_itself else BUSY_S)
        assert after.status in STATUSES
        assert hurts_itself or after.stdout == "2\n"
        return outcome

    yield attack
    kept = bystander.run("secret, len(open('mine.txt').read())", BUSY_S)
    assert kept.stdout == "(['bystander', 'bystander', 'bystander'], 900)\n"
    # Threads that ran deep end a moment after their answer, and their stacks with them.
    end = time.monotonic() + BUSY_S
    while (harm := _harm(before, _host())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not harm


def _harm(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What of the host process is not as it was."""
    found = [name for name in ("environment", "here") if after[name] != before[name]]
    found += ["descriptors"] * (after["descriptors"] > before["descriptors"])
    # A session may have grown to its cap of 256 MiB and have touched as much stack; both go with the session.
    found += ["anonymous_mib"] * (after["anonymous_mib"] >= before["anonymous_mib"] + 600)
    found += ["threads"] * (after["threads"] > before["threads"] + 4)
    return [f"{name}: {before.get(name)}, then {after.get(name)}" for name in found]


def _host() -> dict[str, Any]:
    status = Path("/proc/self/status").read_text()
    numbers = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
    return {
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"},
        "here": sorted(path.name for path in Path().iterdir()),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        # Without pages of files: a machine short of memory drops and reads them as it likes.
        "anonymous_mib": int(numbers["RssAnon"]) / 1024,
        "threads": int(numbers["Threads"]),
    }
