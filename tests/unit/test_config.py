import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.config import known_keys, resolve
from mathforge.errors import InputError
from mathforge.overrides import parse_override, parse_overrides, parse_value, split_arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.0", 1.0),
        ("1e-3", 0.001),
        ("true", True),
        ("False", False),
        ("null", None),
        ("high", "high"),
        ("gpt-oss/math", "gpt-oss/math"),
        ("[python]", ["python"]),
        ("[1, [2,a], 'b,c']", [1, [2, "a"], "b,c"]),
        ("[]", []),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("'quoted text'", "quoted text"),
        (r'"a \"b\""', 'a "b"'),
        ("'1'", "1"),
        ("", ""),
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("a=b", "a=b"),
    ],
)
def test_values(text: str, value: object) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("text", ["[1", "{a:1", "'open", "[a,'b]", "{a}", "[{a:1]"])
def test_unbalanced_values_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_override(f"++key={text}")


@given(st.text(alphabet=st.characters(blacklist_characters="\r"), max_size=30))
def test_any_text_survives_quoting(text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    assert parse_value(quoted) == text


@given(st.recursive(st.none() | st.booleans() | st.integers(), lambda inner: st.lists(inner, max_size=4)))
def test_nested_lists_survive(value: object) -> None:
    text = str(value).replace("None", "null").replace("True", "true").replace("False", "false")
    assert parse_value(text) == value


@given(st.text(max_size=40))
def test_parsing_raises_nothing_but_input_errors(text: str) -> None:
    try:
        resolve([parse_override(text)])
        resolve([parse_override(f"++inference.extra_body.x={text}")])
    except InputError:
        pass


RECIPE = """++inference.tokens_to_generate=120000 ++inference.temperature=1.0 ++inference.top_p=1.0
    ++prompt_config=gpt-oss/math ++use_completions_api=true ++code_tags=gpt-oss ++code_execution=true
    ++server.code_execution.max_code_executions=100 ++chat_template_kwargs.reasoning_effort=high
    ++chat_template_kwargs.builtin_tools=[python] ++inference.extra_body.reasoning_effort=high """


def test_the_published_recipe() -> None:
    config, notes = resolve(parse_overrides(split_arguments(RECIPE)))
    assert notes == []
    assert config.inference.endpoint_type == "text"
    assert (config.inference.tokens_to_generate, config.inference.temperature) == (120000, 1.0)
    assert config.server.code_execution.max_code_executions == 100
    assert config.chat_template_kwargs.builtin_tools == ["python"]
    assert config.inference.extra_body == {"reasoning_effort": "high"}


def test_the_last_assignment_wins() -> None:
    config, _ = resolve(parse_overrides(["++inference.top_p=0.5", "++inference.top_p=1"]))
    assert config.inference.top_p == 1.0


def test_a_group_can_be_given_as_a_mapping() -> None:
    config, _ = resolve(parse_overrides(["++inference={temperature:0.5,top_k:20}"]))
    assert (config.inference.temperature, config.inference.top_k) == (0.5, 20)


def test_code_execution_implies_the_text_endpoint() -> None:
    assert resolve(parse_overrides(["++code_execution=true"]))[0].inference.endpoint_type == "text"
    with pytest.raises(InputError, match="text endpoint"):
        resolve(parse_overrides(["++code_execution=true", "++inference.endpoint_type=chat"]))


def test_keys_without_effect_are_noted_once_each() -> None:
    config, notes = resolve(parse_overrides(["++skip_filled=true", "++eval_config.numeric_precision=4"]))
    assert len(notes) == 2
    assert config == resolve([])[0]


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("++inference.temprature=1", "++inference.temperature"),
        ("++temperature=1", "++inference.temperature"),
        ("++max_code_executions=3", "++server.code_execution.max_code_executions"),
        ("++xyzzy=1", "--dry-run"),
    ],
)
def test_unknown_keys_name_the_nearest(argument: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(parse_overrides([argument]))
    assert argument in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "argument",
    [
        "++inference.temperature=hot",
        "++inference.temperature=-1",
        "++inference.top_k=1.5",
        "++inference.top_p=0",
        "++code_execution=1",
        "++inference=3",
        "++inference.endpoint_type=responses",
        "++chat_template_kwargs.builtin_tools=[browser]",
        "++code_tags=llama3",
        "++server.code_execution.code_execution_timeout=0",
        "inference.top_p",
    ],
)
def test_wrong_values_are_refused(argument: str) -> None:
    with pytest.raises(InputError):
        resolve(parse_overrides([argument]))


def test_every_known_key_is_reachable() -> None:
    unknown: list[str] = []
    for key in known_keys():
        try:
            resolve(parse_overrides([f"++{key}=1"]))
        except InputError as error:
            unknown += [key] if error.code == "unknown_key" else []
    assert unknown == []
