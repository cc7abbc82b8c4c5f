"""Who may ask: one bearer token per client, or nobody but this machine."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError

TOKEN_CHARS = 16
ANYONE = "local"


@dataclass(frozen=True, slots=True)
class Clients:
    """Names of clients by the SHA-256 of their tokens; none at all means that tokens are not asked for."""

    names: dict[bytes, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Clients:
        """Read a token file: one `NAME TOKEN` in each line, `#` starts a comment.

        Raises:
            InputError: a line that is no client, with its number, or a file without clients.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot read the token file {path}: {reason}") from error
        names: dict[bytes, str] = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or len(words[1]) < TOKEN_CHARS:
                raise InputError(
                    f"{path}:{number}: not a client",
                    hint=f"write a name and a token of at least {TOKEN_CHARS} characters, as made by"
                    " `openssl rand -hex 32`",
                )
            digest = _digest(words[1])
            if digest in names:
                raise InputError(f"{path}:{number}: this token is also that of client `{names[digest]}`")
            names[digest] = words[0]
        if not names:
            raise InputError(f"the token file {path} names no client", hint="write one `NAME TOKEN` per line")
        return cls(names)

    def identify(self, authorization: str | None) -> str | None:
        """The client that an Authorization header belongs to; None when it is nobody's.

        Beside `Bearer TOKEN`, the token is accepted as the password of `Basic`: that is what HTTP libraries
        send for an address of the form `http://NAME:TOKEN@host`, where a client knows no other place for it.
        """
        if not self.names:
            return ANYONE
        token = _token(authorization or "")
        if token is None:
            return None
        digest, found = _digest(token), None
        for known, name in self.names.items():  # all of them, so that the time taken tells nothing
            if hmac.compare_digest(known, digest):
                found = name
        return found


def check_exposure(host: str, clients: Clients) -> None:
    """Refuse to run anybody's code for anybody who can reach this machine.

    Raises:
        InputError: an address other than loopback without tokens.
    """
    if not clients.names and not _is_loopback(host):
        raise InputError(
            f"without tokens the service listens on loopback only, not on {host}",
            hint="give each client a token in a file and name it with --token-file",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(authorization: str) -> str | None:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
