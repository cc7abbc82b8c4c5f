"""How conversations of models other than gpt-oss are written as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from ..config import Evaluation
from ..errors import InputError
from ..stream import TAGS

GPT_OSS = "gpt-oss"
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """One format of chat text.

    Attributes:
        begin: before everything.
        message: one message, with `{role}` and `{content}`.
        open: what the model's own turn begins with.
        tags: style of its Python calls.
        has_system: a system message is always there, empty if need be.
    """

    begin: str
    message: str
    open: str
    tags: str
    has_system: bool = True

    def render(self, messages: Messages) -> str:
        """The text up to where the model goes on."""
        if self.has_system and messages[0]["role"] != "system":
            messages = [{"role": "system", "content": ""}, *messages]
        turns = [
            self.message.replace("{role}", one["role"]).replace("{content}", one["content"])
            for one in messages
        ]
        return self.begin + "".join(turns) + self.open


_CHATML = ("", "<|im_start|>{role}\n{content}<|im_end|>\n", "<|im_start|>assistant\n")
_LLAMA3 = (
    "<|begin_of_text|>",
    "<|start_header_id|>{role}<|end_header_id|>\n\n{content}<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)

# Values of ++prompt_template in NeMo-Skills commands.
LAYOUTS = {
    "openmath-instruct": Layout(*_CHATML, "openmath"),
    "qwen-instruct": Layout(*_CHATML, "qwen"),
    "qwen3-instruct": Layout(*_CHATML, "qwen", has_system=False),
    "llama3-instruct": Layout(*_LLAMA3, "llama3"),
    "llama3-nemotron": Layout(*_LLAMA3, "nemotron"),
}


def call_style(config: Evaluation) -> str | None:
    """The tags of a configuration's Python calls; `gpt-oss` means Harmony ids, None a model without calls.

    Raises:
        InputError: an unknown style or layout, or a model of which too little is known.
    """
    if config.code_tags is not None and config.code_tags not in TAGS:
        near = get_close_matches(config.code_tags, TAGS, n=1)
        raise InputError(
            f"unknown code tags `{config.code_tags}`",
            hint=f"{f'did you mean `{near[0]}`? ' if near else ''}known: {', '.join(TAGS)}",
        )
    template = config.prompt_template
    if template is not None and template != GPT_OSS and template not in LAYOUTS:
        raise InputError(
            f"unknown prompt_template `{template}`",
            hint=f"known: {', '.join(LAYOUTS)}; or ++tokenizer=FOLDER with the model's chat template",
        )
    names_other = template not in {None, GPT_OSS} or (
        config.tokenizer is not None and GPT_OSS not in config.tokenizer
    )
    tags = config.code_tags
    if tags is None and template in LAYOUTS:
        tags = LAYOUTS[template].tags
    if not names_other:
        if tags not in {None, GPT_OSS}:
            raise InputError(
                f"code tags `{tags}` are of a model that is not gpt-oss; its chat format is not known",
                hint="add ++prompt_template=openmath-instruct (or another), or ++tokenizer=FOLDER",
            )
        return GPT_OSS
    if tags is None and config.code_execution:
        raise InputError(
            "how this model writes Python calls is not known",
            hint=f"add ++code_tags=, one of {', '.join(TAGS)}",
        )
    return tags


def render(config: Evaluation, messages: Messages) -> str:
    """Messages as the text prompt of a model other than gpt-oss."""
    if config.prompt_template in LAYOUTS:
        return LAYOUTS[config.prompt_template].render(messages)
    return _chat_template(str(config.tokenizer))(messages)


@cache
def _chat_template(tokenizer: str) -> Callable[[Messages], str]:
    """The chat template of a tokenizer's folder.

    Raises:
        InputError: it has none, or the package that fills it is not installed.
    """
    folder = Path(tokenizer).expanduser()
    folder = folder if folder.is_dir() else folder.parent
    config = folder / "tokenizer_config.json"
    fields = json.loads(config.read_bytes()) if config.is_file() else {}
    own = folder / "chat_template.jinja"
    text = own.read_text(encoding="utf-8") if own.is_file() else fields.get("chat_template")
    if not isinstance(text, str):
        raise InputError(
            f"no chat template in `{folder}`",
            hint="++tokenizer= names the model's folder (tokenizer_config.json); or give ++prompt_template=",
        )
    try:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise InputError(
            "a chat template needs the package `jinja2`", hint="pip install 'mathforge[tokenizers]'"
        ) from error
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _raise
    template = environment.from_string(text)
    special = {key: _token(fields.get(key)) for key in ("bos_token", "eos_token", "pad_token", "unk_token")}

    def fill(messages: Messages) -> str:
        try:
            return template.render(messages=messages, add_generation_prompt=True, **special)
        except TemplateError as error:
            raise InputError(f"the chat template of `{folder}` refuses the prompt: {error}") from error

    return fill


def _raise(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _token(value: object) -> str:
    """A special token as tokenizer_config.json writes it: text, or an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""
