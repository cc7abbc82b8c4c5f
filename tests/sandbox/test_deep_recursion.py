"""Threat: recursion in Python or in C overruns a stack: the interpreter's, the machine's, the parser's."""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import pytest

DEEP = 200_000
UNLIMITED = "import sys; sys.setrecursionlimit(10**7)\n"
NESTED = f"a = []\nfor _ in range({DEEP}): a = [a]\n"

CELLS = {
    "plain": "def f(): return f()\nf()",
    "mutual": "def f(): return g()\ndef g(): return f()\nf()",
    "unlimited": f"{UNLIMITED}def f(): return f()\nf()",
    "arguments": f"{UNLIMITED}def f(*a, **k): return f(*a, 1, **k)\nf()",
    "operator": f"{UNLIMITED}class A:\n    def __add__(s, o): return s + o\nA() + A()",
    "attribute": f"{UNLIMITED}class A:\n    def __getattr__(s, n): return getattr(s, n + 'x')\nA().a",
    "call": f"{UNLIMITED}class A: pass\nA.__call__ = A()\nA()()",
    "repr": f"{UNLIMITED}class A:\n    def __repr__(s): return repr(s)\nA()",
    "map": f"{UNLIMITED}def f(x): return list(map(f, [x]))\nf(1)",
    "sorted": f"{UNLIMITED}def f(x): return sorted([1, 2], key=f)\nf(1)",
    "generator": f"{UNLIMITED}def g(): yield from g()\nlist(g())",
    "comprehension": f"{UNLIMITED}f = lambda: [f() for _ in (1,)]\nf()",
    "coroutine": f"{UNLIMITED}async def c(): await c()\nawait c()",
    "property": f"{UNLIMITED}class A:\n    @property\n    def x(s): return s.x\nA().x",
    "hash of nested tuples": f"a = ()\nfor _ in range({DEEP}): a = (a,)\nhash(a)",
    "compare lists": f"b = []\nfor _ in range({DEEP}): b = [b]\n{NESTED}a == b",
    "compare deep dicts": f"a, b = {{}}, {{}}\nfor _ in range({DEEP}): a, b = {{1: a}}, {{1: b}}\na == b",
    "repr of a list": f"{NESTED}len(repr(a))",
    "free a list": "a = []\nfor _ in range(3_000_000): a = [a]\ndel a",
    "free closures": "f = lambda: 0\nfor _ in range(300_000): f = (lambda g: lambda: g())(f)\ndel f",
    "free instances": "class A: pass\na = None\nfor _ in range(1_000_000):\n    b = A(); b.n = a; a = b\ndel a, b",
    "free generators": "def g(x): yield x\na = None\nfor _ in range(300_000): a = g(a); next(a)\ndel a",
    "free exceptions": "e = None\nfor _ in range(300_000):\n    n = ValueError(); n.__context__ = e; e = n\ndel e, n",
    "chain of exceptions": "e = None\nfor _ in range(50_000):\n    n = ValueError(); n.__context__ = e; e = n\nraise e",
    "nested iterators": "import itertools\na = iter([])\nfor _ in range(1_000_000): a = itertools.chain(a, [1])\nnext(a)",
    "nested partials": "import functools\nf = int\nfor _ in range(1_000_000): f = functools.partial(lambda g: g(), f)\nf()",
    "nested maps": "a = [1]\nfor _ in range(500_000): a = map(abs, a)\nnext(a)",
    "pickle": f"{UNLIMITED}{NESTED}import pickle; len(pickle.dumps(a))",
    "deepcopy": f"{UNLIMITED}{NESTED}import copy; copy.deepcopy(a) is a",
    "json out": f"{UNLIMITED}{NESTED}import json; len(json.dumps(a))",
    "json in": f"{UNLIMITED}import json; json.loads('[' * {DEEP})",
    "marshal": f"{NESTED}import marshal; len(marshal.dumps(a))",
    "isinstance": f"a = int\nfor _ in range({DEEP}): a = (a, str)\nisinstance(1.5, a)",
    "union types": "a = int\nfor _ in range(50_000): a = list[a]\nrepr(a)[:10]",
    "format": "'{0:{0:{0:{0}}}}'.format(1) * 1 and ('{' * 10**6).format(1)",
    "regex groups": "import re; re.compile('(' * 5000 + ')' * 5000)",
    "regex match": "import re; re.match('(?:a|b)*', 'ab' * 10**6).end()",
    "parser: brackets": "compile('(' * 10**6, 'x', 'eval')",
    "parser: balanced": "compile('[' * 10**5 + ']' * 10**5, 'x', 'eval')",
    "parser: unary": "compile('-' * 10**6 + '1', 'x', 'eval')",
    "parser: not": "compile('not ' * 10**6 + '1', 'x', 'eval')",
    "parser: attributes": "compile('a' + '.a' * 10**6, 'x', 'eval')",
    "parser: calls": "compile('a' + '()' * 10**6, 'x', 'eval')",
    "parser: sum": "compile('+'.join(['1'] * 10**6), 'x', 'eval')",
    "parser: power": "compile('**'.join(['1'] * 10**5), 'x', 'eval')",
    "parser: comparison": "compile('<'.join(['1'] * 10**6), 'x', 'eval')",
    "parser: lambdas": "compile('lambda: ' * 10**5 + '1', 'x', 'eval')",
    "parser: ternaries": "compile('1 if 1 else ' * 10**5 + '1', 'x', 'eval')",
    "parser: blocks": "compile('\\n'.join(' ' * i + 'if 1:' for i in range(5000)) + ' pass', 'x', 'exec')",
    "parser: elif": "compile('if 1: pass\\n' + 'elif 1: pass\\n' * 10**5, 'x', 'exec')",
    "parser: f-strings": "compile('f\\'{' * 10**5, 'x', 'eval')",
    "parser: patterns": "compile('match 1:\\n case ' + '[' * 10**5 + ': pass', 'x', 'exec')",
    "parser: cell": "(" * 10**6,
    "tree": f"import ast\na = ast.Constant(1)\nfor _ in range({DEEP}): a = ast.UnaryOp(ast.USub(), a)\n"
    "compile(ast.fix_missing_locations(ast.Expression(a)), 'x', 'eval')",
    "literal": "import ast; ast.literal_eval('-' * 10**6 + '1')",
    "sympy": f"{UNLIMITED}from sympy import *\nx = Symbol('x')\nfor _ in range(20_000): x = sin(x, evaluate=False)\nstr(x)[:5]",
    "sympify": "import sympy; sympy.sympify('(' * 10**5 + ')' * 10**5)",
    "xml": "import xml.etree.ElementTree as e; e.fromstring('<a>' * 10**5 + '</a>' * 10**5)",
    "C callbacks": f"{UNLIMITED}import ctypes\nP = ctypes.CFUNCTYPE(None)\n@P\ndef f(): f()\nf()",
    "C sort": f"{UNLIMITED}class A:\n    def __lt__(s, o): return sorted([A(), A()]) and True\nsorted([A(), A()])",
    "destructors": f"{UNLIMITED}class A:\n    def __del__(s): A()\nfor _ in range(10): A()",
}


@pytest.mark.parametrize("code", CELLS.values(), ids=CELLS)
def test_deep_recursion_costs_the_session_at_most(attack, code):
    outcome = attack(code, 3.0)
    assert not (outcome.state_lost and outcome.status == "ok")
    if outcome.status == "error":
        assert outcome.stderr.strip()
