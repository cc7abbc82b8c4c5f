"""What a run can be told, as typed records: one dataclass per noun, filled from defaults and `++` overrides.

Keys, defaults and spellings follow NeMo-Skills, so its commands keep working; `Evaluation` is the root,
`++inference.top_p=1` sets `Evaluation.inference.top_p`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal

from .errors import InputError
from .overrides import SKIP_FILLED, Override

EndpointType = Literal["chat", "text"]
ServerType = Literal["vllm", "sglang", "openai", "trtllm", "generic", "replay"]
Effort = Literal["low", "medium", "high"]


@dataclass(slots=True)
class Inference:
    """How tokens are sampled.

    Attributes:
        endpoint_type: `text` posts token ids to /v1/completions, `chat` posts messages to
            /v1/chat/completions.
        temperature: 0 is greedy.
        top_p: nucleus probability.
        top_k: -1 is off.
        min_p: 0 is off.
        repetition_penalty: 1 is off.
        random_seed: sent as `seed`; set per file when samples are drawn by seed.
        tokens_to_generate: budget of one sample in tokens, tool output included; None is all the context
            allows.
        final_answer_tokens: part of the budget kept for a final answer when the model has not come to an end
            by itself (text only).
        stop_on_repetition: end the thoughts of a sample that has fallen into a loop and ask for its final
            answer (text only; at once where answers are streamed).
        timeout: seconds one request may take.
        stream: read the answer as server-sent events.
        extra_body: more fields of the request body, as they are.
    """

    endpoint_type: EndpointType = "chat"
    temperature: float = 0.0
    top_p: float = 0.95
    top_k: int = -1
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    random_seed: int = 0
    tokens_to_generate: int | None = None
    final_answer_tokens: int = 2048
    stop_on_repetition: bool = True
    timeout: float = 14400.0
    stream: bool = False
    extra_body: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class CodeExecution:
    """Limits of the Python tool.

    Attributes:
        max_code_executions: calls per sample.
        max_code_output_characters: characters of output the model sees; the middle of a longer one is cut.
        code_execution_timeout: seconds per call.
        add_remaining_code_executions: tell the model behind each output how many calls are left (styles
            other than gpt-oss).
    """

    max_code_executions: int = 8
    max_code_output_characters: int = 1000
    code_execution_timeout: float = 10.0
    add_remaining_code_executions: bool = False


@dataclass(slots=True)
class Endpoint:
    """Where the model answers.

    Attributes:
        server_type: which protocol details to expect.
        base_url: address up to and including /v1, or several separated by commas; overrides host and port.
        host: used when base_url is None.
        port: used when base_url is None.
        model: name sent with every request; None is the only model the server lists.
        api_key_env_var: environment variable that holds the key.
        context_tokens: context window; None is what the server states, else 131072.
        max_retries: further tries of a request that the server answered with 429 or 5xx.
        give_up_after_s: seconds without any answer after which the server counts as dead.
        code_execution: limits of the Python tool.
    """

    server_type: ServerType = "vllm"
    base_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 5000
    model: str | None = None
    api_key_env_var: str = "OPENAI_API_KEY"
    context_tokens: int | None = None
    max_retries: int = 5
    give_up_after_s: float = 60.0
    code_execution: CodeExecution = field(default_factory=CodeExecution)

    def addresses(self) -> list[str]:
        """The addresses requests go to, each ending in /v1."""
        given = [url.strip().rstrip("/") for url in (self.base_url or f"{self.host}:{self.port}").split(",")]
        urls = [url if "://" in url else f"http://{url}" for url in given if url]
        return list(dict.fromkeys(url if url.endswith("/v1") else f"{url}/v1" for url in urls))


@dataclass(slots=True)
class ChatTemplate:
    """What the prompt's system message says.

    Attributes:
        reasoning_effort: low, medium or high; None is the model's default.
        builtin_tools: tools announced to the model; only `python` is known.
        current_date: `YYYY-MM-DD`; None leaves the line out, which keeps prompts the same from day to day.
    """

    reasoning_effort: Effort | None = None
    builtin_tools: list[str] = field(default_factory=list)
    current_date: str | None = None


@dataclass(slots=True)
class ToolHost:
    """The Python sandbox.

    Attributes:
        url: address of a sandbox service that runs the cells; None runs them on this machine.
        workers: processes that run cells; 0 runs them in this process.
        memory_mib: memory of one session.
    """

    url: str | None = None
    workers: int = 0
    memory_mib: int = 1024


@dataclass(slots=True)
class Checkpoints:
    """What a run that was killed goes on from.

    Attributes:
        rounds: every finished round is kept until its sample is finished.
        sessions: the state of a Python session is kept after every call.
        max_session_mib: larger states are not kept; their calls are run again when needed.
        max_disk_gib: for the states of all sessions together.
    """

    rounds: bool = True
    sessions: bool = True
    max_session_mib: int = 64
    max_disk_gib: float = 64.0


@dataclass(slots=True)
class EarlyStop:
    """When not to draw all samples of a problem.

    Attributes:
        majority: stop when no further sample can change the majority.
    """

    majority: bool = False


@dataclass(slots=True)
class Evaluation:
    """Everything that decides what a run computes and how.

    Attributes:
        prompt_config: name of the prompt, or the path of a YAML file.
        system_message: replaces the prompt's own system text.
        prompt_suffix: appended to the user text.
        prompt_format: `ns` fills the prompt with the fields of a row, `openai` takes its `messages`.
        prompt_template: how conversations of a model other than gpt-oss are written on the text endpoint.
        tokenizer: folder or file of a model's tokenizer, whose chat template writes its conversations.
        examples_type: name or YAML path of the worked examples in the prompt.
        code_execution: give the model the Python tool (needs the text endpoint).
        code_tags: how calls are written; None follows from the prompt template, else `gpt-oss`.
        total_code_executions_in_prompt: fills `{total_code_executions}` of the prompt; [least, most] is drawn
            by problem and seed; None is the limit of calls.
        override_max_code_executions: let that number be the limit of calls, too.
        generation_key: field of the output that holds the generation.
        add_generation_stats: write counts, times and rounds beside it.
        parse_reasoning: keep only what follows the model's thoughts as the generation, the whole beside it
            (chat, and models other than gpt-oss).
        end_reasoning_string: what ends the thoughts.
        eval_type: `math` extracts and grades the answers; None leaves them alone.
        max_samples: use the first so many problems; -1 is all.
        max_concurrent_requests: requests in flight, over all benchmarks and seeds together.
        sympy: let sympy try, in processes of its own, the answers that native comparison leaves undecided.
        inference: sampling.
        server: endpoint and tool limits.
        chat_template_kwargs: system message.
        sandbox: where calls run.
        checkpoints: of samples in the making.
        early_stop: of problems that are settled.
    """

    prompt_config: str = "generic/math"
    system_message: str | None = None
    prompt_suffix: str = ""
    prompt_format: Literal["ns", "openai"] = "ns"
    prompt_template: str | None = None
    tokenizer: str | None = None
    examples_type: str | None = None
    code_execution: bool = False
    code_tags: str | None = None
    total_code_executions_in_prompt: int | list[int] | None = None
    override_max_code_executions: bool = False
    generation_key: str = "generation"
    add_generation_stats: bool = True
    parse_reasoning: bool = False
    end_reasoning_string: str = "</think>"
    eval_type: Literal["math"] | None = "math"
    max_samples: int = -1
    max_concurrent_requests: int = 512
    sympy: bool = False
    inference: Inference = field(default_factory=Inference)
    server: Endpoint = field(default_factory=Endpoint)
    chat_template_kwargs: ChatTemplate = field(default_factory=ChatTemplate)
    sandbox: ToolHost = field(default_factory=ToolHost)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    early_stop: EarlyStop = field(default_factory=EarlyStop)

    def to_json(self) -> dict[str, object]:
        """Nested plain values, as written beside the results."""
        return asdict(self)


# Another spelling of a key -> ours.
ALIASES = {
    "inference.max_tokens": "inference.tokens_to_generate",
    "inference.reasoning_effort": "chat_template_kwargs.reasoning_effort",
    "inference.seed": "inference.random_seed",
    "max_tool_calls": "server.code_execution.max_code_executions",
    "remove_thinking": "parse_reasoning",
    "thinking_end": "end_reasoning_string",
    "server.server_address": "server.base_url",
    "server.address": "server.base_url",
}

# Keys of NeMo-Skills that change nothing here -> the reason, told in one line.
WITHOUT_EFFECT = {
    "thinking_begin": "the generation is what follows ++end_reasoning_string",
    SKIP_FILLED: "finished samples are kept",
    "async_position_key": "the key is always `_async_position`",
    "wait_for_sandbox": "the sandbox is ready before the first sample",
    "enable_litellm_cache": "finished samples are kept without it",
    "eval_config": "answers are always graded as math",
    "count_prompt_tokens": "the ids of every round are written",
    "skip_greedy": "no greedy pass is run beside seeds",
    "server.enable_soft_fail": "one failed sample never stops the others",
    "server.context_limit_retry_strategy": "the budget follows the context window",
    "server.num_special_tokens_budget": "the budget follows the context window",
    "server.code_execution.code_execution_language": "code always runs as stateful Python",
    "server.code_execution.sandbox_traceback_verbosity": "tracebacks are always plain",
    "sandbox.host": "code runs in this package's own sandbox; ++sandbox.url names a service",
    "sandbox.port": "code runs in this package's own sandbox; ++sandbox.url names a service",
    "sandbox.sandbox_type": "code runs in this package's own sandbox",
    "inference.spaces_between_special_tokens": "ids are exchanged, not text",
}


def resolve(overrides: Iterable[Override]) -> tuple[Evaluation, list[str]]:
    """Defaults with overrides applied in order.

    Returns:
        The configuration, and one line for each override that was taken differently or not at all.

    Raises:
        InputError: an unknown key (with the nearest known one) or a value of the wrong type.
    """
    config = Evaluation()
    notes: list[str] = []
    has_endpoint = False
    for override in overrides:
        key, value = ALIASES.get(override.key, override.key), override.value
        if key == SKIP_FILLED and value is False:
            continue  # see `overrides.starts_again`
        if reason := _without_effect(key):
            notes.append(f"`{override.source}` has no effect: {reason}")
            continue
        if key == "eval_type" and value not in {None, "math"}:
            notes.append(f"`{override.source}`: answers are graded as math")
            value = "math"
        if key == "use_completions_api":
            key, value = "inference.endpoint_type", "text" if value else "chat"
        has_endpoint |= key == "inference.endpoint_type"
        _assign(config, key, value, override.source)
    if config.code_execution and not has_endpoint:
        config.inference.endpoint_type = "text"
    _check(config)
    if config.prompt_template and config.inference.endpoint_type == "chat":
        notes.append("`++prompt_template` has no effect over chat: the server has the model's own template")
    return config, notes


def _without_effect(key: str) -> str | None:
    parts = key.split(".")
    prefixes = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((WITHOUT_EFFECT[prefix] for prefix in prefixes if prefix in WITHOUT_EFFECT), None)


def _assign(config: Evaluation, key: str, value: object, source: str) -> None:
    record: Any = config
    *path, last = key.split(".")
    for depth, name in enumerate(path):
        below = getattr(record, name, None) if name in _types(type(record)) else None
        if isinstance(below, dict):  # an open mapping such as extra_body takes any key
            _assign_open(below, [*path[depth + 1 :], last], value)
            return
        if not is_dataclass(below):
            raise _unknown(key, source)
        record = below
    wanted = _types(type(record)).get(last)
    if wanted is None:
        raise _unknown(key, source)
    if is_dataclass(getattr(record, last)):
        if not isinstance(value, dict):
            raise InputError(
                f"`{key}` is a group of keys, `{source}` gives it one value", hint=f"write ++{key}.NAME=VALUE"
            )
        for name, inner in value.items():
            _assign(config, f"{key}.{name}", inner, source)
        return
    setattr(record, last, _convert(value, wanted, key, source))


def _assign_open(mapping: dict[str, object], path: list[str], value: object) -> None:
    for name in path[:-1]:
        below = mapping.setdefault(name, {})
        if not isinstance(below, dict):
            below = mapping[name] = {}
        mapping = below
    mapping[path[-1]] = value


def _types(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record)


def _convert(value: object, wanted: Any, key: str, source: str) -> object:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in {types.UnionType, typing.Union}:
        if value is None:
            return None
        kinds = [argument for argument in arguments if argument is not types.NoneType]
        wanted = next((kind for kind in kinds if (typing.get_origin(kind) or kind) is type(value)), kinds[0])
        origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is Literal:
        if value in arguments:
            return value
        raise InputError(f"`{key}` is one of {', '.join(arguments)}; got `{source}`")
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is str and type(value) in {int, float}:
        return str(value)
    kind = origin or wanted
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise InputError(f"`{key}` wants {_KIND_NAMES[kind]}; got `{source}`")


_KIND_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list such as [python]",
    dict: "a mapping such as {name:value}",
}


def _unknown(key: str, source: str) -> InputError:
    known = known_keys()
    last = key.rsplit(".", 1)[-1]  # the right name in the wrong group comes first
    near = [name for name in known if name.rsplit(".", 1)[-1] == last] or get_close_matches(key, known, n=1)
    hint = (
        f"did you mean `++{near[0]}`?"
        if near
        else "`mathforge eval ... --dry-run` prints every key with its value"
    )
    return InputError(f"unknown key in `{source}`", hint=hint, code="unknown_key")


@cache
def known_keys() -> tuple[str, ...]:
    """Every dotted key that can be set, aliases included."""

    def walk(record: type, prefix: str) -> Iterable[str]:
        for item in fields(record):
            below = _types(record)[item.name]
            if isinstance(below, type) and is_dataclass(below):
                yield from walk(below, f"{prefix}{item.name}.")
            else:
                yield f"{prefix}{item.name}"

    return (*walk(Evaluation, ""), *ALIASES, *WITHOUT_EFFECT, "use_completions_api")


def _check(config: Evaluation) -> None:
    inference, tool = config.inference, config.server.code_execution
    if config.code_execution and inference.endpoint_type == "chat":
        raise InputError(
            "code execution needs the text endpoint, `inference.endpoint_type` is `chat`",
            hint="add ++inference.endpoint_type=text, or drop ++code_execution=true",
        )
    if inference.endpoint_type == "text" or config.code_tags is not None:
        from .prompts import call_style

        call_style(config)
    told = config.total_code_executions_in_prompt
    if isinstance(told, list) and not (
        len(told) == 2 and all(type(n) is int for n in told) and told[0] <= told[1]
    ):
        raise InputError("`total_code_executions_in_prompt` is a number, or [least,most]")
    unknown = [name for name in config.chat_template_kwargs.builtin_tools if name != "python"]
    if unknown:
        raise InputError(f"unknown built-in tool `{unknown[0]}`", hint="the only one is python")
    limits = {
        "inference.temperature": inference.temperature >= 0,
        "inference.top_p": 0 < inference.top_p <= 1,
        "inference.tokens_to_generate": inference.tokens_to_generate is None
        or inference.tokens_to_generate > 0,
        "inference.final_answer_tokens": inference.final_answer_tokens >= 0,
        "inference.timeout": inference.timeout > 0,
        "max_concurrent_requests": config.max_concurrent_requests > 0,
        "server.max_retries": config.server.max_retries >= 0,
        "checkpoints.max_session_mib": config.checkpoints.max_session_mib >= 0,
        "checkpoints.max_disk_gib": config.checkpoints.max_disk_gib >= 0,
        "server.code_execution.max_code_executions": tool.max_code_executions >= 0,
        "server.code_execution.max_code_output_characters": tool.max_code_output_characters > 0,
        "server.code_execution.code_execution_timeout": tool.code_execution_timeout > 0,
    }
    for key, holds in limits.items():
        if not holds:
            raise InputError(f"`{key}` is out of range", hint="see its description in mathforge/config.py")
