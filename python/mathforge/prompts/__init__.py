"""Prompts: one problem in one style, as token ids (gpt-oss) or text (other models) for the text endpoint, or
as messages for the chat endpoint."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .. import harmony
from ..config import Evaluation
from ..errors import InputError
from ..problems import Problem
from .layouts import GPT_OSS, call_style, render
from .templates import Template, built_in, check_names, find_template, literal

__all__ = [
    "GPT_OSS",
    "Prompter",
    "Template",
    "built_in",
    "call_style",
    "check_names",
    "find_template",
    "max_calls",
]


@dataclass(frozen=True, slots=True)
class Prompter:
    """Builds the prompts of one run.

    Attributes:
        template: the style, with the run's own system text and suffix put in.
        config: effort, tools and date of the system message.
    """

    template: Template
    config: Evaluation

    @classmethod
    def of(cls, config: Evaluation) -> Prompter:
        """The prompter a configuration asks for; raises InputError for an unknown style."""
        chosen = find_template(config.prompt_config, config.examples_type)
        system = chosen.system if config.system_message is None else literal(config.system_message)
        return cls(Template(chosen.user + literal(config.prompt_suffix), system), config)

    def user_text(self, problem: Problem, seed: int | None = None) -> str:
        """The text of the user message."""
        return self._fill(self.template.user, problem, seed)

    def messages(self, problem: Problem, seed: int | None = None) -> list[dict[str, str]]:
        """The chat messages."""
        if self.config.prompt_format == "openai":
            return _given_messages(problem)
        messages = [{"role": "user", "content": self.user_text(problem, seed)}]
        if self.template.system:
            system = self._fill(self.template.system, problem, seed)
            messages.insert(0, {"role": "system", "content": system})
        return messages

    def token_ids(self, problem: Problem) -> list[int]:
        """The gpt-oss prompt up to and including `<|start|>assistant`, as Harmony token ids."""
        kwargs = self.config.chat_template_kwargs
        rendered = [
            harmony.system(
                effort=kwargs.reasoning_effort or "medium",
                python=self.config.code_execution,
                current_date=kwargs.current_date,
            )
        ]
        for message in self.messages(problem):
            role, text = message["role"], message["content"]
            if role == "assistant":
                rendered.append(harmony.Message("assistant", text, channel="final"))
            else:
                rendered.append(harmony.user(text) if role == "user" else harmony.developer(text))
        return harmony.render(rendered)

    def text(self, problem: Problem, seed: int | None = None) -> str:
        """The prompt of a model other than gpt-oss, up to where it goes on."""
        return render(self.config, self.messages(problem, seed))

    def _fill(self, template: str, problem: Problem, seed: int | None) -> str:
        fields = {"total_code_executions": max_calls(self.config, problem, seed), **problem.row}
        if self.config.total_code_executions_in_prompt is not None:
            fields["total_code_executions"] = max_calls(self.config, problem, seed)
        if problem.text:
            fields["problem"] = problem.text
        try:
            return template.format_map(fields)
        except KeyError as error:
            raise InputError(
                f"the prompt needs a field that problem `{problem.id}` lacks: {error}",
                hint=f"++prompt_config={self.config.prompt_config} does not fit these rows",
            ) from error
        except (ValueError, IndexError, AttributeError) as error:
            raise InputError(
                f"++prompt_config={self.config.prompt_config} cannot be filled: {error}",
                hint="fields of a row stand in braces, literal braces are doubled",
            ) from error


def max_calls(config: Evaluation, problem: Problem, seed: int | None = None) -> int:
    """The number of Python calls that a prompt allows: as configured, or drawn by problem and seed."""
    told = config.total_code_executions_in_prompt
    if told is None:
        return config.server.code_execution.max_code_executions
    if isinstance(told, int):
        return told
    return random.Random(f"{problem.id}/{seed}").randint(*told)


def _given_messages(problem: Problem) -> list[dict[str, str]]:
    """The messages that an input row has itself."""
    messages = problem.row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InputError(
            f"row `{problem.id}` has no list `messages`", hint="++prompt_format=ns fills a prompt"
        )
    for message in messages:
        if not isinstance(message, dict) or not all(
            isinstance(message.get(k), str) for k in ("role", "content")
        ):
            raise InputError(f"row `{problem.id}`: each message needs `role` and `content` as text")
    return [{"role": message["role"], "content": message["content"]} for message in messages]
