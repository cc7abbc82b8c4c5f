"""Grade answers against the expected ones; the hard cases go to processes that can be killed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._native import Verdict, answer_tree, compare_answers, compare_batch
from .options import Options

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from ._processes import ProcessPool
    from ._verdict_cache import VerdictCache

UNDECIDED_REASONS = frozenset(
    {
        "name_differs",
        "not_native",
        "unseparated",
        "no_common_domain",
        "kind_differs",
        "unreadable",
        "undefined_value",
        "limit",
        "sympy_undecided",
        "sympy_limit",
        "sympy_unavailable",
    }
)
"""The `grade_reason` codes of samples that were neither proved equal nor proved different."""

_FOR_SYMPY = frozenset(
    {"not_native", "unseparated", "no_common_domain", "limit", "kind_differs", "name_differs"}
)
"""Words, unreadable text and division by zero are nothing that sympy could add to."""
_NOT_KEPT = frozenset({"sympy_limit", "sympy_unavailable"})
"""What another machine, or a larger budget, may decide: remembered for this run only."""
_SILENCE_S = 600.0
"""Wall-clock time after which a worker that waits for nothing is given up; no verdict comes of it."""


def default_cache() -> Path:
    """`grading/verdicts.sqlite` in $MATHFORGE_CACHE or the user's cache folder."""
    folder = os.environ.get("MATHFORGE_CACHE")
    if folder is None:
        folder = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mathforge")
    return Path(folder).expanduser() / "grading" / "verdicts.sqlite"


class Grader:
    """Compares answers; what native comparison leaves undecided goes to sympy where that is asked for.

    sympy runs in processes of its own, started when first needed. Each pair is decided in a fork under
    `resource` limits, from trees that our parser built, never from text. The limit counts the CPU time of the
    fork, so that a verdict depends neither on the load of the machine nor on what was graded before. Safe to
    use from several threads; `grade_async` keeps the work off an event loop.

    Args:
        sympy: let sympy try what native comparison leaves undecided; without it no process is started.
        options: the conventions; None for the defaults.
        workers: the most sympy processes at a time; None for one per core.
        timeout_s: CPU seconds for one pair in sympy, in whole seconds.
        memory_mib: address space that a pair may take beyond that of sympy itself.
        cache: file that keeps what sympy decided, for this and other processes; `default_cache()` is a good
            place. None keeps it in memory only.
    """

    def __init__(
        self,
        sympy: bool = False,
        *,
        options: Options | None = None,
        workers: int | None = None,
        timeout_s: float = 5.0,
        memory_mib: int = 2048,
        cache: Path | str | None = None,
    ) -> None:
        self.options = options or Options()
        self._workers = workers or os.cpu_count() or 1
        self._budget = (timeout_s, memory_mib)
        self._seen: dict[tuple[str, str], Verdict] = {}
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._pool: ProcessPool | None = None
        self._cache: VerdictCache | None = None
        self._cache_path: Path | None = None
        if sympy:
            from ._processes import ProcessPool

            module = f"{__package__}._sympy_worker"
            self._pool = ProcessPool(module, str(timeout_s), str(memory_mib), workers=self._workers)
            self._cache_path = None if cache is None else Path(cache)

    def grade(self, gold: str, answer: str | None) -> Verdict:
        """Whether `answer` says the same as `gold`; None is no answer, hence different."""
        if answer is None:
            return Verdict("different", "no_answer")
        verdict = compare_answers(gold, answer, self.options)
        return self._settled(gold, answer, verdict) if self._is_for_sympy(verdict) else verdict

    async def grade_async(self, gold: str, answer: str | None) -> Verdict:
        """As `grade`, in a thread."""
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(self._executor(), self.grade, gold, answer)

    def grade_batch(
        self, golds: Sequence[str], answers: Sequence[str | None], *, threads: int = 0
    ) -> list[Verdict]:
        """The verdict on each pair, in order; what goes to sympy goes to several processes at a time."""
        verdicts = compare_batch(golds, answers, self.options, threads=threads)
        waiting = {
            (gold, answer): verdict
            for gold, answer, verdict in zip(golds, answers, verdicts, strict=True)
            if answer is not None and self._is_for_sympy(verdict)
        }
        if not waiting:
            return verdicts
        found = self._executor().map(lambda pair: self._settled(pair[0], pair[1], waiting[pair]), waiting)
        settled: dict[tuple[str, str | None], Verdict] = dict(zip(waiting, found, strict=True))
        pairs = zip(golds, answers, strict=True)
        return [settled.get(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True)]

    def _is_for_sympy(self, verdict: Verdict) -> bool:
        return self._pool is not None and verdict.verdict == "undecided" and verdict.reason in _FOR_SYMPY

    def _settled(self, gold: str, answer: str, native: Verdict) -> Verdict:
        seen = self._seen.get((gold, answer))
        if seen is None:
            seen = self._looked_up(gold, answer, native)
            with self._lock:
                seen = self._seen.setdefault((gold, answer), seen)
        return seen

    def _looked_up(self, gold: str, answer: str, native: Verdict) -> Verdict:
        trees = answer_tree(gold, self.options), answer_tree(answer, self.options)
        if trees[0] is None or trees[1] is None:
            return native
        rules = {name: getattr(self.options, name) for name in ("rounded_from", "name_bare", "log_base")}
        question = f"[{trees[0]},{trees[1]},{json.dumps(rules)}]"
        cache = self._open_cache()
        if cache is None:
            return self._ask_sympy(question)
        from ._verdict_cache import key_of

        key = key_of(question, self._budget)
        verdict = cache.get(key)
        if verdict is None:
            verdict = self._ask_sympy(question)
            if verdict.reason not in _NOT_KEPT:
                cache.put(key, verdict)
        return verdict

    def _ask_sympy(self, question: str) -> Verdict:
        reply = self._pool.ask(question, _SILENCE_S) if self._pool else None
        return Verdict("undecided", "sympy_unavailable") if reply is None else Verdict(*reply)

    def _open_cache(self) -> VerdictCache | None:
        with self._lock:
            if self._cache is None and self._cache_path is not None:
                from ._verdict_cache import VerdictCache

                self._cache = VerdictCache(self._cache_path)
            return self._cache

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                from concurrent.futures import ThreadPoolExecutor

                self._threads = ThreadPoolExecutor(self._workers, "grading")
            return self._threads

    @property
    def sympy_pids(self) -> list[int]:
        """Process ids of the sympy processes that run."""
        return self._pool.pids if self._pool else []

    def close(self) -> None:
        """End the sympy processes, if there are any. The grader stays usable."""
        with self._lock:
            threads, self._threads = self._threads, None
            cache, self._cache = self._cache, None
        if self._pool is not None:
            self._pool.close()
        if threads is not None:
            threads.shutdown()
        if cache is not None:
            cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.close()
