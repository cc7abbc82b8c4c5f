"""What the loop adds to a tool round, beside the server's time and the sandbox's own.

Samples of ten calls against the replay server, which takes about 50 ms for an answer: session states are
written meanwhile, as beside a model. With one sample at a time nothing waits for anything else, so wall time
can be told apart: what of a round is neither a request nor a cell. With 64 in flight the processor time of
the event loop's thread counts, HTTP included. Goal: 2 ms.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from mathforge.launching import Launch, launch

from .measure import Row

CALLS = 10
SIZES = {1: 20, 64: 256}  # in flight -> samples
REPEATS = 3
PACE = "--tokens-per-second 5000"
GOAL_MS = 2.0
_CALL = (
    "<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant<|channel|>analysis to=python code"
    "<|message|>{cell}<|call|>"
)
_THOUGHT = "Let us add one more and look at what comes out of it. " * 20


def rows() -> list[Row]:
    """Wall and processor time per round, with and without checkpoints."""
    table: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mathforge-rounds-") as name:
        folder = Path(name)
        _write(folder, max(SIZES.values()))
        recordings = (str(folder / "recording.jsonl"),)
        with launch(Launch("m", "replay", recordings=recordings, args=PACE), folder) as [url]:
            for in_flight, samples in SIZES.items():
                for checkpoints in (True, False):
                    runs = [_figures(folder, url, in_flight, samples, checkpoints) for _ in range(REPEATS)]
                    figures = sorted(runs, key=lambda one: one["loop_ms"])[REPEATS // 2]
                    table += _rows(figures, in_flight, "" if checkpoints else ", no checkpoints")
    return table


def _rows(figures: dict[str, float], in_flight: int, how: str) -> Iterator[Row]:
    what = f"{in_flight} in flight{how}: "
    if in_flight == 1:
        apart = figures["wall_ms"] - figures["request_ms"] - figures["cell_ms"]
        yield Row(
            f"{what}wall of a round beside request ({figures['request_ms']:.2f} ms) and cell "
            f"({figures['cell_ms']:.2f} ms)",
            f"{apart:.2f} ms",
            ratio=f"{apart / GOAL_MS:.2f} of {GOAL_MS:g} ms",
        )
        yield Row(f"{what}of it and of the request, waiting for a processor", f"{figures['waits_ms']:.2f} ms")
    yield Row(
        f"{what}CPU of the event loop, HTTP included",
        f"{figures['loop_ms']:.2f} ms",
        ratio=f"{figures['loop_ms'] / GOAL_MS:.2f} of {GOAL_MS:g} ms",
    )
    yield Row(f"{what}CPU of all other threads (cells, session states)", f"{figures['other_ms']:.2f} ms")


def _write(folder: Path, samples: int) -> None:
    texts = [
        _CALL.format(thought=_THOUGHT, cell="n = 0\nn" if call == 0 else "n += 1\nn") for call in range(CALLS)
    ]
    rounds: list[dict[str, Any]] = [
        {"text": text, "finish_reason": "stop", "stop_reason": 200012} for text in texts
    ]
    answer = r"<|channel|>final<|message|>\boxed{9}<|return|>"
    rounds.append({"text": answer, "finish_reason": "stop", "stop_reason": None})
    problem = {"id": "count", "problem": "Count to nine."}
    (folder / "counts.jsonl").write_text(json.dumps({**problem, "expected_answer": "9"}) + "\n")
    with (folder / "recording.jsonl").open("w") as out:
        for seed in range(samples):
            row = {**problem, "seed": seed, "tool": True, "model": "m", "rounds": rounds}
            out.write(json.dumps(row) + "\n")


def _figures(folder: Path, url: str, in_flight: int, samples: int, checkpoints: bool) -> dict[str, float]:
    """Milliseconds per round of one evaluation in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        command = [sys.executable, "-m", "benches.rounds", str(folder), output, url]
        command += [str(in_flight), str(samples), str(checkpoints).lower()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the evaluation failed: {done.stderr[-500:]}")
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return figures


class Stopwatch:
    """Wall seconds spent in a coroutine function, by all its calls together."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds = 0.0
        call: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def timed(*args: Any, **more: Any) -> Any:
            started = time.perf_counter()
            try:
                return await call(*args, **more)
            finally:
                self.seconds += time.perf_counter() - started

        setattr(owner, name, timed)


def _waited_s() -> float:
    """Seconds that the threads of this process have been ready and had no processor."""
    waits = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            waits += int((task / "schedstat").read_text().split()[1])
    return waits / 1e9


def main() -> None:
    """In the child: evaluate, and print milliseconds per round as JSON."""
    folder, output, url, in_flight, samples, checkpoints = sys.argv[1:]
    from mathforge import running
    from mathforge.evaluating import evaluate
    from mathforge.samples import Sample
    from mathforge.servers import Server

    requests = Stopwatch(Server, "complete")
    work = running.Run._work_through
    cells: list[float] = []
    spent: dict[str, float] = {}

    async def measured(run: running.Run) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF)
        loop, wall, waited = time.thread_time(), time.perf_counter(), _waited_s()
        await work(run)
        spent["waits"] = _waited_s() - waited
        spent["loop"], spent["wall"] = time.thread_time() - loop, time.perf_counter() - wall
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        spent["other"] = cpu - spent["loop"]

    store = running.output_row

    def row(sample: Sample, *rest: Any) -> dict[str, object]:
        cells.append(sample.code_execution_time)
        return store(sample, *rest)

    running.Run._work_through = measured  # type: ignore[method-assign]
    running.output_row = row
    evaluate(
        f"counts:{samples}",
        output_dir=output,
        data_dir=folder,
        server_address=url,
        model="m",
        overrides=[
            *("++code_execution=true", "++prompt_config=gpt-oss/math", "++inference.temperature=1.0"),
            *("++server.code_execution.max_code_executions=20", f"++max_concurrent_requests={in_flight}"),
            f"++checkpoints.rounds={checkpoints}",
        ],
    )
    rounds = int(samples) * (CALLS + 1)
    figures = {
        "wall_ms": spent["wall"],
        "request_ms": requests.seconds,
        "cell_ms": sum(cells),
        "loop_ms": spent["loop"],
        "other_ms": spent["other"],
        "waits_ms": spent["waits"],
    }
    print(json.dumps({name: seconds / rounds * 1e3 for name, seconds in figures.items()}))


if __name__ == "__main__":
    main()
