"""The table of unsafe code in docs/sandbox.md names every file that has some, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_unsafe_code_is_complete():
    sources = [path for folder in ("sandbox_wasm/src", "rust") for path in (ROOT / folder).rglob("*.rs")]
    assert len(sources) > 50
    pattern = re.compile(r"\bunsafe\b(?! code)|allow\(unsafe_code\)")
    code = {path: re.sub(r"//.*", "", path.read_text()) for path in sources}
    found = {path.relative_to(ROOT).as_posix() for path, text in code.items() if pattern.search(text)}
    documented = re.findall(r"^\| `([\w/]+\.rs)`", (ROOT / "docs/sandbox.md").read_text(), re.MULTILINE)
    assert found == set(documented)
    for path in found:
        text = (ROOT / path).read_text()
        assert len(re.findall(r"\bunsafe (?:\{|impl\b)", text)) == len(re.findall(r"// SAFETY:", text))
