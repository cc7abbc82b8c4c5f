"""Packages added by name: images are really built, from wheels in a folder, and asked for in cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import make_wheel

from mathforge.errors import SandboxError
from mathforge.sandbox import Sandbox, _prepare
from mathforge.sandbox._manifest import Wheel

NAME = "mathforge-test"


def wheel(file: str) -> Wheel:
    name, version, _ = file.split("-", 2)
    return Wheel(name, version, "", file, "", (), default=False, preload=())


@pytest.fixture
def staging(tmp_path: Path) -> tuple[Path, list[Wheel]]:
    """Two unpacked wheels."""
    for name in ("one", "two"):
        record = tmp_path / f"site-packages/{name}-1.dist-info/RECORD"
        record.parent.mkdir(parents=True)
        record.write_text(f"{name}/__init__.py,sha256=x,1\n{name}/fast.so,sha256=x,1\n")
    return tmp_path, [wheel(f"{name}-1-py3-none-any.whl") for name in ("one", "two")]


TRACEBACK = """importing one: Traceback (most recent call last):
  File "<string>", line 1, in <module>
  File "/lib/python3.14/site-packages/one/__init__.py", line 1, in <module>
    import two
  File "/lib/python3.14/site-packages/two/__init__.py", line 3, in <module>
    from js import document
ModuleNotFoundError: """


@pytest.mark.parametrize(
    "end",
    [
        "No module named 'js'",
        "No module named 'pyodide.ffi'",
        "import of _pyodide_core halted; None in sys.modules",
        "cannot import name 'create_proxy' from 'pyodide.ffi' (unknown location)",
    ],
)
def test_a_wheel_that_needs_javascript_is_named(staging, end):
    said = _prepare._with_wheel(TRACEBACK + end, *staging)
    assert said.startswith(
        "the wheel `two-1-py3-none-any.whl` is refused: it cannot be imported without Java"
    )


def test_a_library_that_cannot_be_linked_is_named_and_other_failures_are_not(staging):
    said = _prepare._with_wheel("`/lib/python3.14/site-packages/one/fast.so` asks for x", *staging)
    assert said.startswith("the wheel `one-1-py3-none-any.whl` is refused: `/lib")
    other = TRACEBACK + "No module named 'absent'"
    assert _prepare._with_wheel(other, *staging) == other


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_package_and_what_it_needs_are_in_the_image(tmp_path):
    make_wheel(
        tmp_path,
        NAME,
        "1.0",
        {"mathforge_test/__init__.py": "from mathforge_test_needed import answer\n"},
        requires=("mathforge-test-needed>=1",),
    )
    make_wheel(tmp_path, f"{NAME}-needed", "1.0", {"mathforge_test_needed/__init__.py": "answer = 42\n"})
    image = _prepare.prepare([NAME], wheels=tmp_path)
    assert (image / "checksums.json").is_file()
    with Sandbox([NAME]) as box, box.session() as session:
        assert session.run("import mathforge_test\nmathforge_test.answer").stdout == "42\n"
        assert session.run("import sympy; sympy.factor(sympy.Symbol('x') ** 2 - 1)").status == "ok"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_package_for_browsers_is_refused_by_name(tmp_path):
    make_wheel(tmp_path, NAME, "2.0", {"mathforge_test/__init__.py": "from pyodide.ffi import to_js\n"})
    with pytest.raises(SandboxError, match=r"wheel `mathforge_test-2\.0.*without JavaScript"):
        _prepare.prepare([NAME], wheels=tmp_path, renew=True)
