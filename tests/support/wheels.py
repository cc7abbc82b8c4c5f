"""Wheels made in tests, honest and hostile."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    tag: str = "py3-none-any",
    requires: tuple[str, ...] = (),
    record: Mapping[str, str | None] | None = None,
    metadata_name: str | None = None,
) -> Path:
    """Write a wheel with METADATA, WHEEL and a RECORD that is right, but for the rows in `record`.

    Args:
        record: rows to replace: path to hash column; None drops the row.
        metadata_name: the name that METADATA states; default the real one.
    """
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    head = f"Metadata-Version: 2.1\nName: {metadata_name or name}\nVersion: {version}\n{needs}\n"
    contents = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    contents[f"{info}/METADATA"] = head.encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    rows: dict[str, str | None] = {path: record_hash(data) for path, data in contents.items()}
    rows[f"{info}/RECORD"] = ""
    rows.update(record or {})
    table = "".join(f"{path},{digest},\n" for path, digest in rows.items() if digest is not None)
    contents[f"{info}/RECORD"] = table.encode()
    target = folder / f"{stem}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return target


def record_hash(data: bytes) -> str:
    """The hash column of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode("ascii")
    return "sha256=" + digest.rstrip("=")
