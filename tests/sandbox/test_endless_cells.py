"""Threat: a cell never ends, and does not let itself be interrupted."""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import pytest

LIMIT_S = 0.3
SPIN = "while True: pass"
SWALLOW = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
ENDLESS = f"    def {{}}(self, *a):\n        {SPIN}"

IN_PYTHON = {
    "swallow everything": SWALLOW,
    "finally": "def f():\n    try:\n        while True: pass\n    finally: f()\nf()",
    "context manager": "class C:\n    def __enter__(s): pass\n    def __exit__(s, *a): return True\n"
    "while True:\n    with C():\n        while True: pass",
    "ignored signal": f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{SPIN}",
    "handler that returns": f"import signal; signal.signal(signal.SIGINT, lambda *a: None)\n{SPIN}",
    "masked signal": "import signal\n"
    "try: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nexcept AttributeError: pass\n" + SPIN,
    "sleep": "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass",
    "generator close": "def g():\n    while True:\n        try: yield\n        except BaseException: pass\n"
    "a = g(); next(a)\nwhile True:\n    try: a.close()\n    except BaseException: pass",
    "event loop": "import asyncio\nasync def f():\n    while True:\n        try: await asyncio.sleep(0)\n"
    "        except BaseException: pass\nwhile True:\n    try: asyncio.run(f())\n    except BaseException: pass",
    "excepthook": f"import sys\ndef hook(*a):\n    {SPIN}\nsys.excepthook = hook\n1/0\n{SPIN}",
    "trace": f"import sys\ndef t(*a):\n    {SPIN}\nsys.settrace(t)\ndef f(): pass\nf()",
    "profile": f"import sys\ndef t(*a):\n    {SPIN}\nsys.setprofile(t)\nlen([])",
    "import hook": f"import sys\nclass F:\n{ENDLESS.format('find_spec')}\nsys.meta_path.insert(0, F())\nimport nothing",
}

IN_C = {
    "power": "pow(3, 10**9)",
    "sum": "sum(range(10**18))",
    "any": "import itertools; any(itertools.repeat(0))",
    "deque": "import collections, itertools; collections.deque(itertools.repeat(0), maxlen=0)",
    "max": "import itertools; max(itertools.count())",
    "regex": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "regex swallowed": "import re\nwhile True:\n    try: re.match(r'(.*a){25}', 'a' * 40 + 'b' * 40)\n    except BaseException: pass",
    "int to text": "import sys; sys.set_int_max_str_digits(0); str(7 ** 20_000_000)",
    "factorial": "import math; math.factorial(10**8)",
    "comb": "import math; math.comb(10**8, 5 * 10**7)",
    "string search": "('a' * 10**6 + 'b') in ('a' * 10**8)",
    "hash": "import hashlib; hashlib.pbkdf2_hmac('sha512', b'x', b'y', 10**9)",
    "sqlite": "import sqlite3; sqlite3.connect(':memory:').execute('with recursive c(x) as (select 1 union all select x+1 from c) select sum(x) from c').fetchall()",
    "decimal": "import decimal; decimal.getcontext().prec = 10**7; decimal.Decimal(2).sqrt().ln()",
    "zlib": "import zlib\nwhile True: zlib.compress(bytes(10**8), 9)",
    "bit count": "while True: (1 << 10**8).bit_count()",
}

IN_HOOKS = {
    "sort key": "sorted(range(10), key=lambda x: [1 for _ in iter(int, 1)])",
    "sort comparison": f"class K:\n{ENDLESS.format('__lt__')}\nsorted([K(), K()])",
    "sort that swallows": "def key(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n"
    "sorted(range(10), key=key)",
    "destructor": f"class D:\n{ENDLESS.format('__del__')}\nd = D(); del d",
    "many destructors": "class D:\n    def __del__(s): D()\nD()",
    "destructor that swallows": "class D:\n    def __del__(s):\n        while True:\n            try:\n                while True: pass\n"
    "            except BaseException: pass\nd = D(); del d",
    "collector": f"import gc\nclass D:\n{ENDLESS.format('__del__')}\nd = D(); d.d = d; del d; gc.collect()",
    "collector callback": f"import gc\ndef f(*a):\n    {SPIN}\ngc.callbacks.append(f); gc.collect()",
    "finaliser": f"import weakref\nclass A: pass\na = A()\ndef f():\n    {SPIN}\nweakref.finalize(a, f); del a",
    "weak reference": f"import weakref\nclass A: pass\na = A()\ndef f(*x):\n    {SPIN}\nr = weakref.ref(a, f); del a",
    "representation": f"class R:\n{ENDLESS.format('__repr__')}\nR()",
    "message": f"class E(Exception):\n{ENDLESS.format('__str__')}\nraise E",
    "hash": f"class H:\n{ENDLESS.format('__hash__')}\n{{H()}}",
    "equality": f"class E:\n    __hash__ = lambda s: 1\n{ENDLESS.format('__eq__')}\n{{E(): 1, E(): 2}}",
    "iterator": f"class I:\n    def __iter__(s): return s\n{ENDLESS.format('__next__')}\nlist(I())",
    "stream": f"import sys\nclass S:\n    closed = False\n{ENDLESS.format('write')}\n{ENDLESS.format('flush')}\nsys.stdout = S(); print(1)",
    "error stream": f"import sys\nclass S:\n    closed = False\n{ENDLESS.format('write')}\n    def flush(s): pass\nsys.stderr = S(); 1/0",
    "line cache": f"import linecache\ndef f(*a):\n    {SPIN}\nlinecache.getline = linecache.getlines = linecache.checkcache = f\n1/0",
    "broken runner": "import sys\nm = sys.modules.get('mathforge_cell')\nif m:\n    for n in ('prepare', 'flush', 'report', 'execute'):\n"
    f"        def f(*a):\n            {SPIN.replace(chr(10), ' ')}\n        setattr(m, n, f)\n{SPIN}",
}

CELLS = {
    f"{where}: {name}": code
    for where, cells in (("python", IN_PYTHON), ("c", IN_C), ("hook", IN_HOOKS))
    for name, code in cells.items()
}


@pytest.mark.parametrize("code", CELLS.values(), ids=CELLS)
def test_an_endless_cell_is_stopped(attack, code):
    outcome = attack(f"print('out')\n{code}", LIMIT_S, hurts_itself=True)
    # A hook that is interrupted may leave the cell to end in its own way.
    assert outcome.status in {"timeout", "error", "memory", "ok"}
    assert outcome.wall_s < LIMIT_S + 4.0
    if outcome.status == "timeout" and not outcome.state_lost:
        assert "out" in outcome.stdout


@pytest.mark.parametrize("name", ["swallow everything", "power", "sort key", "destructor"])
def test_others_go_on_meanwhile(box, name):
    import threading

    looping, other = box.session(), box.session()
    other.run("x = 20", 10.0)
    code = (IN_PYTHON | IN_C | IN_HOOKS)[name]
    thread = threading.Thread(target=looping.run, args=(code, 1.0))
    thread.start()
    seen = [other.run("x += 1; x", 10.0).stdout for _ in range(10)]
    thread.join()
    assert seen == [f"{n}\n" for n in range(21, 31)]
