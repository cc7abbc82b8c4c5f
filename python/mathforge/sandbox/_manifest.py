"""The pinned inputs of an image, as `sandbox_wasm/pyodide.toml` lists them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SandboxError


@dataclass(frozen=True)
class NpmPackage:
    """The package with the interpreter.

    Attributes:
        integrity: of the package file, in the registry's notation (`sha512-` and base64).
        python: version of the interpreter, as wheels name it.
        platform: tag of the compiled wheels that it can load.
        files: the members that are used, and the sha256 of each.
    """

    name: str
    version: str
    license: str
    integrity: str
    python: str
    platform: str
    files: dict[str, str]

    @property
    def file_name(self) -> str:
        """What `npm pack` calls the package file."""
        return f"{self.name}-{self.version}.tgz"


@dataclass(frozen=True)
class Wheel:
    """One Python package for the guest."""

    name: str
    version: str
    license: str
    file: str
    sha256: str
    needs: tuple[str, ...]
    default: bool
    preload: tuple[str, ...]

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Wheel:
        """From an entry of a TOML or JSON file."""
        return cls(**{**entry, "needs": tuple(entry["needs"]), "preload": tuple(entry["preload"])})


@dataclass(frozen=True)
class Manifest:
    """All pinned inputs; `text` is what the cache is keyed by."""

    text: str
    pyodide: NpmPackage
    wheels: tuple[Wheel, ...]

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read the TOML text."""
        data = tomllib.loads(text)
        pyodide = data["pyodide"]
        return cls(
            text=text,
            pyodide=NpmPackage(
                name=pyodide["package"],
                version=pyodide["version"],
                license=pyodide["license"],
                integrity=pyodide["integrity"],
                python=pyodide["python"],
                platform=pyodide["platform"],
                files=dict(pyodide["files"]),
            ),
            wheels=tuple(Wheel.of(entry) for entry in data["wheel"]),
        )

    @classmethod
    def load(cls) -> Manifest:
        """The manifest that this build of mathforge was made with."""
        from .. import _native

        return cls.parse(_native.sandbox_manifest())

    def select(self, packages: Sequence[str]) -> tuple[Wheel, ...]:
        """The default packages, those named, and what they need, in the manifest's order.

        Raises:
            SandboxError: for a package that is not pinned.
        """
        known = {wheel.name: wheel for wheel in self.wheels}
        wanted = {wheel.name for wheel in self.wheels if wheel.default}
        open_names = [*wanted, *(name.strip().lower().replace("_", "-") for name in packages)]
        while open_names:
            name = open_names.pop()
            if name not in known:
                raise SandboxError(
                    f"the sandbox has no pinned package `{name}`",
                    hint=f"available: {', '.join(sorted(known))}",
                    code="unknown_package",
                )
            wanted.add(name)
            open_names += [needed for needed in known[name].needs if needed not in wanted]
        return tuple(wheel for wheel in self.wheels if wheel.name in wanted)
