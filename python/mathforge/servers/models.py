"""Which of the models that a server lists is meant, and how long its context is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from ..errors import ServerError

DEFAULT_CONTEXT_TOKENS = 131072  # of gpt-oss


@dataclass(frozen=True, slots=True)
class Model:
    """The model behind the server.

    Attributes:
        name: what requests call it.
        context_tokens: its context window.
    """

    name: str
    context_tokens: int


def choose(listed: Iterable[dict[str, Any]], wanted: str | None, url: str) -> Model:
    """The model to ask for.

    Args:
        listed: the `data` of `/v1/models`; may be empty where a server keeps no list.
        wanted: name, or None for the only one there is. A path also matches its last part, which is what
            TensorRT-LLM calls a model from a folder.
        url: of the server, for messages.

    Raises:
        ServerError: it is not there, or several are and none is named.
    """
    by_name = {str(model.get("id")): model for model in listed}
    name = wanted
    if name is None and len(by_name) == 1:
        name = next(iter(by_name))
    if name is not None and name not in by_name and PurePath(name).name in by_name:
        name = PurePath(name).name
    if name is None or (by_name and name not in by_name):
        near = get_close_matches(wanted or "", by_name, n=1)
        served = ", ".join(by_name) or "nothing"
        raise ServerError(
            f"the server at `{url}` has no model `{wanted}`" if wanted else "no --model is given",
            hint=(f"did you mean --model {near[0]}? " if near else "") + f"it serves: {served}",
            code="unknown_model",
        )
    stated = by_name.get(name, {}).get("max_model_len")
    return Model(name, stated if isinstance(stated, int) else DEFAULT_CONTEXT_TOKENS)
