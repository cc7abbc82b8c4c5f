import pytest

from mathforge.errors import SandboxError
from mathforge.sandbox._manifest import Manifest

native = pytest.importorskip("mathforge._native")
pytestmark = pytest.mark.skipif(not hasattr(native, "sandbox_manifest"), reason="built without the sandbox")


def test_every_input_is_pinned_and_has_a_licence():
    manifest = Manifest.load()
    assert manifest.pyodide.integrity.startswith("sha512-")
    core = {"pyodide.asm.wasm", "pyodide.asm.mjs", "python_stdlib.zip"}
    assert set(manifest.pyodide.files) == core | {"pyodide-lock.json", "pyodide.mjs"}
    for wheel in manifest.wheels:
        assert len(wheel.sha256) == 64
        assert wheel.license
        assert wheel.file.startswith(f"{wheel.name.replace('-', '_')}-{wheel.version}-")
        assert set(wheel.needs) <= {other.name for other in manifest.wheels}


def test_defaults_and_what_they_need_are_selected_in_order():
    manifest = Manifest.load()
    assert [wheel.name for wheel in manifest.select(())] == ["sympy", "mpmath", "python-flint"]
    assert manifest.select(["SymPy"]) == manifest.select(())


def test_an_unknown_package_is_named():
    with pytest.raises(SandboxError, match="`numpyy`") as caught:
        Manifest.load().select(["numpyy"])
    assert caught.value.code == "unknown_package"
    assert "sympy" in (caught.value.hint or "")
