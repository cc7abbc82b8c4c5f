"""Runs cells inside the sandbox the way an interactive shell does.

The host calls `start` once per session and `run` for every cell; both take a string and return a
status number.
"""

import __future__

import _signal
import ast
import asyncio
import builtins
import inspect
import io
import itertools
import linecache
import random
import re
import sys
import tokenize
import types

from mathforge_imports import explain
from mathforge_pretty import pretty
from mathforge_tracebacks import formatted

OK, ERROR, INTERRUPTED, MEMORY = range(4)

CELL = "Cell In[{}]"
FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)

# A question about a name, as notebooks answer it: `name?`, `name??` or `?name`.
QUESTION = re.compile(r"(?P<indent>\s*)(?:(?P<before>[\w.]+)\s*\?{1,2}|\?{1,2}\s*(?P<after>[\w.]+))\s*")

main = types.ModuleType("__main__")
main.__builtins__ = builtins
numbers = itertools.count(1)


def display(*values):
    """Prints each value as its echo."""
    for value in values:
        print(pretty(value))


main.display = display


class Echoes:
    """What cells leave for the next ones: the last values as `_`, `__` and `___`, and future imports."""

    def __init__(self):
        self.last = []
        self.future_flags = 0

    def show(self, value):
        """Echoes a value, and binds it unless the user has names like these of their own."""
        names = main.__dict__
        if all(names.get("_" * place, known) is known for place, known in enumerate(self.last, 1)) and (
            self.last or "_" not in names
        ):
            self.last = [value, *self.last[:2]]
            names.update(("_" * place, known) for place, known in enumerate(self.last, 1))
        text = pretty(value) + "\n"
        prepare()
        flush()
        sys.__stdout__.write(text)


echoes = Echoes()


def start(seed):
    """Makes a copy of the image a session of its own: it draws different random numbers."""
    number = int(seed)
    random.seed(number)
    sympy_random = sys.modules.get("sympy.core.random")
    if sympy_random is not None:
        sympy_random.rng.seed(number + 1)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(number % 2**32)
    sys.modules["__main__"] = main
    return OK


def settle(_):
    """Swallows an interrupt that came too late for the cell it was meant for."""
    try:
        for _ in range(1000):
            pass
    except KeyboardInterrupt:
        pass
    return OK


def run(source):
    """Runs one cell: echo of a last expression on stdout, traceback of the user's own frames on stderr."""
    try:
        prepare()
        try:
            execute(source)
            return OK
        except BaseException as error:
            return report(error)
        finally:
            flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError:
        return MEMORY
    except BaseException:
        # The cell replaced or broke the streams themselves.
        return ERROR


def prepare():
    """Undoes what an earlier cell may have done to the things every cell needs."""
    # The functions below `signal`, which turns every answer into an enum.
    if _signal.getsignal(_signal.SIGINT) is not _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        own = getattr(sys, f"__{name}__")
        if own is None or own.closed:
            own = stream(descriptor)
            setattr(sys, f"__{name}__", own)
        current = getattr(sys, name)
        if current is None or getattr(current, "closed", False):
            setattr(sys, name, own)


def flush():
    """Writes out what the streams hold back; a cell may have closed them."""
    for output in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if output is not None and not getattr(output, "closed", False):
            output.flush()


def stream(descriptor):
    """A fresh standard stream, written through at every line so that a killed cell's output is not lost."""
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)


def execute(source):
    """Compiles and runs the cell in `__main__`."""
    name = CELL.format(next(numbers))
    last = expression(source, name)
    if last is None:
        tree, source = parse(source, name)
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    if last is None:
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not ends_in_semicolon(source):
            last = ast.Expression(tree.body.pop().value)
        for code in compiled(tree, name):
            evaluate(code)
        if last is None:
            return
        last = compile_tree(last, name)
    value = evaluate(last)
    if value is not None:
        echoes.show(value)


def expression(source, name):
    """Code for a cell that is one expression on one line, which needs no tree of objects; else None."""
    # Of a backslash in a string Python may warn, and it would again when the line is read again.
    if "\n" in source.rstrip() or "\\" in source:
        return None
    try:
        return compile_tree(source, name)
    except SyntaxError:
        return None


def parse(source, name):
    """The syntax tree, after the repairs a notebook makes; the source as repaired."""
    try:
        return ast.parse(source, name), source
    except SyntaxError as error:
        lines = source.lstrip("\n").splitlines(True)
        first = lines[0] if lines else ""
        # Pasted code: indented as a whole, or with the prompts of a session.
        lead = ">>> " if first.startswith(">>> ") else first[: len(first) - len(first.lstrip())]
        if lead:
            leads = (lead, "... ") if lead == ">>> " else (lead,)
            repaired = "".join(line[len(lead) :] if line.startswith(leads) else line for line in lines)
            return ast.parse(repaired, name), repaired
        lines = source.splitlines()
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        number = error.lineno or 0
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        if asked := QUESTION.fullmatch(line):
            subject = asked["before"] or asked["after"]
            lines[number - 1] = f"{asked['indent']}__import__({__name__!r}).describe({subject})"
            return parse("\n".join(lines), name)
        if line.lstrip()[:1] in {"!", "%"}:
            raise SyntaxError(
                "shell commands (!) and magics (%) do not exist in this sandbox; write plain Python",
                (name, number, 1, line),
            ) from None
        raise


def describe(value):
    """Prints what a notebook tells of a name: how it is called, and what it says of itself."""
    try:
        print(f"Signature: {getattr(value, '__name__', '')}{inspect.signature(value)}")
    except (TypeError, ValueError):
        print(f"Type: {type(value).__name__}")
    print(f"Docstring: {inspect.getdoc(value) or 'none'}")


def ends_in_semicolon(source):
    """Whether the last thing but comments is a semicolon, which asks for no echo."""
    if ";" not in source.rstrip().rpartition("\n")[2]:
        return False
    last = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER):
            last = token.string
    return last == ";"


def compiled(tree, name):
    """The code of a cell without its last expression.

    A few errors (`return` outside of a function) show only when a tree is compiled. The statements before
    them are run first, as in a notebook.
    """
    if not tree.body:
        return
    try:
        parts = [compile_tree(tree, name)]
    except SyntaxError:
        parts = (compile_tree(ast.Module([statement], []), name) for statement in tree.body)
    yield from parts


def compile_tree(tree, name):
    """Code for a tree or an expression's source; `from __future__` holds for the cells after it too."""
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | echoes.future_flags
    code = compile(tree, name, mode, flags=flags, dont_inherit=True)
    echoes.future_flags |= code.co_flags & FUTURES
    return code


def evaluate(code):
    """Runs code in `__main__`; a top-level await runs on a fresh event loop."""
    result = eval(code, main.__dict__)
    if code.co_flags & inspect.CO_COROUTINE:
        return asyncio.run(result)
    return result


def report(error):
    """Writes the traceback and tells the host what kind of end it was."""
    prepare()
    flush()
    if isinstance(error, SystemExit):
        if error.code is None or error.code == 0:
            return OK
        sys.__stderr__.write(f"SystemExit: {error.code}\n")
        return ERROR
    explain(error)
    sys.__stderr__.write(formatted(error))
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return MEMORY if isinstance(error, MemoryError) else ERROR


def adapt():
    """Fits the interpreter to a world without JavaScript, sockets or a terminal; runs once, in the image."""
    sys.modules["_pyodide_core"] = None
    # The event loop wakes itself through a socket pair when another thread calls; there is no other thread.
    loop = asyncio.selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = lambda self: None
    loop._close_self_pipe = lambda self: None
    loop._write_to_self = lambda self: None
    sys.stdout = sys.__stdout__ = stream(1)
    sys.stderr = sys.__stderr__ = stream(2)
    sys.argv = [""]
    sys.path.insert(0, "")


adapt()
