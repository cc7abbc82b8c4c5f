"""What a harness writes behind a tagged Python call: its output, and how many calls remain."""

from __future__ import annotations

from dataclasses import dataclass

from .tools import Result


@dataclass(frozen=True, slots=True)
class Style:
    """The texts of one style; `stream.Detector` knows the same ones.

    Attributes:
        code_end: what ends a call, and the server's stop string.
        output_begin: before the output.
        output_end: after the output, up to where the model goes on.
        has_sections: the output is a status and named sections instead of plain text.
    """

    code_end: str
    output_begin: str
    output_end: str
    has_sections: bool = False


STYLES = {
    "openmath": Style("</tool_call>", "\n```output\n", "```\n"),
    "qwen": Style("```\n", "```output\n", "```\n"),
    "nemotron": Style("</llm-code>\n", "<llm-code-output>\n", "</llm-code-output>\n"),
    "llama3": Style(
        "<|eom_id|>",
        "<|start_header_id|>ipython<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        has_sections=True,
    ),
}
_STATUS = {"ok": "completed", "error": "error", "timeout": "timeout", "memory": "error", "lost": "error"}


def formatted_output(style: str, result: Result) -> str:
    """A call's result as the model reads it."""
    tags = STYLES[style]
    text = result.text if result.text.endswith("\n") else f"{result.text}\n"
    if tags.has_sections:
        name = "stdout" if result.status in {"ok", "error"} else "stderr"
        text = f"{_STATUS[result.status]}\n[{name}]\n{text}[/{name}]"
    return f"{tags.output_begin}{text}{tags.output_end}"


def remaining_calls(count: int) -> str:
    """The note behind an output; it begins as NeMo-Skills', since filters of training data look for that."""
    if count > 0:
        note = f"Remaining code executions: {count}. When they are used up, go on without code."
    else:
        note = "You have run out of code executions! Finish the solution without code."
    return f"```system\n{note}\n```\n"
