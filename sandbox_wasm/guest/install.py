"""Prepares the library inside the sandbox: unpacks it and compiles every module to byte code."""

import compileall
import py_compile
import zipfile
from pathlib import Path

LIBRARY = "/lib/python3.14"


def unpack():
    """Unpacks the standard library next to the packages."""
    with zipfile.ZipFile("/lib/python314.zip") as archive:
        archive.extractall(LIBRARY)


def sources():
    """Every source file, as a list to work through."""
    return [str(path) for path in Path(LIBRARY).rglob("*.py")]


def compile_some(paths):
    """Compiles files to byte code that is trusted without looking at the source's time stamp."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for path in paths:
        compileall.compile_file(path, quiet=2, invalidation_mode=mode)


unpack()
pending = sources()
total = len(pending)


def step():
    """Compiles a few files; prints how much of the whole is done."""
    batch, pending[:20] = pending[:20], []
    compile_some(batch)
    print(1 - len(pending) / max(total, 1))
