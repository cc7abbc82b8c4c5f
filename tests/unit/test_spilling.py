"""Spill folders: gone with their owner, also the one that could not clean up."""

import tempfile
from pathlib import Path

import pytest

from mathforge.spilling import spill_folder


def test_only_folders_without_an_owner_are_swept_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("mathforge-spill-killed-early", "mathforge-spill-killed-late"):
        (tmp_path / name).mkdir()
    (tmp_path / "mathforge-spill-killed-late" / "lock").touch()
    (tmp_path / "mathforge-spill-killed-late" / "0.arrow").touch()
    (tmp_path / "other").mkdir()
    with spill_folder() as first:
        (first / "0.arrow").touch()
        with spill_folder() as second:
            assert {path.name for path in tmp_path.iterdir()} == {"other", first.name, second.name}
        assert (first / "0.arrow").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
