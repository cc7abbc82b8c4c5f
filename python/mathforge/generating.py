"""The loop of one sample: prompt ids, completion, Python call, result, next round, until the model has
answered.

Every id the server sampled is kept as it is and sent back as it is; what is put between rounds (missing end
tokens, tool messages, the request for a final answer) is kept apart in `Round.output_token_ids`. Prompt plus
all rounds is the whole conversation.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import harmony
from .checkpoints import Journal, NotedAnswer, RestartError
from .completions import Answer, RefusedError
from .config import Evaluation
from .errors import ServerError
from .problems import Problem
from .prompts import GPT_OSS, Prompter, call_style
from .samples import Round, Sample
from .servers import FailedRequestError, Server
from .stream import Call, Driver
from .tagged import TaggedConversation
from .tools import PythonTool, cut_middle

if TYPE_CHECKING:
    from .sandbox import Sandbox
    from .sandbox.remote import RemoteSandbox

_END_IDS = frozenset({harmony.END, harmony.CALL, harmony.RETURN})
_MAX_RESTARTS = 3  # of a sample whose sandbox session was lost
_CONTEXT_MARGIN = (
    16  # tokens never asked for, so that rounding on the server's side cannot overflow the window
)
_EFFORT = re.compile(r"^Reasoning: (\w+)$", re.MULTILINE)
_OUT_OF_CALLS = (
    "[ERROR] The limit of Python calls is reached, this one was not executed. Give the final answer now."
)
_STUCK = "You are repeating yourself. Give the final answer now."
_OUT_OF_TOKENS = "The token budget is nearly used up. Give the final answer now."


@dataclass(frozen=True, slots=True)
class Task:
    """One sample to make.

    Attributes:
        benchmark: name, for request ids.
        position: of the problem in its benchmark.
        problem: what to ask.
        seed: None for greedy.
        config: the configuration of its file.
    """

    benchmark: str
    position: int
    problem: Problem
    seed: int | None
    config: Evaluation

    @property
    def sampler_seed(self) -> int:
        """The seed sent to the server."""
        return self.config.inference.random_seed if self.seed is None else self.seed

    @property
    def session_seed(self) -> int:
        """Of the random numbers of its Python session."""
        return zlib.crc32(self.request_id(0).encode())

    def request_id(self, round_number: int) -> str:
        """Names one request of this sample."""
        return f"{self.benchmark}/{self.problem.id}/rs{self.sampler_seed}/{round_number}"


class Generator:
    """Makes samples against one server.

    Args:
        server: open.
        sandbox: needed where `code_execution` is on.
        on_call: told after every executed cell.
        on_restart: told why a sample starts again from nothing.
    """

    def __init__(
        self,
        server: Server,
        sandbox: Sandbox | RemoteSandbox | None = None,
        on_call: Callable[[], None] = lambda: None,
        on_restart: Callable[[Task, str], None] = lambda _task, _reason: None,
    ) -> None:
        self._server = server
        self._sandbox = sandbox
        self._on_call = on_call
        self._on_restart = on_restart

    async def sample(self, task: Task, journal: Journal | None = None) -> Sample:
        """Make one sample.

        Args:
            task: which.
            journal: what an earlier process has made of it, and where to note what is made; text only.

        Raises:
            FailedRequestError: this sample could not be made; others may.
            ServerError: the server is dead.
        """
        if task.config.inference.endpoint_type == "chat":
            return await self._chat(task)
        journal = Journal() if journal is None else journal
        reason = ""
        for _ in range(_MAX_RESTARTS):
            try:
                return await self._text(task, journal)
            except RestartError as error:
                reason = str(error)
                self._on_restart(task, reason)
                await journal.restart()
        raise FailedRequestError(f"the sample was begun {_MAX_RESTARTS} times; the last time {reason}")

    async def _chat(self, task: Task) -> Sample:
        inference, kwargs = task.config.inference, task.config.chat_template_kwargs
        extra: dict[str, object] = {}
        if kwargs.reasoning_effort is not None:  # servers differ in the place they read it from
            extra["reasoning_effort"] = kwargs.reasoning_effort
            extra["chat_template_kwargs"] = {"reasoning_effort": kwargs.reasoning_effort}
        sample = Sample(task.problem, task.seed, started_at=time.time())
        try:
            answer = await self._server.chat(
                Prompter.of(task.config).messages(task.problem),
                inference,
                max_tokens=inference.tokens_to_generate,
                seed=task.sampler_seed,
                request_id=task.request_id(0),
                extra=extra,
            )
        except RefusedError as error:
            answer = Answer()
            sample.error = _recorded(error)
        _check_effort(answer, kwargs.reasoning_effort)
        sample.generation, sample.reasoning = answer.text, answer.reasoning
        sample.finish_reason = answer.finish_reason
        sample.num_generated_tokens = answer.completion_tokens or len(answer.token_ids or ())
        sample.rounds.append(Round(answer.token_ids, answer.finish_reason, answer.stop_reason))
        sample.ended_at = time.time()
        return sample

    async def _text(self, task: Task, journal: Journal) -> Sample:
        limits = task.config.server.code_execution
        tool = PythonTool(self._sandbox, limits, journal, task.session_seed) if self._sandbox else None
        try:
            if call_style(task.config) != GPT_OSS:
                return await TaggedConversation(self._server, tool, task, self._on_call, journal).run()
            return await _Conversation(self._server, tool, task, self._on_call, journal).run()
        finally:
            await journal.settle()
            if tool is not None:
                tool.close()


def _check_effort(answer: Answer, effort: str | None) -> None:
    """A server that reads the effort from somewhere else silently thinks at its default.

    Raises:
        ServerError: the prompt that the server rendered states another effort than was asked for.
    """
    if effort is None or not answer.prompt_token_ids:
        return
    stated = _EFFORT.search(harmony.decode(answer.prompt_token_ids))
    if stated is not None and stated[1] != effort:
        raise ServerError(
            f"reasoning effort `{effort}` is asked for, the server's prompt says `{stated[1]}`",
            hint="use the text endpoint (++inference.endpoint_type=text), where the prompt is rendered here",
            code="other_effort",
        )


def _recorded(error: RefusedError) -> str:
    """The `error` of a sample that the server's refusal ends; other refusals fail it, so that a rerun tries
    again."""
    if error.is_context_overflow:
        return "context_window_exceeded"
    if error.is_malformed_output:
        return "malformed_output"
    raise FailedRequestError(str(error)) from error


@dataclass
class _Conversation:
    """One sample in the making, on the text endpoint."""

    server: Server
    tool: PythonTool | None
    task: Task
    on_call: Callable[[], None]
    journal: Journal
    sample: Sample = field(init=False)
    ids: list[int] = field(init=False)
    prompt_length: int = field(init=False)
    driver: Driver = field(init=False)
    answered: int = 0

    async def run(self) -> Sample:
        started_at = time.time() - self.journal.elapsed_s
        self.sample = Sample(self.task.problem, self.task.seed, started_at=started_at)
        self.ids = Prompter.of(self.task.config).token_ids(self.task.problem)
        self.prompt_length = len(self.ids)
        self.driver = Driver("gpt-oss", watch=self.task.config.inference.stop_on_repetition)
        try:
            await self._rounds()
        except RefusedError as error:
            self.sample.error = _recorded(error)
        self.sample.generation = harmony.decode(self.ids[self.prompt_length :])
        self.sample.ended_at = time.time()
        return self.sample

    async def _rounds(self) -> None:
        while self._room() > 0:
            one = await self._read_round(self._room())
            is_stuck = self.driver.repetition is not None and one.finish_reason != "stop"
            if one.finish_reason == "length" or is_stuck:
                self.sample.stopped_on_repetition = is_stuck
                is_answering = self.driver.channel == "final" and not is_stuck
                note = _note(_STUCK if is_stuck else _OUT_OF_TOKENS)
                await self._final_round(one, None if is_answering else [*_closing(one), *note])
                return
            step = self.driver.finish()
            if step.kind != "needs_tool":
                return
            is_exhausted = self.answered + len(step.calls) > self._max_calls()
            answers = await self._answer_all(one, step.calls)
            if is_exhausted:
                await self._final_round(one, answers)
                return
            if self._room() <= len(answers) + len(_OPEN):
                self._append(one, answers)
                await self._final_round(one, _note(_OUT_OF_TOKENS))
                return
            self._append(one, [*answers, *_OPEN])
            self.driver.answer([*answers, *_OPEN])
        self.sample.error = "context_window_exceeded"  # a prompt as long as the window

    async def _read_round(self, max_tokens: int) -> Round:
        """One request, driven while it arrives."""
        reader = _Reader(self.driver)
        one = await self._request(max_tokens, reader)
        self.driver = reader.driver
        return one

    async def _answer_all(self, one: Round, calls: list[Call]) -> list[int]:
        """Ids of the answers to what waits: nearly always one call."""
        ids = harmony.encode(calls[-1].closing)
        outputs = []
        for call in calls:
            if self.answered >= self._max_calls():
                text = _OUT_OF_CALLS
            elif call.tool != "python":
                text = f"[ERROR] There is no tool `{call.recipient or ''}`; the only tool is python."
            else:
                text = await self._execute(one, call.code)
            self.answered += 1
            text, message = self._fitting(call, text, self._room() - len(ids))
            outputs.append(text)
            ids += message
        if self.tool is not None:
            self.tool.note()
        one.output = "\n".join(outputs)
        return ids

    def _fitting(self, call: Call, text: str, room: int) -> tuple[str, list[int]]:
        """A tool's answer, cut where it would take the tokens kept for the final answer."""
        shown, size = text, len(text)
        message = _tool_message(call, shown)
        while size and len(message) > room - len(_note(_OUT_OF_TOKENS)):
            size //= 2
            shown = cut_middle(text, size)
            message = _tool_message(call, shown)
        return shown, message

    async def _final_round(self, one: Round, before: list[int] | None) -> None:
        """Use what was kept of the budget: `before` and an opened final channel, or None to go on where the
        model was cut."""
        if before is not None:
            if self._reserve() == 0:
                return
            self._append(one, [*before, *_OPEN_FINAL])
        if self._whole_room() > 0:
            await self._request(self._whole_room())

    def _max_calls(self) -> int:
        return self.task.config.server.code_execution.max_code_executions if self.tool else 0

    def _spent(self) -> int:
        return len(self.ids) - self.prompt_length

    def _budget(self) -> int:
        """Tokens of the whole sample after its prompt: what is asked for, or what the context window
        leaves."""
        window = self.server.model.context_tokens - self.prompt_length - _CONTEXT_MARGIN
        asked = self.task.config.inference.tokens_to_generate
        return window if asked is None else min(window, asked)

    def _whole_room(self) -> int:
        """Tokens that may still be sampled, the part kept for the final answer included."""
        return self._budget() - self._spent()

    def _reserve(self) -> int:
        """Tokens kept for a final answer; at most a quarter of the budget, so that a small one is not eaten
        up."""
        return min(self.task.config.inference.final_answer_tokens, self._budget() // 4)

    def _room(self) -> int:
        return self._whole_room() - self._reserve()

    async def _request(self, max_tokens: int, reader: _Reader | None = None) -> Round:
        answer = self.journal.next_answer()
        if answer is None:
            answer = await self._ask(max_tokens, reader)
        elif reader is not None:
            reader.start()
            reader.read(answer.token_ids)
        one = Round(answer.token_ids, answer.finish_reason, answer.stop_reason)
        self.sample.rounds.append(one)
        self.sample.num_generated_tokens += len(answer.token_ids)
        self.sample.finish_reason = answer.finish_reason
        self.ids = self.ids + answer.token_ids
        return one

    async def _ask(self, max_tokens: int, reader: _Reader | None) -> NotedAnswer:
        answer = await self.server.complete(
            self.ids,
            self.task.config.inference,
            max_tokens=max_tokens,
            seed=self.task.sampler_seed,
            request_id=self.task.request_id(len(self.sample.rounds)),
            reader=reader,
        )
        token_ids, finish_reason = answer.token_ids or [], answer.finish_reason
        if reader is not None and finish_reason is None:
            token_ids, finish_reason = token_ids[: reader.cut], "repetition"
        if finish_reason in {"abort", "error"}:
            raise FailedRequestError(f"the server gave up on the request (finish_reason `{finish_reason}`)")
        noted = NotedAnswer(token_ids, finish_reason, answer.stop_reason)
        await self.journal.add_answer(noted)
        return noted

    async def _execute(self, one: Round, code: str) -> str:
        assert self.tool is not None  # without a tool no calls are allowed
        result = await self.tool.run(code)
        one.tool_status = result.status
        self.sample.code_rounds_executed += 1
        self.sample.code_execution_time += result.wall_s
        self.sample.num_code_timeouts += result.status == "timeout"
        self.on_call()
        return result.text

    def _append(self, one: Round, ids: list[int]) -> None:
        one.output_token_ids = [*(one.output_token_ids or []), *ids]
        self.sample.num_tool_output_tokens += len(ids)
        self.ids = self.ids + ids


class _Reader:
    """Feeds a driver with one answer; a try that fails leaves no trace in it."""

    def __init__(self, driver: Driver) -> None:
        self._before = driver
        self.driver = driver

    def start(self) -> None:
        self.driver = self._before.copy()

    def read(self, ids: list[int]) -> bool:
        self.driver.feed(ids)
        return self.driver.repetition is not None

    @property
    def cut(self) -> int | None:
        """How many ids of the round had been read when the loop was noticed, however they had arrived."""
        found = self.driver.repetition
        return None if found is None else found.start + found.length


_OPEN = [harmony.START, *harmony.encode("assistant")]
_OPEN_FINAL = [*_OPEN, harmony.CHANNEL, *harmony.encode("final"), harmony.MESSAGE]
_TOOL_NAME = re.compile(r"[\w.-]{1,64}")


def _note(text: str) -> list[int]:
    ids = harmony.encode(text, escape=True)
    return [harmony.START, *harmony.encode("system"), harmony.MESSAGE, *ids, harmony.END]


def _closing(one: Round) -> list[int]:
    """The end token, where the model was cut."""
    return [] if one.token_ids and one.token_ids[-1] in _END_IDS else [harmony.END]


def _tool_message(call: Call, text: str) -> list[int]:
    """A tool's answer, in the channel of the call."""
    is_python = call.tool == "python" or not _TOOL_NAME.fullmatch(call.recipient or "")
    name = "python" if is_python else call.recipient
    message = harmony.tool_result(text, tool=name or "python", channel=call.channel or "analysis")
    return harmony.render([message], for_completion=False)
