from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.config import CodeExecution
from mathforge.tools import NO_OUTPUT, cut_middle, shown_output


@dataclass
class Outcome:
    """Only the fields that the text depends on; the real one is the sandbox's."""

    stdout: str = ""
    stderr: str = ""
    status: str = "ok"
    rolled_back: bool = False
    state_lost: bool = False


LIMITS = CodeExecution(max_code_output_characters=40, code_execution_timeout=2)


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome("4\n"), "4\n"),
        (Outcome(), NO_OUTPUT),
        (Outcome(" \n"), NO_OUTPUT),
        (Outcome("partial", "Traceback", "error"), "partial\nTraceback"),
        (Outcome("1\n", "", "timeout"), "1\n[ERROR] Execution timed out after 2 seconds."[:60]),
        (
            Outcome("", "TimeoutError: ...", "timeout", state_lost=True),
            "[ERROR] Execution timed out after 2 seconds. The variables of this session are lost.",
        ),
        (
            Outcome("", "TimeoutError: ...", "timeout", rolled_back=True),
            "[ERROR] Execution timed out after 2 seconds. The session is as it was before this call.",
        ),
    ],
)
def test_what_the_model_reads(outcome: Outcome, text: str) -> None:
    wide = CodeExecution(max_code_output_characters=1000, code_execution_timeout=2)
    assert shown_output(outcome, wide) == text  # type: ignore[arg-type]


def test_a_traceback_after_long_prints_is_seen() -> None:
    text = shown_output(Outcome("x" * 10_000, "ValueError: bad", "error"), LIMITS)  # type: ignore[arg-type]
    assert text.startswith("xxx")
    assert text.endswith("ValueError: bad")
    assert "9976 characters cut" in text


@given(st.text(max_size=200), st.integers(1, 100))
def test_cutting_keeps_head_and_tail(text: str, limit: int) -> None:
    cut = cut_middle(text, limit)
    if len(text) <= limit:
        assert cut == text
    else:
        head, tail = limit - limit // 2, limit // 2
        assert cut.startswith(text[:head])
        assert cut.endswith(text[len(text) - tail :])
        assert str(len(text) - limit) in cut
