"""What mathforge raises, and how a user is told.

Every error carries a stable `code`, a message whose last part is the offending value, and a `hint` that says
what to do next. The command line prints message and hint, never a traceback, for every `MathforgeError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import Diagnostic


class MathforgeError(Exception):
    """Base of all errors a caller is expected to handle.

    Attributes:
        code: stable snake_case identifier, safe to match on.
        hint: what to do next, or None.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        if code is not None:
            self.code = code


class InputError(MathforgeError):
    """A file, row or argument that cannot be used; the message names file and line."""

    code = "bad_input"


class ServerError(MathforgeError):
    """The model server is unreachable, refused a request or died."""

    code = "server"


class SandboxError(MathforgeError):
    """The Python sandbox cannot be prepared or started (never: a cell that failed)."""

    code = "sandbox"


class ClusterError(MathforgeError):
    """Jobs that could not be submitted, or that failed."""

    code = "cluster"


class StoreError(MathforgeError):
    """An output folder that cannot be continued, for example because its configuration differs."""

    code = "store"


class MalformedOutputError(MathforgeError, ValueError):
    """Model output that strict parsing does not repair.

    Attributes:
        diagnostic: code, offsets and severity of the first departure from the format.
    """

    code = "malformed_output"

    def __init__(self, message: str, *, diagnostic: Diagnostic) -> None:
        super().__init__(message, hint="parse without strict=True to have it repaired")
        self.diagnostic = diagnostic
