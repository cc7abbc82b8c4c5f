"""Wheels: what their names say, and unpacking them without trusting a byte.

Format: the binary distribution format of the Python packaging specifications (PEP 427, PEP 376 for RECORD).
"""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import io
import lzma
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from ..errors import SandboxError

# More than any package for the sandbox needs, and little enough for any disk.
MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 1 << 30
# Source code shrinks to a fifth; deflate can promise a thousandfold, which only a bomb does.
MAX_RATIO = 100
RATIO_FREE_BYTES = 64 << 20
CHUNK_BYTES = 1 << 20
# RECORD and METADATA are read whole.
MAX_TEXT_BYTES = 16 << 20

# What reading a broken archive raises.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    csv.Error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)

_FILE_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?)-(?P<version>[A-Za-z0-9._!+]+)(?:-\d[^-]*)?"
    r"-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)


def normalized(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(frozen=True)
class WheelName:
    """The parts of a wheel's file name; tags are sets of alternatives."""

    file: str
    name: str
    version: str
    python: frozenset[str]
    abi: frozenset[str]
    platform: frozenset[str]

    @classmethod
    def parse(cls, file: str) -> WheelName:
        """Take a file name apart.

        Raises:
            SandboxError: when it is not the name of a wheel.
        """
        found = _FILE_NAME.fullmatch(file)
        if found is None:
            raise _bad(file, "its name is not the name of a wheel")
        tags = {key: frozenset(found[key].split(".")) for key in ("python", "abi", "platform")}
        return cls(file, normalized(found["name"]), found["version"], **tags)

    def fits(self, python: str, platform: str) -> bool:
        """Whether the guest, CPython `python` ("3.14") on `platform`, can use it."""
        major, minor = (int(part) for part in python.split(".")[:2])
        exact = f"cp{major}{minor}"
        older = {f"cp{major}{number}" for number in range(2, minor + 1)}
        generic = {f"py{major}"} | {f"py{major}{number}" for number in range(minor + 1)}
        if not self.platform & {"any", platform}:
            return False
        if self.abi & {"none"}:
            return bool(self.python & (generic | {exact}))
        return bool(self.abi & {exact} and exact in self.python) or bool(
            "abi3" in self.abi and self.python & older
        )


def unpack_wheel(archive: Path, into: Path) -> None:
    """Check a wheel and write its modules to the folder `into`.

    Raises:
        SandboxError: when it is not a readable wheel, holds a path that leads elsewhere, is far larger
            than it looks, disagrees with its RECORD or its own name, or overwrites another wheel's file.
    """
    try:
        with zipfile.ZipFile(archive) as contents:
            members = _checked_members(archive.name, contents)
            recorded = _record(archive.name, contents, members)
            _check_metadata(WheelName.parse(archive.name), contents, members)
            for name, info in members.items():
                place = _place(name)
                if place is not None:
                    _write(archive.name, contents, info, recorded[name], into / place)
    except SandboxError:
        raise
    except UNREADABLE as error:
        raise _bad(archive.name, f"it is not a readable archive ({error})") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a seek to a place before the start
            raise _bad(archive.name, "it is not a readable archive") from error
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise _bad(archive.name, f"another wheel has written `{error.filename}`") from error
        raise


def _checked_members(wheel: str, contents: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files by name, none of which leads anywhere else or is larger than allowed."""
    members: dict[str, zipfile.ZipInfo] = {}
    unpacked = packed = 0
    for info in contents.infolist():
        name = info.orig_filename
        parts = name.removesuffix("/").split("/")
        if "\0" in name or "\\" in name or ":" in parts[0] or not all(parts) or {".", ".."} & set(parts):
            raise _bad(wheel, f"the path {name!r} leads out of it")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise _bad(wheel, f"`{name}` is a link or a device, not a file")
        if info.flag_bits & 1:
            raise _bad(wheel, f"`{name}` is encrypted")
        if name.endswith("/"):
            continue
        if name in members:
            raise _bad(wheel, f"it holds `{name}` twice")
        members[name] = info
        unpacked += info.file_size
        packed += info.compress_size
        if len(members) > MAX_FILES:
            raise _bad(wheel, f"it holds more than {MAX_FILES:,} files")
        if unpacked > MAX_UNPACKED_BYTES or unpacked > max(RATIO_FREE_BYTES, MAX_RATIO * packed):
            raise _bad(wheel, "unpacked it would be far larger than it looks")
    return members


def _record(wheel: str, contents: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
    """The expected sha256 of every file, as RECORD states it (base64, empty where it may state none)."""
    name = _only(wheel, members, "RECORD")
    rows = csv.reader(io.StringIO(contents.read(name).decode("utf-8")))
    recorded: dict[str, str] = {}
    for row in rows:
        if len(row) != 3:
            raise _bad(wheel, "its RECORD is not a table of three columns")
        algorithm, _, digest = row[1].partition("=")
        unhashed = row[0] in {name, f"{name}.jws", f"{name}.p7s"}
        if not unhashed and algorithm not in {"sha256", "sha384", "sha512"}:
            raise _bad(wheel, f"its RECORD states no safe hash of `{row[0]}`")
        recorded[row[0]] = "" if unhashed else f"{algorithm}={digest}"
    for missing in recorded.keys() - members.keys():
        raise _bad(wheel, f"its RECORD names `{missing}`, which it does not hold")
    for unnamed in members.keys() - recorded.keys():
        raise _bad(wheel, f"it holds `{unnamed}`, which its RECORD does not name")
    return recorded


def _check_metadata(wheel: WheelName, contents: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> None:
    text = contents.read(_only(wheel.file, members, "METADATA")).decode("utf-8", "replace")
    headers = HeaderParser().parsestr(text)
    if (
        normalized(str(headers["Name"])) != wheel.name
        or str(headers["Version"]).replace("-", "_") != wheel.version
    ):
        raise _bad(wheel.file, f"inside it says it is {headers['Name']} {headers['Version']}")


def _only(wheel: str, members: dict[str, zipfile.ZipInfo], file: str) -> str:
    found = [name for name in members if re.fullmatch(rf"[^/]+\.dist-info/{file}", name)]
    if len(found) != 1:
        raise _bad(wheel, f"it holds {len(found)} files `*.dist-info/{file}` instead of one")
    if members[found[0]].file_size > MAX_TEXT_BYTES:
        raise _bad(wheel, f"its {file} is larger than any honest one")
    return found[0]


def _place(name: str) -> PurePosixPath | None:
    """Where a file goes under site-packages; none for scripts, headers and start-up code."""
    path = PurePosixPath(name)
    if path.parts[0].endswith(".data"):
        if len(path.parts) < 3 or path.parts[1] not in {"purelib", "platlib"}:
            return None
        path = PurePosixPath(*path.parts[2:])
    return None if len(path.parts) == 1 and path.suffix == ".pth" else path


def _write(wheel: str, contents: zipfile.ZipFile, info: zipfile.ZipInfo, expected: str, target: Path) -> None:
    algorithm, _, digest = expected.partition("=")
    hash_ = hashlib.new(algorithm or "sha256")
    target.parent.mkdir(parents=True, exist_ok=True)
    with contents.open(info) as source, target.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):
            hash_.update(chunk)
            file.write(chunk)
    actual = base64.urlsafe_b64encode(hash_.digest()).decode("ascii").rstrip("=")
    if digest and digest.rstrip("=") != actual:
        raise _bad(wheel, f"`{info.filename}` is not what its RECORD says it is")


def top_level_modules(archive: Path) -> tuple[str, ...]:
    """Names that can be imported because of this wheel, without private ones, sorted."""
    names: set[str] = set()
    with zipfile.ZipFile(archive) as contents:
        for name in contents.namelist():
            path = _place(name)
            if path is None or path.parts[0].endswith(".dist-info"):
                continue
            if len(path.parts) == 1:
                names.update({path.name.split(".")[0]} if path.suffix in {".py", ".so"} else ())
            elif path.parts[1:] == ("__init__.py",):
                names.add(path.parts[0])
    return tuple(sorted(name for name in names if name.isidentifier() and not name.startswith("_")))


def _bad(wheel: str, reason: str) -> SandboxError:
    return SandboxError(
        f"the wheel `{wheel}` is refused: {reason}",
        hint="the file is damaged or hostile; nothing of it was used. Get it again from a source you trust",
        code="bad_wheel",
    )
