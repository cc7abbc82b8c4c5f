"""Threat: `ctypes` pokes outside of memory, calls what is no function, and corrupts the interpreter itself.

All of it happens inside the session's own linear memory, or traps: there is no address of the host in there.
"""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import pytest

READS = [
    "string_at(0xffffffff, 1)",
    "string_at(0xfffffff0, 100)",
    "string_at(0, 1 << 31)",
    "string_at(-1, 10)",
    "string_at(1 << 40, 10)",
    "wstring_at(0xfffffff0)",
    "c_longlong.from_address(0xfffffffc).value",
    "cast(0xfffffff8, POINTER(c_double))[0]",
    "cast(0, POINTER(c_char))[0xfffffffe]",
    "(c_char * (1 << 31)).from_address(16)[(1 << 31) - 1]",
    "py_object.from_address(12345).value",
    "cast(12345678, py_object).value",
]

WRITES = [
    "memset(0xfffffff0, 1, 100)",
    "memset(8, 1, 50 << 20)",
    "memset(0, 255, 1 << 31)",
    "memmove(0xfffff000, 0, 1 << 20)",
    "c_int.from_address(0xfffffffc).value = 1",
    "cast(0, POINTER(c_int))[-1] = 1",
    "memset(id(int), 0, 200)",
    "memset(id(type), 255, 400)",
    "memset(id(None), 0, 8)",
    "memset(id(()), 255, 64)",
    "memset(id(__builtins__.__dict__), 7, 48)",
    "x = bytearray(100); memset(id(x), 255, 56); del x",
    "x = [1, 2]; c_int.from_address(id(x) + 8).value = -1; x.append(3); repr(x)",
    "x = 'abc'; c_int.from_address(id(x) + 8).value = 1 << 30; print(x)",
    "x = create_string_buffer(64); memset(addressof(x) - 16, 255, 100); [bytearray(n) for n in range(5000)]",
]

CALLS = [
    "CFUNCTYPE(None)(0)()",
    "CFUNCTYPE(None)(1)()",
    "CFUNCTYPE(None)(0xffffffff)()",
    "CFUNCTYPE(None)(12345678)()",
    "CFUNCTYPE(c_int, c_int, c_double, c_longlong)(100)(1, 2.0, 3)",
    "CFUNCTYPE(c_longdouble, *[c_double] * 900)(100)(*range(900))",
    "CFUNCTYPE(None, *[c_int] * 1100)(100)(*range(1100))",
    "pythonapi.PyErr_SetNone(0)",
    "pythonapi.Py_DecRef(py_object(None)); [pythonapi.Py_DecRef(py_object(())) for _ in range(10**4)]",
    "pythonapi.Py_FinalizeEx()",
    "pythonapi.PyThreadState_Clear(0)",
    "pythonapi.PyEval_SaveThread()",
    "pythonapi.Py_Exit(3)",
    "pythonapi.abort()",
    "pythonapi.PyGILState_Ensure(); pythonapi.PyEval_ReleaseThread(0)",
    "pythonapi.PyObject_Free(id(int))",
    "pythonapi.PyMem_Free(0xfffffff0)",
    "pythonapi.dlopen(b'/etc/passwd', 0)",
    "CDLL('libc.so.6')",
    "CDLL('/etc/passwd')",
    "PyDLL(None).nothing()",
    "resize(c_int(), 1 << 31)",
]

CALLBACKS = {
    "wrong result": "f = CFUNCTYPE(c_int)(lambda: 'text'); f()",
    "that raises": "f = CFUNCTYPE(c_int)(lambda: 1 / 0); f()",
    "freed while it runs": "f = [None]\nf[0] = CFUNCTYPE(None)(lambda: f.clear())\nf[0]()",
    "called after it was freed": "f = CFUNCTYPE(c_int)(lambda: 1)\na = cast(f, c_void_p).value\ndel f\n"
    "import gc; gc.collect(); CFUNCTYPE(c_int)(a)()",
    "called with another signature": "f = CFUNCTYPE(c_double, c_double)(lambda x: x)\n"
    "CFUNCTYPE(c_int, c_int, c_int)(cast(f, c_void_p).value)(1, 2)",
    "as many as memory holds": "a = []\nwhile True: a.append(CFUNCTYPE(None)(lambda: None))",
    "made and dropped": "for _ in range(20_000): CFUNCTYPE(None)(lambda: None)",
    "in a sort": "q = pythonapi.qsort\nP = CFUNCTYPE(c_int, c_void_p, c_void_p)\nb = (c_int * 100)(*range(100))\n"
    "q(b, 100, 4, P(lambda x, y: -1)); q(b, 1 << 30, 4, P(lambda x, y: 1))",
    "with a structure of itself": "class S(Structure): pass\nS._fields_ = [('s', POINTER(S)), ('a', c_char * 10**6)]\n"
    "f = CFUNCTYPE(S, S)(lambda s: s); f(S())",
    "with a huge structure": "class S(Structure): _fields_ = [('a', c_char * (20 << 20))]\n"
    "f = CFUNCTYPE(c_int, S)(lambda s: 1); f(S())",
}


def cells(codes):
    return pytest.mark.parametrize("code", codes)


@cells(READS)
def test_reads_outside_of_memory(attack, code):
    outcome = attack(f"from ctypes import *\n{code}", hurts_itself=True)
    assert outcome.status in {"error", "memory"} or "root:" not in outcome.stdout


@cells(WRITES)
def test_writes_outside_of_memory_and_into_the_interpreter(attack, code):
    attack(f"from ctypes import *\n{code}", 2.0, hurts_itself=True)


@cells(CALLS)
def test_calls_of_what_is_no_function(attack, code):
    attack(f"from ctypes import *\n{code}", 2.0, hurts_itself=True)


@pytest.mark.parametrize("code", CALLBACKS.values(), ids=CALLBACKS)
def test_callbacks(attack, code):
    attack(f"from ctypes import *\n{code}", 2.0, hurts_itself=True)


@pytest.mark.parametrize("seed", range(20))
def test_random_writes_into_the_interpreter(attack, seed):
    attack(
        "import ctypes, random, gc\n"
        f"r = random.Random({seed})\n"
        "for _ in range(2000): ctypes.c_ubyte.from_address(r.randrange(1 << 16, 40 << 20)).value = r.randrange(256)\n"
        "gc.collect(); [str(x) for x in gc.get_objects()[:1000]]",
        1.0,
        hurts_itself=True,
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_calls_through_the_function_table(attack, seed):
    """Every import that is in the table, those of JavaScript among them, can be called this way."""
    attack(
        "import random\nfrom ctypes import *\n"
        f"r = random.Random({seed})\n"
        "kinds = [c_int, c_longlong, c_double, c_float]\n"
        "while True:\n"
        "    args = [r.choice(kinds) for _ in range(r.randrange(6))]\n"
        "    f = CFUNCTYPE(r.choice([None, *kinds]), *args)(r.randrange(20_000))\n"
        "    try: f(*[r.choice([0, 1, -1, 1 << 31, 65536, r.randrange(1 << 32)]) for _ in args])\n"
        "    except Exception: pass",
        1.0,
        hurts_itself=True,
    )


def test_the_interpreters_own_words_for_signals(attack):
    code = (
        "from ctypes import *\n"
        "try: word = c_int.in_dll(pythonapi, '_Py_emscripten_signal_clock')\n"
        "except ValueError: word = None\n"
        "while True:\n    if word is not None: word.value = 1 << 30"
    )
    assert attack(code, 0.3, hurts_itself=True).status in {"timeout", "error"}
