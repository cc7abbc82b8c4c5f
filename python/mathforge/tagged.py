"""The loop of one sample for models that write Python calls as tags in their text: openmath, qwen, nemotron,
llama3.

Prompt and rounds are text; tokens are counted by the server. What stands between rounds is what the model was
trained on in NeMo-Skills: the output between the style's tags, and, if asked for, how many calls remain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .checkpoints import Journal, NotedAnswer
from .completions import RefusedError
from .prompts import Prompter, call_style, max_calls
from .samples import Round, Sample
from .servers import FailedRequestError, Server
from .stream import Driver
from .tag_outputs import STYLES, formatted_output, remaining_calls

if TYPE_CHECKING:
    from .generating import Task
    from .tools import PythonTool, Result

_CONTEXT_MARGIN = 16
_BYTES_PER_TOKEN = 3  # of text whose tokens nobody has counted: low, so that the window is not overrun


class TaggedConversation:
    """One sample in the making.

    Args:
        server: open.
        tool: Python, or None.
        task: which sample.
        on_call: told after every executed cell.
        journal: what an earlier process has made of it, and where to note what is made.
    """

    def __init__(
        self,
        server: Server,
        tool: PythonTool | None,
        task: Task,
        on_call: Callable[[], None],
        journal: Journal,
    ) -> None:
        self._server = server
        self._tool = tool
        self._task = task
        self._on_call = on_call
        self._journal = journal
        self._style = call_style(task.config)
        self._prompt = Prompter.of(task.config).text(task.problem, task.seed)
        self._written = ""
        self._sample = Sample(task.problem, task.seed, started_at=time.time() - journal.elapsed_s)

    async def run(self) -> Sample:
        """Make it.

        Raises:
            RefusedError: the server refuses the request, except where the context is full.
        """
        try:
            await self._rounds()
        except RefusedError as error:
            if not error.is_context_overflow:
                raise FailedRequestError(str(error)) from error
            self._sample.error = "context_window_exceeded"
        self._sample.generation = self._written
        self._sample.ended_at = time.time()
        return self._sample

    async def _rounds(self) -> None:
        config = self._task.config
        driver = Driver(self._style, watch=config.inference.stop_on_repetition) if self._style else None
        allowed = config.server.code_execution.max_code_executions if self._tool else 0
        if self._tool and config.override_max_code_executions:
            allowed = max_calls(config, self._task.problem, self._task.seed)
        executed, is_last = 0, False
        while (room := self._room()) > 0:
            one, text = await self._request(room)
            self._written += text
            if driver is None or self._tool is None:
                return
            driver.feed(text)
            if driver.repetition is not None:
                self._sample.stopped_on_repetition = True
                return
            step = driver.finish()
            if step.kind != "needs_tool" or is_last or one.finish_reason == "length":
                return
            answer = step.calls[-1].closing
            is_last = executed >= allowed
            for call in step.calls[: allowed - executed]:
                result = await self._execute(one, call.code)
                executed += 1
                answer += formatted_output(self._style or "", result)
            self._tool.note()
            if is_last or config.server.code_execution.add_remaining_code_executions:
                answer += remaining_calls(allowed - executed)
            one.output = answer
            self._written += answer
            self._sample.num_tool_output_tokens += self._tokens(answer)
            driver.answer(answer)
        self._sample.error = self._sample.error or "context_window_exceeded"

    def _room(self) -> int:
        """Tokens that may still be sampled."""
        spent = self._sample.num_generated_tokens + self._sample.num_tool_output_tokens
        window = self._server.model.context_tokens - self._tokens(self._prompt) - _CONTEXT_MARGIN - spent
        asked = self._task.config.inference.tokens_to_generate
        return window if asked is None else min(window, asked - spent)

    @staticmethod
    def _tokens(text: str) -> int:
        return -(-len(text.encode()) // _BYTES_PER_TOKEN)

    async def _request(self, max_tokens: int) -> tuple[Round, str]:
        """One round; a stop string that the server kept back is put behind the text again."""
        answer = self._journal.next_answer()
        if answer is None:
            answer = await self._ask(max_tokens)
        text = answer.text
        if isinstance(answer.stop_reason, str) and not text.endswith(answer.stop_reason):
            text += answer.stop_reason
        one = Round(answer.token_ids or None, answer.finish_reason, answer.stop_reason)
        self._sample.rounds.append(one)
        self._sample.num_generated_tokens += (
            answer.completion_tokens or len(answer.token_ids) or self._tokens(text)
        )
        self._sample.finish_reason = answer.finish_reason
        return one, text

    async def _ask(self, max_tokens: int) -> NotedAnswer:
        stop = [STYLES[self._style].code_end] if self._style and self._tool else []
        answer = await self._server.continue_text(
            self._prompt + self._written,
            self._task.config.inference,
            max_tokens=max_tokens,
            seed=self._task.sampler_seed,
            request_id=self._task.request_id(len(self._sample.rounds)),
            stop=stop,
        )
        noted = NotedAnswer(
            answer.token_ids or [],
            answer.finish_reason,
            answer.stop_reason,
            answer.text,
            answer.completion_tokens,
        )
        await self._journal.add_answer(noted)
        return noted

    async def _execute(self, one: Round, code: str) -> Result:
        assert self._tool is not None
        result = await self._tool.run(code)
        one.tool_status = result.status
        self._sample.code_rounds_executed += 1
        self._sample.code_execution_time += result.wall_s
        self._sample.num_code_timeouts += result.status == "timeout"
        self._on_call()
        return result
