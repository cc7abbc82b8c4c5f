"""Which ids of a Harmony conversation a model is trained to write, and the conversation as a training row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from . import harmony

Convention = Literal["sampled", "assistant", "from-channel", "all"]
CONVENTIONS: tuple[Convention, ...] = ("sampled", "assistant", "from-channel", "all")

# `<|start|>assistant`; written out because encoding it would load the vocabulary at import.
_OPENING = [harmony.START, 173781]
# How a cell's failure looks to the model: the last line of a traceback.
_FAILURE = re.compile(r"[\w.]*(?:Error|Exception|Interrupt|Exit)(?::.*)?")
_TRACEBACK = "Traceback (most recent call last)"


def loss_mask(
    ids: Sequence[int],
    convention: Convention = "sampled",
    *,
    channels: Collection[str | None] | None = None,
    malformed: bool = True,
    failed_rounds: bool = True,
    tool_outputs: bool = False,
) -> list[bool]:
    """A mask of `len(ids)`: True where the loss counts.

    Ids of system, developer and user messages never count, except by "all"; those of tools only if asked for.

    Args:
        ids: a conversation, or a completion that begins after `<|start|>assistant`.
        convention: which ids of an assistant message count.
            "sampled": those that the model sampled, generation-faithful. `<|start|>assistant` is one of its
            own after its own `<|end|>`; after a prompt, a tool's output, `<|call|>` or `<|return|>` the
            harness wrote it. Where the ids of each round are known, `sampled_mask` needs no such rule.
            "assistant": all of the message, `<|start|>assistant` included (the training template of TRL).
            "from-channel": from `<|channel|>` on, from `<|message|>` on where there is no channel
            (Megatron-Bridge).
            "all": every id, as in continued pre-training, and as NeMo-Skills trains on `generation`.
        channels: only assistant messages of these channels count; None in it stands for messages without one.
        malformed: False leaves out messages with a diagnostic of severity "warning".
        failed_rounds: False leaves out calls whose output reports a failure (see `is_failure`), and calls
        that
            nothing answers.
        tool_outputs: True counts the messages of tools, from `<|start|>` to `<|end|>`.

    Raises:
        ValueError: unknown convention.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is one of {', '.join(CONVENTIONS)}, not {convention!r}")
    mask = [convention == "all"] * len(ids)
    messages = harmony.parse(ids)
    failed = set() if failed_rounds else _failed(messages)
    before: harmony.Message | None = None
    for index, message in enumerate(messages):
        start, end = message.token_start, message.token_end
        if start is None or end is None:
            continue
        if message.role == "assistant":
            first = start + _skipped(ids[start:end], convention, before)
            counts = index not in failed and _counts(message, channels, malformed)
            mask[first:end] = [counts] * (end - first)
        elif message.role == "tool" and (tool_outputs or convention == "all"):
            mask[start:end] = [index not in failed] * (end - start)
        before = message
    return mask


def sampled_mask(
    prompt_ids: Sequence[int], rounds: Iterable[tuple[Sequence[int], Sequence[int] | None]]
) -> tuple[list[int], list[bool]]:
    """The ids of a whole conversation, and which of them the model sampled, from the record of its rounds.

    Nothing is parsed or encoded again: it is the record that knows who wrote an id.

    Args:
        prompt_ids: up to and including `<|start|>assistant`.
        rounds: for each round the ids that were sampled, and those put behind them (`Round.token_ids` and
            `Round.output_token_ids` of `mathforge.samples`).
    """
    ids, mask = list(prompt_ids), [False] * len(prompt_ids)
    for sampled, appended in rounds:
        ids += [*sampled, *(appended or ())]
        mask += [True] * len(sampled) + [False] * len(appended or ())
    return ids, mask


def training_ids(ids: Sequence[int]) -> list[int]:
    """The same ids with `<|return|>` at the end of a last final answer, and nowhere else.

    Prompts and stored conversations end messages with `<|end|>`, but a model has to learn to stop: the very
    last `<|end|>` of a final answer becomes `<|return|>`, and every earlier `<|return|>` becomes `<|end|>`.
    A conversation that ends in another way, and an answer that was cut, keep their end.
    """
    result = list(ids)
    messages = harmony.parse(ids)
    for index, message in enumerate(messages):
        at = _end_position(ids, message)
        if at is None:
            continue
        is_answer = message.role == "assistant" and message.channel == "final"
        if index + 1 < len(messages) and message.end == "return":
            result[at] = harmony.END
        elif index + 1 == len(messages) and is_answer and message.end == "end":
            result[at] = harmony.RETURN
    return result


def is_failure(output: str) -> bool:
    """Whether the output of a Python cell reports an exception or a time-out.

    A traceback, an `[ERROR]` line of the harness, or a last line `SomethingError: ...`; a warning to use
    print is none.
    """
    if _TRACEBACK in output:
        return True
    lines = output.strip().splitlines()
    return bool(lines) and (_FAILURE.fullmatch(lines[-1]) is not None or lines[0].startswith("[ERROR]"))


def _failed(messages: Sequence[harmony.Message]) -> set[int]:
    """Indexes of calls that failed or got no answer, and of the answers that say so."""
    failed = set()
    for index, message in enumerate(messages):
        if message.tool is None:
            continue
        answer = messages[index + 1] if index + 1 < len(messages) else None
        if answer is None or answer.role != "tool":
            failed.add(index)
        elif is_failure(answer.content):
            failed |= {index, index + 1}
    return failed


def _counts(message: harmony.Message, channels: Collection[str | None] | None, malformed: bool) -> bool:
    if channels is not None and message.channel not in channels:
        return False
    return malformed or all(found.severity != "warning" for found in message.diagnostics)


def _skipped(ids: Sequence[int], convention: Convention, before: harmony.Message | None) -> int:
    """How many ids at the start of an assistant message do not count."""
    if convention in {"assistant", "all"}:
        return 0
    if convention == "from-channel":
        marks = (harmony.CHANNEL, harmony.MESSAGE)
        return next((at for at, token in enumerate(ids) if token in marks), 0)
    went_on = before is not None and before.role == "assistant" and before.end not in {"call", "return"}
    return 0 if went_on or list(ids[: len(_OPENING)]) != _OPENING else len(_OPENING)


def _end_position(ids: Sequence[int], message: harmony.Message) -> int | None:
    """Where the token stands that ended the message; stray ends may follow it."""
    start, end = message.token_start, message.token_end
    if message.end is None or start is None or end is None:
        return None
    token = {"end": harmony.END, "call": harmony.CALL, "return": harmony.RETURN}[message.end]
    return next((at for at in range(start, end) if ids[at] == token), None)
