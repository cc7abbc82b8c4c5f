import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mathforge.sandbox import _cache

# Builds once per call, leaves a line in `builds`, and takes long enough for others to arrive meanwhile.
BUILDER = """
import os, sys, time
from pathlib import Path
from mathforge.sandbox._cache import build_once

root = Path(sys.argv[1])

def build(folder):
    with (root / "builds").open("a") as log:
        log.write("built\\n")
    (folder / "image.bin").write_bytes(b"x" * 1000)
    print("building", flush=True)
    time.sleep(float(sys.argv[2]))

folder = build_once(root, "key", build, waiting=lambda: print("waiting", flush=True))
print(folder, (folder / "image.bin").stat().st_size)
"""


def build_once(root: Path, text: str = "content", thorough: bool = False) -> tuple[Path, bool]:
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "image.bin").write_text(text)
        (folder / "deep").mkdir()
        (folder / "deep/state.json").write_text("{}")

    folder = _cache.build_once(root, "key", build, waiting=lambda: None, thorough=thorough)
    return folder, bool(built)


def builder(root: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(root), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_it_is_built_once_and_then_found(tmp_path):
    folder, built = build_once(tmp_path)
    assert built
    assert (folder / "image.bin").read_text() == "content"
    assert build_once(tmp_path) == (folder, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.lock"]


@pytest.mark.parametrize("name", ["image.bin", "deep/state.json", _cache.CHECKSUMS])
@pytest.mark.parametrize("damage", ["missing", "cut", "longer", "changed"])
def test_damage_is_noticed_and_repaired(tmp_path, name, damage):
    folder, _ = build_once(tmp_path)
    file = folder / name
    data = file.read_bytes()
    os.utime(file, (1, 1))
    if damage == "missing":
        file.unlink()
    else:
        damaged = {"cut": data[:-1], "longer": data + b"x", "changed": b"#" + data[1:]}
        file.write_bytes(damaged[damage])
    assert build_once(tmp_path)[1]
    assert file.read_bytes()[1:2] == data[1:2]
    assert _cache.is_intact(folder, thorough=True)


def test_a_change_behind_an_unchanged_time_stamp_is_found_by_the_thorough_check(tmp_path):
    folder, _ = build_once(tmp_path)
    file = folder / "image.bin"
    before = file.stat()
    file.write_text("CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _cache.is_intact(folder)
    assert not _cache.is_intact(folder, thorough=True)
    assert build_once(tmp_path, thorough=True)[1]


def test_a_copied_cache_is_still_intact(tmp_path):
    folder, _ = build_once(tmp_path)
    for path in folder.rglob("*"):
        os.utime(path, (5, 5))
    assert build_once(tmp_path) == (folder, False)


def test_a_failed_build_leaves_nothing(tmp_path):
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        _cache.build_once(tmp_path, "key", build, waiting=lambda: None)
    assert [path.name for path in tmp_path.iterdir()] == ["key.lock"]


def test_of_several_processes_one_builds(tmp_path):
    processes = [builder(tmp_path, 0.5) for _ in range(4)]
    outputs = [process.communicate(timeout=30)[0] for process in processes]
    assert (tmp_path / "builds").read_text() == "built\n"
    assert all(output.splitlines()[-1] == f"{tmp_path / 'key'} 1000" for output in outputs)
    assert sum("building" in output for output in outputs) == 1


def test_a_killed_builder_blocks_nobody_and_leaves_no_image(tmp_path):
    first = builder(tmp_path, 60)
    assert first.stdout is not None
    assert first.stdout.readline() == "building\n"
    second = builder(tmp_path, 0)
    assert second.stdout is not None
    assert second.stdout.readline() == "waiting\n"
    first.send_signal(signal.SIGKILL)
    first.communicate()
    output, _ = second.communicate(timeout=30)
    assert output.splitlines()[-1] == f"{tmp_path / 'key'} 1000"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["builds", "key", "key.lock"]


def test_old_images_are_pruned_recent_ones_kept(tmp_path):
    now = time.time()
    for name, age_days in [("mine", 90), ("yesterday", 2), ("older", 5), ("oldest", 9), ("ancient", 400)]:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (now - age_days * 86400,) * 2)
    (tmp_path / ".building-x").mkdir()
    (tmp_path / "mine.lock").touch()
    assert _cache.prune(tmp_path, "mine") == ["oldest", "ancient"]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".building-x", "mine", "mine.lock", "older", "yesterday"]


def test_images_used_within_a_day_are_never_pruned(tmp_path):
    for number in range(6):
        (tmp_path / f"key{number}").mkdir()
    assert _cache.prune(tmp_path, "key0") == []


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv(_cache.CACHE_VARIABLE, str(tmp_path / "variable"))
    assert _cache.cache_root(None) == tmp_path / "variable/sandbox"
    assert _cache.cache_root(tmp_path / "given") == tmp_path / "given/sandbox"
    monkeypatch.delenv(_cache.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert _cache.cache_root(None) == tmp_path / "xdg/mathforge/sandbox"


def test_the_checksums_name_every_file(tmp_path):
    folder, _ = build_once(tmp_path)
    recorded = json.loads((folder / _cache.CHECKSUMS).read_text())
    assert set(recorded["files"]) == {"image.bin", "deep/state.json"}
