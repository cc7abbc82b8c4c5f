"""Token ids of models other than gpt-oss, through Hugging Face tokenizers.

gpt-oss needs none of this: `mathforge.harmony` has its vocabulary. A tokenizer is a `tokenizers.Tokenizer`,
or the path of a `tokenizer.json` or of the folder that holds it; nothing is downloaded.

    events = TokenDetector("qwen", "Qwen2.5-Math-7B/tokenizer.json").push(ids)
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .errors import InputError
from .stream import Detector, Event

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    AnyTokenizer: TypeAlias = Tokenizer | str | PathLike[str]

__all__ = ["TokenDetector", "TokenText", "decode", "encode", "load"]


def load(tokenizer: AnyTokenizer) -> Tokenizer:
    """The tokenizer itself, or the one in a file.

    Raises:
        InputError: the package `tokenizers` is not installed, the file is absent, or it holds no tokenizer.
    """
    if not isinstance(tokenizer, str | PathLike):
        return tokenizer
    path = Path(tokenizer)
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"no tokenizer.json at {path}", hint="name the file, or the folder of the model")
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise InputError(
            "reading a tokenizer.json needs the package `tokenizers`",
            hint="pip install 'mathforge[tokenizers]'",
        ) from error
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises Exception itself
        raise InputError(f"{path} holds no tokenizer: {error}") from error


def encode(text: str, tokenizer: AnyTokenizer) -> list[int]:
    """Token ids of a text, special tokens where their text stands, and no others added."""
    ids: list[int] = load(tokenizer).encode(text, add_special_tokens=False).ids
    return ids


def decode(ids: Sequence[int], tokenizer: AnyTokenizer) -> str:
    """Text of token ids, special tokens as their text. Ids that the tokenizer does not have give no text."""
    text: str = load(tokenizer).decode(list(ids), skip_special_tokens=False)
    return text


class TokenText:
    """Ids to text as they arrive, a character only when all of it is there: `stream.Driver.feed` takes it.

    Any chunking gives the same text. Tags that the tokenizer keeps as special tokens come as their text.

    Args:
        tokenizer: see the module.
    """

    def __init__(self, tokenizer: AnyTokenizer) -> None:
        self._tokenizer = load(tokenizer)
        from tokenizers.decoders import DecodeStream

        self._decoder = DecodeStream(skip_special_tokens=False)
        self._undecoded: list[int] = []

    def push(self, ids: Sequence[int]) -> str:
        """Text that is complete with these ids."""
        texts = []
        for token in ids:
            self._undecoded.append(token)
            text = self._decoder.step(self._tokenizer, token)
            if text is not None:
                texts.append(text)
                self._undecoded.clear()
        return "".join(texts)

    def finish(self) -> str:
        """The rest: a cut character as U+FFFD."""
        return self._tokenizer.decode(self._undecoded, skip_special_tokens=False) if self._undecoded else ""


class TokenDetector:
    """A `stream.Detector` that reads the ids of another model.

    The ids are decoded as they arrive (see `TokenText`); any chunking gives the same events.

    Args:
        tags: a style of `stream.TAGS`.
        tokenizer: see the module.
    """

    def __init__(self, tags: str, tokenizer: AnyTokenizer) -> None:
        self._detector = Detector(tags)
        self._text = TokenText(tokenizer)

    def push(self, ids: Sequence[int]) -> list[Event]:
        """Events of these ids; offsets count the bytes of the decoded text."""
        return self._detector.push(self._text.push(ids))

    def finish(self) -> list[Event]:
        """Ends the stream: what is left of an open block is told, a cut character as U+FFFD."""
        return [*self._detector.push(self._text.finish()), *self._detector.finish()]
