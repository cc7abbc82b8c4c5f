"""Ten minutes of everything at random: afterwards the process is as it was after the first of them.

`MATHFORGE_SOAK_S` sets another length. The figures are printed (`pytest -s`).
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mathforge.sandbox import Sandbox, Session

SOAK_S = float(os.environ.get("MATHFORGE_SOAK_S", "600"))
CLIENTS = 24
SEED = 20

CELLS = {
    "sum": "x = globals().get('x', 0) + 1\nx",
    "sympy": "import sympy; y = sympy.Symbol('y'); sympy.factor(y**8 - 1)",
    "error": "1 / 0",
    "files": "open('f', 'ab').write(bytes(10**6))",
    "grow": "kept = globals().get('kept', []); kept.append(bytearray(10**6)); len(kept)",
    "memory": "[0] * 10**9",
    "exceptions": "for i in range(2000):\n    try: int('x')\n    except ValueError: pass",
    "callbacks": "import ctypes; [ctypes.CFUNCTYPE(None)(lambda: None)() for _ in range(50)]",
    "exit": "import os; os._exit(1)",
    "recursion": "a = []\nfor _ in range(10**6): a = [a]\ndel a",
    "poke": "import ctypes; ctypes.memset(8, 255, 30 << 20)",
    "output": "print('x' * 10**6)",
    "time-out": "while True: pass",
    "killed": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
}
SHORT_LIMIT = {"time-out", "killed"}


@dataclass
class Soak:
    """Clients that do what models do, and worse."""

    box: Sandbox
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self, seconds: float) -> None:
        """Everything at random for so long; every session is closed at the end."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._client(random.Random(SEED + n), end) for n in range(CLIENTS)))

    async def _client(self, dice: random.Random, end: float) -> None:
        sessions: list[Session] = []
        while time.monotonic() < end:
            action = dice.random()
            if action < 0.15 or not sessions:
                sessions.append(self.box.session())
                self.counts["opened"] += 1
            elif action < 0.25 and len(sessions) > 1:
                sessions.pop(dice.randrange(len(sessions))).close()
                self.counts["closed"] += 1
            elif action < 0.32:
                forked = await asyncio.to_thread(dice.choice(sessions).fork)
                sessions.append(forked)
                self.counts["forked"] += 1
            elif action < 0.35:
                await self._cancelled(dice.choice(sessions))
            else:
                name = dice.choices(list(CELLS), [8, 4, 2, 2, 4, 1, 2, 2, 1, 1, 1, 2, 1, 1])[0]
                limit = 0.1 if name in SHORT_LIMIT else 20.0
                outcome = await dice.choice(sessions).run_async(CELLS[name], limit)
                self.counts[outcome.status] += 1
            while len(sessions) > 6:
                sessions.pop(0).close()
        for session in sessions:
            session.close()

    async def _cancelled(self, session: Session) -> None:
        cell = asyncio.create_task(session.run_async("while True: pass", 60.0))
        await asyncio.sleep(0.2)
        cell.cancel()
        self.counts["cancelled"] += 1
        # It waits for the end of the cancelled one.
        outcome = await session.run_async("1", 20.0)
        self.counts[outcome.status] += 1


class Allocated(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = (
        ("before", ctypes.c_size_t * 4),
        ("hblkhd", ctypes.c_size_t),  # in mappings of their own
        ("between", ctypes.c_size_t * 2),
        ("uordblks", ctypes.c_size_t),  # in arenas, in use
        ("after", ctypes.c_size_t * 2),
    )


LIBRARY = ctypes.CDLL(None)


def live_mib() -> float:
    """Memory allocated and not yet freed."""
    if not hasattr(LIBRARY, "mallinfo2"):
        return 0.0
    LIBRARY.mallinfo2.restype = Allocated
    told = LIBRARY.mallinfo2()
    return float(told.uordblks + told.hblkhd) / 2**20


@dataclass(frozen=True)
class State:
    """What the process holds.

    Attributes:
        live_mib: what is allocated and not freed, in all arenas (0 where the C library cannot tell).
        private_mib: memory that it has written, with what the allocator keeps for the next use.
        code_mib: pages of files that it has read and no other process has just now: the image's code, which
            any time of the soak may be the first to use.
        threads: how many.
        descriptors: how many are open.
        mappings: how many the kernel keeps for it.
    """

    live_mib: float
    private_mib: float
    code_mib: float
    threads: int
    descriptors: int
    mappings: int

    @classmethod
    def now(cls) -> State:
        """Once what was closed is gone."""
        gc.collect()
        time.sleep(3)
        # What the allocator keeps of what was freed is not leaked.
        getattr(LIBRARY, "malloc_trim", lambda _: None)(0)
        rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
        sizes = {line.split()[0]: int(line.split()[1]) / 1024 for line in rollup[1:]}
        return cls(
            live_mib(),
            sizes["Private_Dirty:"],
            sizes["Private_Clean:"],
            len(list(Path("/proc/self/task").iterdir())),
            len(list(Path("/proc/self/fd").iterdir())),
            len(Path("/proc/self/maps").read_text().splitlines()),
        )


@pytest.mark.slow
@pytest.mark.timeout(SOAK_S + 300)
@pytest.mark.parametrize("workers", [0])
def test_the_process_is_flat_after_a_soak(workers: int) -> None:
    with Sandbox(workers=workers, memory_mib=256) as box:
        soak = Soak(box)
        asyncio.run(soak.run(SOAK_S / 10))
        early = State.now()
        asyncio.run(soak.run(SOAK_S * 0.45))
        middle = State.now()
        asyncio.run(soak.run(SOAK_S * 0.45))
        late = State.now()
        print(f"\n{SOAK_S:g} s: {dict(soak.counts)}\nearly  {early}\nmiddle {middle}\nlate   {late}")
        with box.session() as session:
            assert session.run("1 + 1").stdout == "2\n"
    # A leak would show in every one of thousands of cells; pieces of what was freed come and go.
    assert late.live_mib < early.live_mib + 4
    assert late.private_mib < early.private_mib + 128
    assert late.threads <= early.threads + 4
    assert late.descriptors <= early.descriptors
    assert late.mappings < early.mappings + 200
