"""Sets of positions in a file of known length, and where the row of each stands: bytes, not objects."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSet
from typing import TypeVar

_T = TypeVar("_T")


class Positions(MutableSet[int]):
    """Some of the positions 0 to `length` - 1, in a byte each.

    Args:
        length: how many there are.
        full: begin with all of them.
    """

    def __init__(self, length: int, *, full: bool = False) -> None:
        self._flags = bytearray(b"\1" * length if full else length)
        self._count = length if full else 0

    @classmethod
    def _from_iterable(cls, it: Iterable[_T]) -> set[_T]:
        return set(it)  # what `-`, `&` and their like give

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and 0 <= position < len(self._flags) and self._flags[position] == 1

    def __iter__(self) -> Iterator[int]:
        return (position for position, flag in enumerate(self._flags) if flag)

    def __len__(self) -> int:
        return self._count

    def add(self, value: int) -> None:
        """Put one in."""
        self._count += not self._flags[value]
        self._flags[value] = 1

    def discard(self, value: int) -> None:
        """Take one out."""
        if value in self:
            self._flags[value] = 0
            self._count -= 1


class LinePlaces:
    """Offset and length of the line of each position, in 16 bytes each.

    Args:
        length: how many positions there are.
    """

    def __init__(self, length: int) -> None:
        self._offsets = array("Q", bytes(8 * length))
        self._lengths = array("Q", bytes(8 * length))

    def __contains__(self, position: int) -> bool:
        return self._lengths[position] > 0

    def __getitem__(self, position: int) -> tuple[int, int]:
        return self._offsets[position], self._lengths[position]

    def __setitem__(self, position: int, place: tuple[int, int]) -> None:
        self._offsets[position], self._lengths[position] = place
