"""Names to pinned wheels, with the real pip and a real web server, but no network."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.wheels import make_wheel

from mathforge.errors import SandboxError
from mathforge.sandbox import _fetch, _lock, _resolve
from mathforge.sandbox._manifest import Manifest, NpmPackage, Wheel

PLATFORM = "pyemscripten_2026_0_wasm32"
TAG = f"cp314-cp314-{PLATFORM}"
# As the loader has it, apart from the host.
LOADER = "e.cdnUrl=A(e.packageBaseUrl??`https://files.invalid/interp/v${O}/full/`),!e.lockFileContents"


class Served(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """Compiled wheels that no package index has."""
    folder = tmp_path / "distribution"
    folder.mkdir()
    make_wheel(folder, "numpy", "2.4", {"numpy/__init__.py": "x = 1\n"}, tag=TAG)
    make_wheel(folder, "scipy", "1.18", {"scipy/__init__.py": ""}, tag=TAG, requires=("numpy>=2", "six"))
    return folder


@pytest.fixture
def address(distribution: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Served, directory=str(distribution)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def files(tmp_path: Path, distribution: Path) -> Path:
    """What registries would give: the npm package with the distribution's list, and pure wheels."""
    folder = tmp_path / "files"
    folder.mkdir()
    packages = {}
    for path, needs in (
        (distribution / f"numpy-2.4-{TAG}.whl", []),
        (distribution / f"scipy-1.18-{TAG}.whl", ["numpy"]),
    ):
        name, version, _ = path.name.split("-", 2)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        packages[name] = {"version": version, "file_name": path.name, "sha256": sha256, "depends": needs}
    packages["libblas"] = {"version": "1", "file_name": "libblas-1.zip", "sha256": "0" * 64, "depends": []}
    packages["fastmath"] = {
        "version": "1",
        "file_name": f"fastmath-1-{TAG}.whl",
        "sha256": "0" * 64,
        "depends": ["libblas"],
    }
    packages["pure"] = {
        "version": "1",
        "file_name": "pure-1-py3-none-any.whl",
        "sha256": "0" * 64,
        "depends": ["numpy"],
    }
    members = {_lock.LOCK_FILE: json.dumps({"packages": packages}), _lock.LOADER_FILE: LOADER}
    with tarfile.open(folder / "interp-1.0.tgz", "w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    make_wheel(folder, "base", "3.0", {"base/__init__.py": ""})
    make_wheel(folder, "six", "1.0", {"six.py": ""})
    make_wheel(
        folder,
        "graphs",
        "2.0",
        {"graphs/__init__.py": "", "_private.py": ""},
        requires=("base", "six; python_version > '3'"),
    )
    make_wheel(folder, "stats", "1.0", {"stats/__init__.py": ""}, requires=("scipy",))
    make_wheel(folder, "wants-newer", "1.0", {"wants_newer.py": ""}, requires=("base>=4",))
    return folder


@pytest.fixture
def manifest(files: Path) -> Manifest:
    archive = files / "interp-1.0.tgz"
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    with tarfile.open(archive) as tar:
        members = {}
        for name in (_lock.LOCK_FILE, _lock.LOADER_FILE):
            member = tar.extractfile(f"package/{name}")
            assert member is not None
            members[name] = hashlib.sha256(member.read()).hexdigest()
    base = files / "base-3.0-py3-none-any.whl"
    sha256 = hashlib.sha256(base.read_bytes()).hexdigest()
    wheel = Wheel("base", "3.0", "MIT", base.name, sha256, (), True, ("base",))
    return Manifest(
        "text", NpmPackage("interp", "1.0", "MIT", integrity, "3.14", PLATFORM, members), (wheel,)
    )


def resolve(
    manifest: Manifest, root: Path, source: _fetch.Source, *packages: str, renew: bool = False
) -> list[Wheel]:
    request = _resolve.Request.parse(packages, manifest)
    return list(_resolve.resolve(manifest, request, root, source, lambda *_: None, renew=renew))


def test_dependencies_are_found_and_pinned_ones_keep_their_version(manifest, files, tmp_path):
    wheels = resolve(manifest, tmp_path / "cache", _fetch.Source(files), "graphs")
    assert [(wheel.name, wheel.preload) for wheel in wheels] == [
        ("base", ("base",)),
        ("graphs", ("graphs",)),
        ("six", ()),
    ]
    for wheel in wheels[1:]:
        kept = tmp_path / "cache/wheels" / wheel.file
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == wheel.sha256


def test_a_request_means_the_same_files_until_it_is_renewed(manifest, files, tmp_path):
    cache, source = tmp_path / "cache", _fetch.Source(files)
    first = resolve(manifest, cache, source, "graphs")
    make_wheel(files, "graphs", "2.1", {"graphs/__init__.py": ""})
    assert resolve(manifest, cache, source, "graphs") == first
    renewed = resolve(manifest, cache, source, "graphs", renew=True)
    assert [wheel.version for wheel in renewed if wheel.name == "graphs"] == ["2.1"]
    assert resolve(manifest, cache, source, "graphs") == renewed
    (pins,) = (cache / "pins").iterdir()
    pins.write_text(pins.read_text()[:-30])
    assert resolve(manifest, cache, source, "graphs") == renewed


def test_what_only_the_distribution_has_comes_from_its_address(manifest, files, address, tmp_path):
    source = _fetch.Source(files, index=address)
    wheels = {wheel.name: wheel for wheel in resolve(manifest, tmp_path / "cache", source, "stats")}
    assert set(wheels) == {"base", "stats", "scipy", "numpy", "six"}
    assert wheels["numpy"].preload == ("numpy",), "the prelude has to reach it"
    assert wheels["scipy"].preload == ()


def test_a_changed_file_of_the_distribution_is_refused(manifest, files, distribution, address, tmp_path):
    file = distribution / f"numpy-2.4-{TAG}.whl"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(SandboxError, match=f"`{file.name}` is not the pinned file"):
        resolve(manifest, tmp_path / "cache", _fetch.Source(files, index=address), "numpy")
    assert not (tmp_path / "cache/wheels").exists()


def test_a_file_that_the_address_does_not_have_is_named(manifest, files, distribution, address, tmp_path):
    (distribution / f"numpy-2.4-{TAG}.whl").unlink()
    with pytest.raises(SandboxError, match="HTTP Error 404") as caught:
        resolve(manifest, tmp_path / "cache", _fetch.Source(files, index=address), "numpy")
    assert f"numpy-2.4-{TAG}.whl" in str(caught.value)
    assert "--index" in (caught.value.hint or "")


def test_a_folder_of_files_means_no_network(manifest, files, tmp_path):
    with pytest.raises(SandboxError, match=r"numpy-2\.4-.*\.whl") as caught:
        resolve(manifest, tmp_path / "cache", _fetch.Source(files), "numpy")
    assert caught.value.code == "file_missing"


def test_a_wheel_of_a_local_folder_is_taken(manifest, files, tmp_path):
    (local := tmp_path / "local").mkdir()
    make_wheel(local, "mine", "0.1", {"mine.py": ""}, requires=("graphs",))
    wheels = resolve(manifest, tmp_path / "cache", _fetch.Source(files, local), "mine")
    assert {wheel.name for wheel in wheels} == {"base", "mine", "graphs", "six"}


@pytest.mark.parametrize("name", ["nowhere", "ortools", "pure"])
def test_a_package_without_a_wheel_is_named_with_what_to_do(manifest, files, tmp_path, name):
    with pytest.raises(SandboxError, match=f"no wheel of `{name}`") as caught:
        resolve(manifest, tmp_path / "cache", _fetch.Source(files), name)
    assert caught.value.code == "unknown_package"
    assert ("native code" if name == "ortools" else "--wheels DIR") in (caught.value.hint or "")


def test_shared_libraries_of_the_distribution_are_refused(manifest, files, tmp_path):
    with pytest.raises(SandboxError, match="needs the shared library libblas"):
        resolve(manifest, tmp_path / "cache", _fetch.Source(files), "fastmath")


def test_versions_that_contradict_the_pinned_ones_are_reported(manifest, files, tmp_path):
    with pytest.raises(SandboxError, match="pip could not fetch wants-newer") as caught:
        resolve(manifest, tmp_path / "cache", _fetch.Source(files), "wants-newer")
    assert "conflict" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["--index-url=x", "a b", "../x", "http://x/y.whl", "x @ file:///etc", "-r x", "a;b"]
)
def test_what_is_no_requirement(manifest, text):
    with pytest.raises(SandboxError, match="not the name of a package"):
        _resolve.Request.parse([text], manifest)


def test_the_address_comes_out_of_the_loader(tmp_path):
    (tmp_path / _lock.LOCK_FILE).write_text('{"packages": {}}')
    (tmp_path / _lock.LOADER_FILE).write_text(LOADER)
    lock = _lock.Lock.read(tmp_path, "1.0")
    assert lock.address == "https://files.invalid/interp/v1.0/full/"
    (tmp_path / _lock.LOADER_FILE).write_text("no address")
    file = _lock.LockedFile("a", "1", "a-1.whl", "0", ())
    assert _lock.Lock.read(tmp_path, "1.0").url(file, "http://copy/x") == "http://copy/x/a-1.whl"
    with pytest.raises(SandboxError, match="address") as caught:
        _lock.Lock.read(tmp_path, "1.0").url(file, None)
    assert "--index" in (caught.value.hint or "")
