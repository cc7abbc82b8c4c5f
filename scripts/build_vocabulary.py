"""Writes rust/src/harmony/o200k_harmony.bin.zst, the table that `harmony::vocab` and `harmony::pretokenize`
embed.

Development only; the result is checked in. Needs `oss-harmony==0.0.11` (the ranks), `regex==2024.11.6` (its
character database is Unicode 16, the version that the reference tokenizer was built with) and `zstandard`.
Uncompressed layout:

    199,998 bytes     length of each ordinary token, in id order
    1,397,670 bytes   their bytes, concatenated
    the rest          runs of character classes over U+0000..U+10FFFF: one class byte, then the run length
    as LEB128

The printed sha256 is pinned by a test in `vocab.rs`.
"""

import hashlib
import os
import sys
from pathlib import Path

os.environ.pop("TIKTOKEN_ENCODINGS_BASE", None)

import openai_harmony
import regex
import zstandard

ORDINARY_TOKENS = 199_998
OUTPUT = Path(__file__).resolve().parents[1] / "rust/src/harmony/o200k_harmony.bin.zst"

# Order fixes the class numbers of `pretokenize::Class`; the first pattern that matches wins.
CLASSES = [r"[\r\n]", r"\s", r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{M}", r"\p{N}", r"(?s:.)"]


def tokens() -> list[bytes]:
    inner = openai_harmony.load_harmony_encoding("HarmonyGptOss")._inner
    return [bytes(inner.decode_bytes([i])) for i in range(ORDINARY_TOKENS)]


def class_runs() -> bytes:
    patterns = [regex.compile(pattern) for pattern in CLASSES]
    classes = bytearray()
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        classes.append(next(i for i, pattern in enumerate(patterns) if pattern.match(character)))
    runs = bytearray()
    start = 0
    for i in range(1, len(classes) + 1):
        if i < len(classes) and classes[i] == classes[start]:
            continue
        runs.append(classes[start])
        length = i - start
        while length >= 128:
            runs.append(length & 127 | 128)
            length >>= 7
        runs.append(length)
        start = i
    return bytes(runs)


def main() -> None:
    table = tokens()
    raw = bytes(len(token) for token in table) + b"".join(table) + class_runs()
    parameters = zstandard.ZstdCompressionParameters.from_level(
        22, window_log=21, chain_log=22, hash_log=22, search_log=9, min_match=3, target_length=999
    )
    OUTPUT.write_bytes(zstandard.ZstdCompressor(compression_params=parameters).compress(raw))
    print(f"{len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}, compressed {OUTPUT.stat().st_size}")


if __name__ == "__main__":
    main()
