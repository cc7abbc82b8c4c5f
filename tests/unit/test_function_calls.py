"""Function calls: read from what a model wrote, written into a conversation."""

from __future__ import annotations

import pytest

from mathforge import harmony
from mathforge.function_calls import FunctionCall, function_call, function_calls, function_result


def test_calls_are_read() -> None:
    messages = harmony.parse(
        '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'
        "<|start|>assistant<|channel|>analysis to=python code<|message|>1<|call|>"
        '<|start|>assistant<|channel|>commentary to=functions.g <|constrain|>json<|message|>{"a": <|call|>'
        "<|start|>assistant<|channel|>commentary to=functions.h json<|message|>[1]<|call|>"
    )
    first, cut, listed = function_calls(messages)
    assert first == FunctionCall("f", {"a": 1}, '{"a": 1}')
    assert (cut.name, cut.arguments, cut.text) == ("g", None, '{"a": ')
    assert cut.error is not None
    assert cut.error.startswith("the arguments are not JSON")
    assert listed.error == "the arguments are not a JSON object"


def test_deep_nesting_is_an_error_of_the_model() -> None:
    text = "[" * 100_000
    [m] = harmony.parse(f"<|channel|>commentary to=functions.f json<|message|>{text}<|call|>")
    assert "malformed_arguments" in [d.code for d in m.diagnostics]
    [call] = function_calls([m])
    assert call.arguments is None


@pytest.mark.parametrize("name", ["f", "functions.f"])
def test_calls_and_results_are_written(name: str) -> None:
    text = harmony.decode(
        harmony.render([function_call(name, {"a": "é"}), function_result(name, "2")], for_completion=False)
    )
    assert text == (
        "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>"
        '{"a": "é"}<|call|>'
        "<|start|>functions.f to=assistant<|channel|>commentary<|message|>2<|end|>"
    )
    assert function_result(name, 'say "2"', layout="hf").content == '"say \\"2\\""'


def test_the_developer_message_with_tools() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "How many."}},
        "required": ["n"],
    }
    tools = [
        {
            "type": "function",
            "function": {"name": "draw", "description": "Draws.\nSlowly.", "parameters": schema},
        }
    ]
    assert harmony.developer("Be brief.", tools=tools).content == (
        "# Instructions\n\nBe brief.\n\n# Tools\n\n## functions\n\nnamespace functions {\n\n"
        "// Draws.\n// Slowly.\ntype draw = (_: {\n// How many.\nn: number,\n}) => any;\n\n"
        "} // namespace functions"
    )
    assert harmony.developer("Be brief.", layout="hf").content.endswith("Be brief.\n\n")
    with pytest.raises(ValueError, match="tool 0"):
        harmony.developer(tools=[{"type": "function"}])
    with pytest.raises(ValueError, match="layout is one of"):
        harmony.developer(tools=tools, layout="mine")  # type: ignore[arg-type]


def test_the_browser_tool_stands_before_python() -> None:
    content = harmony.system(python=True, browser=True).content
    assert content.index("# Tools\n\n## browser\n\n// Tool for") < content.index(
        "} // namespace browser\n\n## python\n\nUse"
    )
