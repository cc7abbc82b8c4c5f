"""A dress rehearsal of a large evaluation: made-up problems and samples, the replay server in a process of
its own, everything else real (HTTP, loop, sandbox, checkpoints, grading, files, metrics).

`python -m benches rehearsal` rehearses 40 problems x 4 samples. `MATHFORGE_REHEARSAL=1000x16` sets the size,
`MATHFORGE_REHEARSAL_PLOT=memory.svg` draws memory over time.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from .measure import Row

MOST_CALLS = 9
TOKENS_PER_THOUGHT = 220
IN_FLIGHT = 256
SAMPLE_S = 0.01
MEMORY_S = 1.0
_WORDS = ("we", "have", "the", "sum", "of", "all", "n", "so", "that", "is", "equal", "to", "and", "gives")
_PAGE = resource.getpagesize()


def rows() -> list[Row]:
    """The figures of one rehearsal."""
    problems, samples = map(int, os.environ.get("MATHFORGE_REHEARSAL", "40x4").split("x"))
    with tempfile.TemporaryDirectory(prefix="mathforge-rehearsal-") as name:
        folder = Path(name)
        calls, tokens = write(folder, problems, samples)
        figures = rehearse(folder, samples)
    if plot := os.environ.get("MATHFORGE_REHEARSAL_PLOT"):
        draw(figures["memory"], Path(plot))
    print(figures["table"])
    return [
        Row("samples", f"{problems * samples}"),
        Row("Python calls, tokens sampled", f"{calls}, about {tokens / 1e6:.1f} million"),
        *_time_rows(figures, problems * samples + calls, calls),
        *_memory_rows(figures["memory"]),
    ]


def _time_rows(figures: dict[str, Any], requests: int, calls: int) -> Iterator[Row]:
    wall, loop = figures["wall_s"], figures["loop_s"]
    yield Row("wall", f"{wall:.0f} s", ratio=f"load {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores")
    yield Row(
        "CPU of the evaluation, of the server", f"{figures['cpu_s']:.0f} s, {figures['server_s']:.0f} s"
    )
    for what, seconds in (
        ("cells", figures["cells_s"]),
        ("session states", figures["states_s"]),
        ("event loop", loop),
    ):
        yield Row(f"CPU: {what}", f"{seconds:.0f} s", ratio=f"{seconds / figures['cpu_s']:.0%}")
    other = figures["cpu_s"] - figures["cells_s"] - figures["states_s"] - loop
    yield Row(
        "CPU: other threads, start and metrics", f"{other:.0f} s", ratio=f"{other / figures['cpu_s']:.0%}"
    )
    yield Row("wall, per 1,000 calls", f"{wall / calls * 1e3:.1f} s")
    yield Row("event loop, per request", f"{loop / requests * 1e3:.2f} ms")
    yield Row("session state, per call", f"{figures['states_s'] / calls * 1e3:.2f} ms")
    busy = sum(figures["loop_in"].values())
    for what, count in Counter(figures["loop_in"]).most_common(10):
        yield Row(f"event loop in {what}", f"{count / busy * loop:.1f} s", ratio=f"{count / busy:.0%}")


def _memory_rows(memory: list[tuple[float, float]]) -> Iterator[Row]:
    if len(memory) >= 10:
        marks = [memory[len(memory) * part // 10 - 1][1] for part in (1, 3, 5, 7, 9, 10)]
        text = ", ".join(f"{mark:.0f}" for mark in marks)
        yield Row(
            "private memory of the evaluation after 10, 30, 50, 70, 90, 100 % of the time", f"{text} MiB"
        )
    yield Row("largest", f"{max(mark for _, mark in memory):.0f} MiB")


def write(folder: Path, problems: int, samples: int) -> tuple[int, int]:
    """Write the benchmark and its recording; calls and tokens in it, the latter roughly."""
    calls = words = 0
    with (folder / "big.jsonl").open("w") as out, (folder / "recording.jsonl").open("w") as recording:
        for number in range(problems):
            chance = random.Random(number)
            expected = chance.randrange(1000)
            problem = f"Problem {number}: what is the remainder of the sum of the first {number + 7} cubes?"
            fields = {"id": f"big-{number}", "problem": problem}
            out.write(json.dumps({**fields, "expected_answer": str(expected)}) + "\n")
            ease = chance.random()
            for seed in range(samples):
                is_right = chance.random() < ease
                answer = expected if is_right else chance.randrange(1000)
                texts = list(_texts(chance, answer))
                calls += len(texts) - 1
                words += sum(text.count(" ") for text in texts)
                rounds = [{"text": text, "finish_reason": "stop", "stop_reason": 200012} for text in texts]
                rounds[-1]["stop_reason"] = None
                row = {**fields, "seed": seed, "tool": True, "model": "m", "rounds": rounds}
                recording.write(json.dumps(row) + "\n")
    return calls, words


def _texts(chance: random.Random, answer: int) -> Iterator[str]:
    calls = min(MOST_CALLS, int(chance.expovariate(1 / 3.5)))
    for call in range(calls):
        yield f"{_thought(chance)}<|channel|>analysis to=python code<|message|>{_cell(chance, call)}<|call|>"
    yield f"{_thought(chance)}<|channel|>final<|message|>The remainder is \\boxed{{{answer}}}.<|return|>"


def _thought(chance: random.Random) -> str:
    words = " ".join(chance.choices(_WORDS, k=int(chance.lognormvariate(0, 0.6) * TOKENS_PER_THOUGHT) + 5))
    return f"<|channel|>analysis<|message|>{words}<|end|><|start|>assistant"


def _cell(chance: random.Random, call: int) -> str:
    if call == 0:
        return f"n = {chance.randrange(10, 400)}\nvalues = [k**3 for k in range(n)]\nprint(sum(values))"
    kind = chance.random()
    if kind < 0.8:
        return f"n += {chance.randrange(1, 9)}\nvalues.append(n**3)\nprint(len(values), sum(values) % 1000)"
    if kind < 0.9:
        return f"from sympy import *\nx = symbols('x')\nprint(factor(x**{chance.randrange(4, 9)} - 1), n)"
    if kind < 0.95:
        return f"from sympy import factorint\nprint(factorint(sum(values) + {chance.randrange(10**6)}))"
    return f"print(values[{chance.randrange(10**3, 10**4)}])"  # an error


def rehearse(folder: Path, samples: int) -> dict[str, Any]:
    """Run the evaluation in a child process and watch it."""
    serve = [sys.executable, "-m", "mathforge", "serve", "--replay", str(folder / "recording.jsonl")]
    with subprocess.Popen([*serve, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        before = _cpu_s(server.pid)
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "benches.rehearsal",
            str(folder),
            address,
            str(samples),
        ]
        memory: list[tuple[float, float]] = []
        started = time.monotonic()
        with (folder / "figures.json").open("w") as out, subprocess.Popen(command, stdout=out) as run:
            while run.poll() is None:
                memory.append((time.monotonic() - started, _memory_mib(run.pid)))
                time.sleep(MEMORY_S)
        if run.returncode:
            server.kill()
            raise SystemExit(f"the evaluation failed with status {run.returncode}")
        figures: dict[str, Any] = json.loads((folder / "figures.json").read_text())
        figures["server_s"] = _cpu_s(server.pid) - before
        figures["memory"] = [mark for mark in memory if mark[1]]
        server.terminate()
    return figures


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int) -> float:
    """Private memory; pages of the sandbox's image are shared and counted by nobody."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0
    return (int(fields[1]) - int(fields[2])) * _PAGE / 2**20


def draw(memory: list[tuple[float, float]], path: Path) -> None:
    """Memory over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([at for at, _ in memory], [mark for _, mark in memory], linewidth=1)
    axes.set(xlabel="seconds", ylabel="MiB", title="memory of the evaluation")
    axes.set_ylim(0)
    axes.grid(alpha=0.3)
    figure.savefig(path)


class Clock:
    """CPU seconds of the threads that call a function, and what it says of other threads' work."""

    def __init__(self, module: Any, name: str) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._call: Callable[..., Any] = getattr(module, name)
        setattr(module, name, self._timed)

    def _timed(self, *args: Any) -> Any:
        started = time.thread_time()
        result = self._call(*args)
        with self._lock:  # cells run on threads of the sandbox, which counts their time itself
            self.seconds += time.thread_time() - started + getattr(result, "cpu_s", 0.0)
        return result


class Watch(threading.Thread):
    """Looks now and then at what the main thread is doing."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self._main = threading.main_thread().ident or 0

    def run(self) -> None:
        """Until the process ends."""
        while True:
            time.sleep(SAMPLE_S)
            frame = sys._current_frames().get(self._main)
            if frame is not None and (place := _place(frame)):
                self.seen[place] += 1


def _place(frame: FrameType | None) -> str:
    """Whose code runs: a module of ours, or the library that it called; empty while waiting."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.endswith("selectors.py"):
            return ""
        if "/mathforge/" in path:
            return path.rpartition("/mathforge/")[2].removesuffix(".py")
        for library in ("aiohttp", "json", "rich"):
            if f"/{library}/" in path:
                return f"{library} (library)"
        frame = frame.f_back
    return "asyncio"


def main() -> None:
    """In the child: evaluate, and print the figures as JSON."""
    folder, address, samples = sys.argv[1:]
    from mathforge import checkpoints
    from mathforge.evaluating import evaluate
    from mathforge.sandbox import _local

    cells, states = Clock(_local, "outcome_of"), Clock(checkpoints, "_save_state")
    watch = Watch()
    watch.start()
    started, loop_started = time.monotonic(), time.thread_time()
    result = evaluate(
        f"big:{samples}",
        output_dir=Path(folder) / "out",
        data_dir=folder,
        server_address=address,
        model="m",
        overrides=[
            *("++code_execution=true", "++prompt_config=gpt-oss/math", "++inference.temperature=1.0"),
            *("++server.code_execution.max_code_executions=20", f"++max_concurrent_requests={IN_FLIGHT}"),
        ],
    )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "wall_s": time.monotonic() - started,
                "loop_s": time.thread_time() - loop_started,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "cells_s": cells.seconds,
                "states_s": states.seconds,
                "loop_in": watch.seen,
                "table": result.table(),
                "failures": len(result.failures),
            }
        )
    )


if __name__ == "__main__":
    main()
