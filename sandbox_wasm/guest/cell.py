"""Runs cells inside the sandbox the way an interactive shell does.

The host calls `start` once per session and `run` for every cell; both take a string and return a
status number.
"""

import ast
import asyncio
import builtins
import inspect
import itertools
import linecache
import random
import signal
import sys
import textwrap
import traceback
import types

from mathforge_imports import explain

OK, ERROR, INTERRUPTED, MEMORY = range(4)

CELL = "<cell {}>"
HIDDEN = ("/lib/python", "<frozen ", "<mathforge ")

main = types.ModuleType("__main__")
main.__builtins__ = builtins
numbers = itertools.count(1)


def display(*values):
    """Prints each value's representation, as notebooks do."""
    for value in values:
        print(repr(value))


main.display = display


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
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.stdout is None or sys.stdout.closed:
        sys.stdout = stream(1)
    if sys.stderr is None or sys.stderr.closed:
        sys.stderr = stream(2)


def flush():
    """Writes out what the streams hold back; a cell may have closed them."""
    for output in (sys.stdout, sys.stderr):
        if output is not None and not output.closed:
            output.flush()


def stream(descriptor):
    """A fresh standard stream, written through at every line so that a killed cell's output is not lost."""
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)


def execute(source):
    """Compiles and runs the cell in `__main__`."""
    name = CELL.format(next(numbers))
    tree, source = parse(source, name)
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    if tree.body:
        evaluate(tree, name, "exec")
    if last is not None:
        value = evaluate(last, name, "eval")
        if value is not None:
            main.__dict__["_"] = value
            print(repr(value))


def parse(source, name):
    """The syntax tree, after the repairs a notebook makes; the source as repaired."""
    try:
        return ast.parse(source, name), source
    except SyntaxError as error:
        dedented = textwrap.dedent(source).strip("\n") + "\n"
        if isinstance(error, IndentationError) and dedented != source:
            return ast.parse(dedented, name), dedented
        for number, line in enumerate(source.splitlines(), 1):
            if line.lstrip()[:1] in {"!", "%"} and error.lineno == number:
                raise SyntaxError(
                    "shell commands (!) and magics (%) do not exist in this sandbox; write plain Python",
                    (name, number, 1, line),
                ) from None
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        raise


def evaluate(tree, name, mode):
    """Runs a tree in `__main__`; a top-level await runs on a fresh event loop."""
    code = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, main.__dict__)
    if code.co_flags & inspect.CO_COROUTINE:
        return asyncio.run(result)
    return result


def report(error):
    """Writes the traceback and tells the host what kind of end it was."""
    if isinstance(error, SystemExit):
        if error.code is None or error.code == 0:
            return OK
        sys.stderr.write(f"SystemExit: {error.code}\n")
        return ERROR
    explain(error)
    shown = traceback.TracebackException.from_exception(error)
    hide_library(shown)
    sys.stderr.write("".join(shown.format()))
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return MEMORY if isinstance(error, MemoryError) else ERROR


def hide_library(shown):
    """Leaves the frames of the user's own code, here and in the exceptions this one came from."""
    pending, seen = [shown], set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        own = [frame for frame in one.stack if not frame.filename.startswith(HIDDEN)]
        one.stack = traceback.StackSummary.from_list(own)
        pending += [one.__cause__, one.__context__, *(one.exceptions or ())]


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
