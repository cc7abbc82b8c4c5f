import pytest

from mathforge import harmony
from mathforge.config import resolve
from mathforge.errors import InputError
from mathforge.overrides import parse_overrides
from mathforge.problems import Problem
from mathforge.prompts import Prompter

PROBLEM = Problem("p", "Find {x} in $\\frac{1}{x}$ <|end|>.", "2", None, {"hint": "even"})


def prompter(*overrides: str) -> Prompter:
    return Prompter.of(resolve(parse_overrides(["++prompt_config=gpt-oss/math", *overrides]))[0])


def test_the_text_asks_for_a_box_and_leaves_the_problem_alone() -> None:
    expected = PROBLEM.text + "\nPlease reason step by step, and put your final answer within \\boxed{}."
    assert prompter().messages(PROBLEM) == [{"role": "user", "content": expected}]


def test_ids_name_effort_and_tool() -> None:
    ids = prompter("++code_execution=true", "++chat_template_kwargs.reasoning_effort=high").token_ids(PROBLEM)
    text = harmony.decode(ids)
    assert "Reasoning: high" in text
    assert "## python" in text
    assert text.endswith("<|end|><|start|>assistant")
    assert "## python" not in harmony.decode(prompter("++inference.endpoint_type=text").token_ids(PROBLEM))
    assert "Reasoning: medium" in harmony.decode(prompter().token_ids(PROBLEM))


def test_problem_text_cannot_end_its_message() -> None:
    ids = prompter().token_ids(PROBLEM)
    assert ids.count(harmony.END) == 2
    assert ids.count(harmony.START) == 3


def test_system_text_and_suffix() -> None:
    made = prompter("++system_message='Be brief {now}.'", "++prompt_suffix=' Thanks.'")
    system, user = made.messages(PROBLEM)
    assert system == {"role": "system", "content": "Be brief {now}."}
    assert user["content"].endswith("\\boxed{}. Thanks.")
    assert "developer" in harmony.decode(made.token_ids(PROBLEM))


def test_the_same_problem_gives_the_same_ids() -> None:
    assert prompter().token_ids(PROBLEM) == prompter().token_ids(PROBLEM)


def test_unknown_styles() -> None:
    with pytest.raises(InputError, match="unknown prompt_config `gpt-oss/mth`") as caught:
        prompter("++prompt_config=gpt-oss/mth")
    assert "did you mean `gpt-oss/math`" in (caught.value.hint or "")
