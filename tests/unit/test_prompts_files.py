"""Prompt files: built in, of the user, worked examples, chat layouts of other models."""

import json
from pathlib import Path

import pytest

from mathforge.config import resolve
from mathforge.errors import InputError
from mathforge.overrides import parse_overrides
from mathforge.problems import Problem
from mathforge.prompts import Prompter, built_in, call_style, max_calls
from mathforge.stream import TAGS, Detector
from mathforge.tag_outputs import STYLES

FIELDS = {
    **dict.fromkeys(("predicted_answer", "expected_answer", "generation", "problem1", "problem2"), "x{y}"),
    **{"num_solutions": 2, "max_idx": 1, "solutions": "..."},
}
PROBLEM = Problem("p", "Find {x} in $\\frac{1}{x}$.", "2", None, FIELDS)
TEXT = "++inference.endpoint_type=text"


def prompter(*overrides: str) -> Prompter:
    return Prompter.of(resolve(parse_overrides(overrides))[0])


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_prompt_can_be_filled(name: str) -> None:
    text = "\n".join(one["content"] for one in prompter(f"++prompt_config={name}").messages(PROBLEM))
    assert "{{" not in text.replace("\\boxed{}", "")
    assert PROBLEM.text in text or name == "judge/check-contamination"
    if name.endswith(("/math", "-cot", "-tir", "think")) and not name.startswith("judge"):
        assert "\\boxed{}" in text


@pytest.mark.parametrize("name", built_in("examples"))
def test_worked_examples_stand_before_the_problem(name: str) -> None:
    text = prompter("++prompt_config=generic/math", f"++examples_type={name}").user_text(PROBLEM)
    assert text.count("\\boxed{") == 5
    assert text.endswith(f"Here is the problem you need to solve:\n{PROBLEM.text}")
    with pytest.raises(InputError, match="no place for"):
        prompter("++prompt_config=qwen/math-cot", f"++examples_type={name}")


def test_a_file_of_the_user(tmp_path: Path) -> None:
    path, examples = tmp_path / "mine.yaml", tmp_path / "e.yaml"
    path.write_text(
        "system: 'Be {generation}.'\nuser: '{examples}Q {problem}'\nfew_shot_examples: {template: '[{a}]'}\n"
    )
    examples.write_text("- a: '{1}'\n- a: 2\n")
    made = prompter(f"++prompt_config={path}", f"++examples_type={examples}")
    assert made.messages(PROBLEM) == [
        {"role": "system", "content": "Be x{y}."},
        {"role": "user", "content": f"[{{1}}][2]Q {PROBLEM.text}"},
    ]
    path.write_text("user: 'Other {problem}'")
    assert prompter(f"++prompt_config={path}").user_text(PROBLEM).startswith("Other")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("user: [1", "not YAML"),
        ("- a", "a mapping with the key `user`"),
        ("system: x", "no text under `user`"),
        ("user: x\nsystm: y", "unknown key `systm`"),
        ("user: x\nfew_shot_examples: {retrieval_file: y}", "cannot have `retrieval_file`"),
        ("user: '{nothing}'", "lacks: 'nothing'"),
        ("user: '{problem'", "cannot be filled"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        prompter(f"++prompt_config={path}").messages(PROBLEM)


def test_messages_of_the_row_itself() -> None:
    given = [{"role": "system", "content": "a"}, {"role": "user", "content": "b {c}"}]
    made = prompter("++prompt_format=openai")
    assert made.messages(Problem("p", "", None, None, {"messages": given})) == given
    with pytest.raises(InputError, match="no list `messages`"):
        made.messages(PROBLEM)


def test_layouts_of_other_models() -> None:
    def text(*overrides: str) -> str:
        return prompter("++prompt_config=generic/default", TEXT, *overrides).text(
            Problem("p", "Hi", None, None, {})
        )

    chatml = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert text("++prompt_template=openmath-instruct") == chatml.format("")
    assert text("++prompt_template=qwen-instruct", "++system_message=Brief.") == chatml.format("Brief.")
    assert text("++prompt_template=llama3-instruct").startswith("<|begin_of_text|><|start_header_id|>system")


def test_the_chat_template_of_a_tokenizer(tmp_path: Path) -> None:
    template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    template += "{% if add_generation_prompt %}[assistant]{% endif %}"
    fields = {"chat_template": template, "bos_token": {"content": "<s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(fields))
    made = prompter("++prompt_config=generic/default", TEXT, f"++tokenizer={tmp_path}")
    assert made.text(PROBLEM) == f"<s>[user] {PROBLEM.text}\n[assistant]"
    (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(InputError, match="no chat template"):
        prompter("++prompt_config=generic/default", TEXT, f"++tokenizer={tmp_path}/.").text(PROBLEM)


@pytest.mark.parametrize(
    ("overrides", "style"),
    [
        ([], "gpt-oss"),
        (["++tokenizer=openai/gpt-oss-120b"], "gpt-oss"),
        (["++prompt_template=openmath-instruct"], "openmath"),
        (["++prompt_template=openmath-instruct", "++code_tags=qwen"], "qwen"),
        (["++tokenizer=/models/other", "++code_tags=nemotron"], "nemotron"),
        (["++tokenizer=/models/other"], None),
    ],
)
def test_how_a_model_writes_calls(overrides: list[str], style: str | None) -> None:
    assert call_style(resolve(parse_overrides([TEXT, *overrides]))[0]) == style


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["++prompt_template=mistral"], "unknown prompt_template `mistral`"),
        (["++code_tags=openmth", "++prompt_template=qwen-instruct"], "unknown code tags `openmth`"),
        (["++code_tags=openmath"], "not gpt-oss"),
        (["++tokenizer=/models/other", "++code_execution=true"], "is not known"),
        (["++total_code_executions_in_prompt=[8,2]"], "least,most"),
    ],
)
def test_models_of_which_too_little_is_known(overrides: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        resolve(parse_overrides([TEXT, *overrides]))


def test_the_number_of_calls_in_the_prompt() -> None:
    base = ["++prompt_config=openmath/tir", "++server.code_execution.max_code_executions=7"]
    assert "up to 7 Python" in prompter(*base).user_text(PROBLEM)
    assert "up to 3 Python" in prompter(*base, "++total_code_executions_in_prompt=3").user_text(PROBLEM)
    config = resolve(parse_overrides([*base, "++total_code_executions_in_prompt=[1,8]"]))[0]
    drawn = [max_calls(config, PROBLEM, seed) for seed in range(40)]
    assert drawn == [max_calls(config, PROBLEM, seed) for seed in range(40)]
    assert set(drawn) == set(range(1, 9))


@pytest.mark.parametrize("tags", sorted(STYLES))
def test_outputs_are_read_as_outputs(tags: str) -> None:
    """The texts written behind a call are those that the detector of this style knows."""
    from mathforge.tag_outputs import formatted_output
    from mathforge.tools import Result

    begin = {
        "openmath": "<tool_call>\n",
        "qwen": "```python\n",
        "nemotron": "<llm-code>\n",
        "llama3": "<|python_tag|>",
    }
    detector = Detector(tags)
    text = "Let me see.\n" + begin[tags] + "print(1)\n" + STYLES[tags].code_end
    text += formatted_output(tags, Result("1", "ok", 0.1)) + "So it is 1."
    events = [*detector.push(text), *detector.finish()]
    code, output = ("".join(e.text for e in events if e.kind == kind) for kind in ("code", "output"))
    assert tags in TAGS
    assert code.strip() == "print(1)"
    assert "1\n" in output
    assert "So it is" not in output
