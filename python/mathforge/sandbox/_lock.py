"""The distribution's own list of packages, and the address where it publishes them.

Both come out of the pinned npm package: `pyodide-lock.json`, and the loader, which has the address built in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import SandboxError
from ._wheel import normalized

LOCK_FILE = "pyodide-lock.json"
LOADER_FILE = "pyodide.mjs"


@dataclass(frozen=True)
class LockedFile:
    """One file of the list; `needs` are names of the list."""

    name: str
    version: str
    file: str
    sha256: str
    needs: tuple[str, ...]

    @property
    def is_compiled(self) -> bool:
        """Whether it is built for this interpreter; pure wheels are newer on the package index."""
        return self.file.endswith(".whl") and not self.file.endswith("-none-any.whl")


@dataclass(frozen=True)
class Lock:
    """The list, by normalized name."""

    files: dict[str, LockedFile]
    address: str | None

    @classmethod
    def read(cls, folder: Path, version: str) -> Lock:
        """Read both files of an unpacked npm package.

        Args:
            folder: holds `pyodide-lock.json` and `pyodide.mjs`.
            version: of the npm package; the address names it.
        """
        data = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        files = {
            normalized(name): LockedFile(
                normalized(name),
                package["version"],
                package["file_name"],
                package["sha256"],
                tuple(normalized(needed) for needed in package["depends"]),
            )
            for name, package in data["packages"].items()
        }
        return cls(files, _address((folder / LOADER_FILE).read_text(encoding="utf-8"), version))

    def compiled(self, name: str) -> list[LockedFile]:
        """The compiled wheels that `name` brings, itself included; none for an unknown or pure one."""
        found: dict[str, LockedFile] = {}
        open_names = [normalized(name)]
        while open_names:
            file = self.files.get(open_names.pop())
            if file is None or file.name in found:
                continue
            if file.is_compiled:
                found[file.name] = file
            elif not found:
                return []
            if not file.file.endswith(".whl"):
                raise SandboxError(
                    f"`{name}` needs the shared library {file.name}, which the sandbox cannot fetch",
                    hint="build a wheel that brings its libraries, and name its folder with --wheels DIR",
                    code="unknown_package",
                )
            open_names += file.needs
        return list(found.values())

    def url(self, file: LockedFile, base: str | None) -> str:
        """Where a file is: under `base`, else under the distribution's own address."""
        address = base or self.address
        if address is None:
            raise SandboxError(
                f"the address of `{file.file}` is not known",
                hint="name the address of a copy of the distribution with --index URL",
                code="download",
            )
        return f"{address.rstrip('/')}/{file.file}"


def _address(loader: str, version: str) -> str | None:
    """The address in the loader: a template string that ends in the version and a folder."""
    found = re.search(r"`(https://[^`$\s]+/v)\$\{\w+\}(/[a-z]+/)`", loader)
    return None if found is None else f"{found[1]}{version}{found[2]}"


def names(files: Iterable[LockedFile]) -> str:
    """For messages."""
    return ", ".join(f"{file.name} {file.version}" for file in files)
