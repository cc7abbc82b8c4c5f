"""Requests and answers of `/execute`, in NeMo-Skills' words."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, TypeGuard

from .._outcome import Outcome

STATEFUL = "ipython"
STATELESS = frozenset({"python", "python3", "pypy3"})
NOT_OFFERED = frozenset({"shell", "lean4"})
SESSION_ID_CHARS = 256
DEFAULT_TIMEOUT_S = 10.0
CUT = "<output cut>"


class RefusedError(Exception):
    """A request that is not carried out.

    Attributes:
        status: HTTP status.
        retry_after_s: seconds after which it may go better, or None.
    """

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, Any]:
        """What the client reads; also a cell's answer, for clients that do not look at the status."""
        message = str(self)
        return {"error": message} | answer("error", "", f"{message}\n")


@dataclass(frozen=True, slots=True)
class Request:
    """One cell to run.

    Attributes:
        code: Python source.
        session_id: whose variables it sees; None for a program of its own.
        std_input: what a program reads from standard input.
        timeout_s: seconds it may take.
        timeout_text: the same as the client wrote it.
        max_output_characters: of stdout and of stderr.
    """

    code: str
    session_id: str | None
    std_input: str
    timeout_s: float
    timeout_text: str
    max_output_characters: int


def read_request(body: bytes, session_id: str | None, max_timeout_s: float) -> Request:
    """Read the body of `POST /execute`.

    Raises:
        RefusedError: what is wrong with it (status 400).
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the request body is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise RefusedError(400, "the request body must be a JSON object")
    code = fields.get("generated_code")
    if not isinstance(code, str):
        raise RefusedError(400, "`generated_code` must be text")
    _check_language(fields.get("language", STATEFUL), session_id)
    std_input = fields.get("std_input") or ""
    if not isinstance(std_input, str):
        raise RefusedError(400, "`std_input` must be text")
    timeout = fields.get("timeout", DEFAULT_TIMEOUT_S)
    if not _is_number(timeout) or not 0 < timeout <= max_timeout_s:
        raise RefusedError(400, f"`timeout` must be a number of seconds above 0, at most {max_timeout_s:g}")
    characters = fields.get("max_output_characters", 1000)
    if not _is_number(characters) or characters < 0:
        raise RefusedError(400, "`max_output_characters` must be a number, 0 or more")
    return Request(code, session_id, std_input, float(timeout), str(timeout), int(characters))


def _check_language(language: object, session_id: str | None) -> None:
    if not isinstance(language, str):
        raise RefusedError(400, "`language` must be text")
    if language == STATEFUL:
        if session_id is None:
            raise RefusedError(400, "X-Session-ID header required for ipython sessions")
        if not 0 < len(session_id) <= SESSION_ID_CHARS:
            raise RefusedError(400, f"X-Session-ID must have 1 to {SESSION_ID_CHARS} characters")
    elif language in NOT_OFFERED:
        raise RefusedError(400, f"this service runs Python only: no `{language}`")
    elif language not in STATELESS:
        known = ", ".join([STATEFUL, *sorted(STATELESS)])
        raise RefusedError(400, f"unknown `language`; known: {known}")
    elif session_id is not None:
        raise RefusedError(400, f"`{language}` keeps no state: leave X-Session-ID out, or use {STATEFUL}")


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def answer(status: str, stdout: str, stderr: str, *, new_session: bool = False) -> dict[str, Any]:
    """The four fields of every answer."""
    return {
        "process_status": status,
        "stdout": stdout,
        "stderr": stderr,
        "new_session_created": new_session,
    }


def cell_answer(outcome: Outcome, request: Request, *, new_session: bool) -> dict[str, Any]:
    """The answer for a cell: the traceback of an error is on stdout, where IPython writes it."""
    stdout, stderr = outcome.stdout, outcome.stderr
    if outcome.status == "timeout":
        status, stderr = "timeout", _time_is_up(request, outcome)
    elif outcome.status == "ok":
        status = "completed"
    elif outcome.status == "memory":
        status = "error"
    else:
        status, stdout, stderr = "error", _joined(stdout, stderr), ""
    return _cut(answer(status, _trimmed(stdout), stderr, new_session=new_session), request)


def more_of(outcome: Outcome) -> str:
    """What the four fields leave out, as JSON for a header: more fields might irritate clients."""
    names = ("status", "wall_s", "cpu_s", "truncated", "rolled_back", "state_lost")
    return json.dumps({name: getattr(outcome, name) for name in names})


def program_answer(outcome: Outcome, request: Request) -> dict[str, Any]:
    """The answer for a stateless program. One that failed has completed too; its traceback is on stderr."""
    if outcome.status == "timeout":
        return _cut(answer("timeout", outcome.stdout, _time_is_up(request, outcome)), request)
    return _cut(answer("completed", outcome.stdout, outcome.stderr), request)


def _time_is_up(request: Request, outcome: Outcome) -> str:
    text = f"Execution timed out after {request.timeout_text} seconds\n"
    if outcome.state_lost and request.session_id is not None:
        text += "The session was restarted: its variables are lost.\n"
    elif outcome.rolled_back and request.session_id is not None:
        text += "The session is as it was before this cell.\n"
    return text


def _joined(first: str, second: str) -> str:
    return f"{first}\n{second}" if first and second and not first.endswith("\n") else first + second


def _trimmed(text: str) -> str:
    text = text.lstrip("\n").rstrip()
    return f"{text}\n" if text else ""


def _cut(fields: dict[str, Any], request: Request) -> dict[str, Any]:
    """Shorten both streams. Head and tail stay, so that a traceback behind long prints is still seen."""
    limit = request.max_output_characters
    for name in ("stdout", "stderr"):
        text = fields[name]
        if len(text) > limit:
            tail = limit // 2
            fields[name] = text[: limit - tail] + CUT + text[len(text) - tail :]
    return fields
