"""Wheels that want more than to be unpacked: each is refused by name, and nothing leaves the folder."""

from __future__ import annotations

import contextlib
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from support.wheels import make_wheel

from mathforge.errors import SandboxError
from mathforge.sandbox import _wheel

HONEST = {"pkg/__init__.py": "x = 1\n", "pkg/data.txt": b"\x00" * 10_000}


def refused(archive: Path, tmp_path: Path) -> str:
    """Why the wheel is refused, having made sure that it left nothing outside of its folder."""
    into = tmp_path / "unpacked" / "site-packages"
    before = {path for path in tmp_path.rglob("*") if into not in path.parents}
    with pytest.raises(SandboxError) as caught:
        _wheel.unpack_wheel(archive, into)
    after = {path for path in tmp_path.rglob("*") if into not in path.parents}
    assert after - before <= {into, into.parent}
    assert caught.value.code == "bad_wheel"
    assert archive.name in str(caught.value)
    return str(caught.value)


def test_an_honest_wheel_is_unpacked_without_scripts_and_start_up_code(tmp_path):
    files = {
        **HONEST,
        "pkg-1.0.data/purelib/pkg/extra.py": "y = 2\n",
        "pkg-1.0.data/scripts/run": "#!/bin/sh\n",
        "pkg.pth": "import os\n",
    }
    _wheel.unpack_wheel(make_wheel(tmp_path, "pkg", "1.0", files), tmp_path / "into")
    found = {path.relative_to(tmp_path / "into").as_posix() for path in (tmp_path / "into").rglob("*.*")}
    assert {"pkg/__init__.py", "pkg/data.txt", "pkg/extra.py"} <= found
    assert not any(path.endswith((".pth", "run")) for path in found)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "pkg/../../outside.py",
        "/etc/outside.py",
        "pkg//hidden.py",
        "./pkg.py",
        "pkg\\..\\outside.py",
        "C:/outside.py",
        "pkg/..",
    ],
)
def test_paths_that_lead_out_of_the_wheel(tmp_path, path):
    assert "leads out of it" in refused(make_wheel(tmp_path, "pkg", "1.0", {path: "escaped"}), tmp_path)


def test_a_path_cut_short_by_a_null_character(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", {"pkg/aXb.py": ""})
    archive.write_bytes(archive.read_bytes().replace(b"pkg/aXb.py", b"pkg/a\0b.py"))
    assert "leads out of it" in refused(archive, tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices(tmp_path, kind):
    archive = make_wheel(tmp_path, "pkg", "1.0", HONEST)
    with zipfile.ZipFile(archive, "a") as contents:
        info = zipfile.ZipInfo("pkg/link")
        info.external_attr = (kind | 0o777) << 16
        contents.writestr(info, "/etc/passwd")
    assert "link or a device" in refused(archive, tmp_path)


def test_a_file_twice(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", HONEST)
    with zipfile.ZipFile(archive, "a") as contents, pytest.warns(UserWarning, match="Duplicate"):
        contents.writestr("pkg/__init__.py", "import os\n")
    assert "twice" in refused(archive, tmp_path)


def test_a_bomb_that_says_how_large_it_is(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", {"pkg/zeros.bin": bytes(80 << 20)})
    assert archive.stat().st_size < 1 << 20
    assert "far larger than it looks" in refused(archive, tmp_path)


def test_a_bomb_that_lies_about_its_size(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", {"pkg/zeros.bin": bytes(8 << 20)})
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 8 << 20), struct.pack("<I", 100)))
    refused(archive, tmp_path)
    written = sum(path.stat().st_size for path in (tmp_path / "unpacked").rglob("*") if path.is_file())
    assert written < 4096


def test_more_files_than_any_package_has(tmp_path, monkeypatch):
    monkeypatch.setattr(_wheel, "MAX_FILES", 50)
    archive = make_wheel(tmp_path, "pkg", "1.0", {f"pkg/m{number}.py": "" for number in range(60)})
    assert "more than 50 files" in refused(archive, tmp_path)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"pkg/__init__.py": "sha256=" + "A" * 43}, "is not what its RECORD says"),
        ({"pkg/__init__.py": None}, "which its RECORD does not name"),
        ({"pkg/__init__.py": ""}, "states no safe hash"),
        ({"pkg/__init__.py": "md5=rL0Y20zC-Fzt72VPzMSk2A"}, "states no safe hash"),
        ({"pkg/ghost.py": "sha256=" + "A" * 43}, "which it does not hold"),
        ({"pkg/__init__.py": 'sha256=x,1,2,3"'}, "table of three columns"),
    ],
)
def test_records_that_do_not_agree(tmp_path, record, reason):
    assert reason in refused(make_wheel(tmp_path, "pkg", "1.0", HONEST, record=record), tmp_path)


def test_a_wheel_that_says_it_is_another_package(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", HONEST, metadata_name="sympy")
    assert "inside it says it is sympy 1.0" in refused(archive, tmp_path)


def test_a_wheel_that_overwrites_another(tmp_path):
    into = tmp_path / "unpacked" / "site-packages"
    _wheel.unpack_wheel(make_wheel(tmp_path, "sympy", "1.0", {"sympy/__init__.py": ""}), into)
    evil = make_wheel(tmp_path, "evil", "1.0", {"sympy/__init__.py": "steal()"})
    with pytest.raises(SandboxError, match="another wheel has written"):
        _wheel.unpack_wheel(evil, into)
    assert (into / "sympy/__init__.py").read_text() == ""


@pytest.mark.parametrize("end", [0, 10, 100, -100, -10, -1])
def test_archives_that_are_cut(tmp_path, end):
    archive = make_wheel(tmp_path, "pkg", "1.0", HONEST)
    archive.write_bytes(archive.read_bytes()[:end])
    assert "not a readable archive" in refused(archive, tmp_path)


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path):
    archive = make_wheel(tmp_path, "pkg", "1.0", {"pkg/__init__.py": "x = 1\n"})
    whole = archive.read_bytes()
    for position in range(0, len(whole), 3):
        archive.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
        into = tmp_path / str(position) / "site-packages"
        with contextlib.suppress(SandboxError):
            _wheel.unpack_wheel(archive, into)
            assert (into / "pkg/__init__.py").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-py2-none-any.whl", False),
        ("a-1-py315-none-any.whl", False),
        ("a-1-cp314-cp314-pyemscripten_2026_0_wasm32.whl", True),
        ("a-1-cp310-abi3-pyemscripten_2026_0_wasm32.whl", True),
        ("a-1-cp315-abi3-pyemscripten_2026_0_wasm32.whl", False),
        ("a-1-cp313-cp313-pyemscripten_2026_0_wasm32.whl", False),
        ("a-1-cp314-cp314-pyodide_2025_0_wasm32.whl", False),
        ("a-1-cp314-cp314-manylinux_2_28_x86_64.whl", False),
    ],
)
def test_which_wheels_the_interpreter_can_use(file, fits):
    assert _wheel.WheelName.parse(file).fits("3.14", "pyemscripten_2026_0_wasm32") is fits


@pytest.mark.parametrize("file", ["a.whl", "a-1.zip", "a-1-py3-none.whl", "../a-1-py3-none-any.whl", ""])
def test_names_of_no_wheel(file):
    with pytest.raises(SandboxError, match="not the name of a wheel"):
        _wheel.WheelName.parse(file)
