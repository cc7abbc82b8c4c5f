"""Ways a server dies, on demand: to test a client, or to rehearse a long run's recovery.

`--fail after=120,how=500` answers the first 120 completion requests and then fails every further one;
`times=3` fails three of them and recovers. Given several times, the one that starts last among those due
decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from mathforge.errors import InputError

MANNERS = {
    "500": "answer HTTP 500, as a server whose engine died",
    "reset": "reset the connection, half-way through a stream",
    "hang": "never answer",
    "exit": "end the server process, half-way through a stream",
    "error": "report the error inside a stream that began with HTTP 200",
}
HINT = (
    "for example --fail after=120,how=reset or --fail after=10,how=500,times=3; how is one of "
    + ", ".join(MANNERS)
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One `--fail` argument."""

    after: int
    how: str
    times: int | None = None

    def due(self, request: int) -> bool:
        """Whether the request with this number (from 0) fails."""
        return request >= self.after and (self.times is None or request < self.after + self.times)


def parse_fault(text: str) -> Fault:
    """Read `after=N,how=MANNER[,times=N]`.

    Raises:
        InputError: an unknown key or manner, or a count that is not a number.
    """
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = set(fields) - {"after", "how", "times"}
    counts = [fields[key] for key in ("after", "times") if key in fields]
    if unknown or fields.get("how") not in MANNERS or not all(c.isdecimal() for c in counts):
        raise InputError(f"not a fault: {text!r}", hint=HINT)
    return Fault(
        int(fields.get("after", 0)), fields["how"], int(fields["times"]) if "times" in fields else None
    )


class Faults:
    """Counts completion requests and says how each one fails, if it does."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = sorted(faults, key=lambda fault: fault.after, reverse=True)
        self._requests = 0

    def next(self) -> str | None:
        """The manner in which the next request fails, or None."""
        number, self._requests = self._requests, self._requests + 1
        return next((fault.how for fault in self._faults if fault.due(number)), None)
