"""Prompts: one problem in one style, as token ids for the text endpoint or as messages for the chat
endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from . import harmony
from .config import Evaluation
from .errors import InputError
from .problems import Problem


@dataclass(frozen=True, slots=True)
class Template:
    """A named prompt style.

    Attributes:
        user: text with `{problem}` and other fields of the row in braces; literal braces are doubled.
        system: text of the system (chat) or developer (gpt-oss ids) message, or None.
    """

    user: str
    system: str | None = None


_BOXED = "Put your final answer within \\boxed{{}}."

TEMPLATES = {
    "gpt-oss/math": Template(
        "{problem}\nPlease reason step by step, and put your final answer within \\boxed{{}}."
    ),
    "generic/math": Template(
        "Solve the following math problem. Make sure to put the answer (and only answer) inside \\boxed{{}}."
        "\n\n{problem}"
    ),
    "generic/default": Template("{problem}"),
    "generic/general-boxed": Template("Answer the following question. " + _BOXED + "\n\n{problem}"),
    "judge/math": Template("{problem} {predicted_answer} {expected_answer}"),
    "qwen/math-cot": Template(
        "{problem}", "Please reason step by step, and put your final answer within \\boxed{{}}."
    ),
}


def find_template(name: str) -> Template:
    """Look up a prompt style by name.

    Raises:
        InputError: an unknown name, with the nearest known one.
    """
    if template := TEMPLATES.get(name):
        return template
    near = get_close_matches(name, TEMPLATES, n=1)
    suggestion = f"did you mean `{near[0]}`? " if near else ""
    raise InputError(f"unknown prompt_config `{name}`", hint=f"{suggestion}known: {', '.join(TEMPLATES)}")


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
        chosen = find_template(config.prompt_config)
        system = chosen.system if config.system_message is None else _literal(config.system_message)
        return cls(Template(chosen.user + _literal(config.prompt_suffix), system), config)

    def user_text(self, problem: Problem) -> str:
        """The text of the user message."""
        return _fill(self.template.user, problem)

    def token_ids(self, problem: Problem) -> list[int]:
        """The gpt-oss prompt up to and including `<|start|>assistant`, as Harmony token ids."""
        kwargs = self.config.chat_template_kwargs
        messages = [
            harmony.system(
                effort=kwargs.reasoning_effort or "medium",
                python=self.config.code_execution,
                current_date=kwargs.current_date,
            )
        ]
        if self.template.system:
            messages.append(harmony.developer(_fill(self.template.system, problem)))
        messages.append(harmony.user(self.user_text(problem)))
        return harmony.render(messages)

    def messages(self, problem: Problem) -> list[dict[str, str]]:
        """The chat messages."""
        messages = [{"role": "user", "content": self.user_text(problem)}]
        if self.template.system:
            messages.insert(0, {"role": "system", "content": _fill(self.template.system, problem)})
        return messages


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fill(template: str, problem: Problem) -> str:
    try:
        return template.format_map({**problem.row, **({"problem": problem.text} if problem.text else {})})
    except KeyError as error:
        raise InputError(f"the prompt needs a field that problem `{problem.id}` lacks: {error}") from error
