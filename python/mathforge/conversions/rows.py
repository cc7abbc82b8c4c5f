"""Rows of JSONL files in one form to rows in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .. import harmony
from ..errors import InputError
from .losses import Converted, Loss, written_losses
from .nemo_text import from_nemo, to_nemo
from .openai_chat import from_openai, to_openai
from .sharegpt import from_sharegpt, to_sharegpt

Form = Literal["openai", "sharegpt", "nemo", "harmony"]
FORMS: tuple[Form, ...] = ("openai", "sharegpt", "nemo", "harmony")

# The field that shows the form of a row, and the fields that a conversation takes up.
_MARKS: dict[Form, str] = {"openai": "messages", "sharegpt": "conversations", "nemo": "generation"}
_FIELDS: dict[Form, frozenset[str]] = {
    "openai": frozenset({"messages", "tools"}),
    "sharegpt": frozenset({"conversations", "system", "tools"}),
    "nemo": frozenset({"generation", "problem", "reasoning_content"}),
    "harmony": frozenset({"text", "prompt", "token_ids"}),
}


def convert_row(row: object, to: Form, *, source: Form | None = None) -> Converted[dict[str, Any]]:
    """One row in another form; fields that are no part of the conversation stay as they are.

    Rows are told apart by `messages` (openai), `conversations` (sharegpt), `generation` (nemo), and
    `token_ids` or `text` (harmony; `prompt` before it is text, too).

    Args:
        row: a JSON object.
        to: the form to write.
        source: the form of the row; None finds out.

    Raises:
        InputError: the row is not in that form.
    """
    if not isinstance(row, dict):
        raise InputError("not an object")
    form = source or _form_of(row)
    try:
        read = _read(row, form)
    except ValueError as error:
        raise InputError(f"not a row of {form}: {error}") from error
    written = _write(read.value, to)
    kept = {name: value for name, value in row.items() if name not in _FIELDS[form]}
    return Converted({**kept, **written.value}, [*read.losses, *written.losses])


def _form_of(row: Mapping[str, Any]) -> Form:
    for form, mark in _MARKS.items():
        if mark in row:
            return form
    if "text" in row or "token_ids" in row:
        return "harmony"
    raise InputError("none of `messages`, `conversations`, `generation`, `text` and `token_ids`")


def _read(row: dict[str, Any], form: Form) -> Converted[list[harmony.Message]]:
    if form == "openai":
        return from_openai(row)
    if form == "sharegpt":
        return from_sharegpt(row)
    if form == "nemo":
        return from_nemo(row)
    ids, text, prompt = row.get("token_ids"), row.get("text"), row.get("prompt") or ""
    if isinstance(ids, list):
        try:
            return Converted(harmony.parse(ids))
        except (TypeError, OverflowError) as error:
            raise ValueError(f"`token_ids` is not a list of ids: {error}") from error
    if not isinstance(text, str) or not isinstance(prompt, str):
        raise ValueError("`text` or `prompt` is not text")
    return Converted(harmony.parse(prompt + text))


def _write(messages: list[harmony.Message], form: Form) -> Converted[dict[str, Any]]:
    if form == "openai":
        return to_openai(messages)
    if form == "sharegpt":
        return to_sharegpt(messages)
    if form == "nemo":
        return to_nemo(messages)
    ids = harmony.render(messages, for_completion=False, for_training=True)
    losses = [loss for loss in written_losses(messages) if loss.code != "token_ids"]
    if any(message.token_start is not None for message in messages):
        losses.insert(0, Loss("token_ids", None, "the conversation was written again"))
    return Converted({"text": harmony.decode(ids), "token_ids": ids}, losses)
