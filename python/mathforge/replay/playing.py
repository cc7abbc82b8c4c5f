"""From recorded ids to steps, one per token, as vLLM's engine would stop, cut and detokenise them.

Rules (observed on vLLM 0.32): the primary end of sequence stops with `stop_reason` null; any other end id of
the model, or of the request's `stop_token_ids`, stops with that id as `stop_reason`; the stopping id is among
the ids but its text is not in the text, unless `include_stop_str_in_output`; a stop string stops with itself
as `stop_reason`; otherwise the end comes after exactly `max_tokens` ids with `finish_reason` "length". Text
appears only when its bytes are valid UTF-8, so a step may carry an id and no text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mathforge import harmony
from mathforge.replay.matching import Match

FIRST_SPECIAL = 199998
END_IDS = frozenset({harmony.RETURN, harmony.ENDOFTEXT, harmony.CALL})


@dataclass(frozen=True, slots=True)
class Sampling:
    """The request options that decide where a completion ends and what its text shows."""

    max_tokens: int
    stop: tuple[str, ...] = ()
    stop_token_ids: frozenset[int] = frozenset()
    include_stop: bool = False
    skip_special: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One sampled id with the text that became readable by it; the last step carries the finish."""

    id: int
    text: str
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@cache
def token_text(id_: int) -> str | None:
    """A token's text, or None where its bytes are not UTF-8 on their own."""
    try:
        return harmony.decode_bytes([id_]).decode("utf-8")
    except UnicodeDecodeError:
        return None


class Detokenizer:
    """Text of a growing sequence; bytes of an unfinished character are held back, at the end for good."""

    def __init__(self, skip_special: bool) -> None:
        self._skip_special = skip_special
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = False

    def push(self, id_: int) -> str:
        """The text that one more id completes."""
        if id_ >= FIRST_SPECIAL and self._skip_special:
            return ""
        text = token_text(id_)
        if text is not None and not self._pending:
            return text
        text = self._decoder.decode(harmony.decode_bytes([id_]))
        self._pending = bool(self._decoder.getstate()[0])
        return text


class StopStrings:
    """Finds stop strings in a stream and holds back text that may begin one."""

    def __init__(self, strings: tuple[str, ...], include: bool) -> None:
        self._strings = strings
        self._include = include
        self._hold = 0 if include else max((len(s) for s in strings), default=1) - 1
        self._window = max((len(s) for s in strings), default=1) - 1
        self._seen = ""
        self._sent = 0

    def push(self, text: str) -> tuple[str, str | None]:
        """(text that may be shown now, the stop string that ended the stream or None)."""
        if not self._strings:
            return text, None
        search_from = max(0, len(self._seen) - self._window)
        self._seen += text
        hits = [(at, s) for s in self._strings if (at := self._seen.find(s, search_from)) >= 0]
        if hits:
            at, stop = min(hits)
            self._seen = self._seen[: at + len(stop) if self._include else at]
            return self._seen[self._sent :], stop
        shown_to = max(self._sent, len(self._seen) - self._hold)
        shown = self._seen[self._sent : shown_to]
        # Only the window is ever searched again; without the cut a long answer would be copied at every
        # token.
        cut = max(0, min(shown_to, len(self._seen) - self._window))
        self._seen, self._sent = self._seen[cut:], shown_to - cut
        return shown, None

    def flush(self) -> str:
        """Text still held back when the stream ends for another reason."""
        return self._seen[self._sent :] if self._strings else ""


def play(match: Match, sampling: Sampling) -> Iterator[Step]:
    """The steps of a completion; the last one, and only it, has a `finish_reason`."""
    ends = END_IDS | sampling.stop_token_ids
    words = Detokenizer(sampling.skip_special)
    stops = StopStrings(sampling.stop, sampling.include_stop)
    count = min(len(match.ids), sampling.max_tokens)
    for number, id_ in enumerate(match.ids[:count], 1):
        stopped_by_id = id_ in ends
        text = words.push(id_) if sampling.include_stop or not stopped_by_id else ""
        shown, stop = stops.push(text)
        if stop is not None:
            yield Step(id_, shown, "stop", stop)
            return
        if stopped_by_id:
            reason = None if id_ == harmony.RETURN else id_
            yield Step(id_, shown + stops.flush(), "stop", reason)
            return
        if number < count:
            yield Step(id_, shown)
            continue
        finished = (match.finish_reason, match.stop_reason) if count == len(match.ids) else ("length", None)
        yield Step(id_, shown + stops.flush(), *finished)
