"""Writes values the way notebooks echo them.

The layout is that of Oppen's "Prettyprinting" (1980) as IPython uses it: what fits 79 columns stays a line;
else the outermost bracket that is open is broken, one item to a line. Which types are broken up at all, and
how the rest is named, follows IPython too, because that is what models have read in training. Objects may
bring IPython's hook `_repr_pretty_(printer, cycle)`, whose methods keep their names here.
"""

import collections
import contextlib
import inspect
import re
import types

WIDTH = 79
MAX_ITEMS = 1000

# Their representations have neither line breaks nor parts.
PLAIN = frozenset({int, float, complex, bool, str, bytes, range, type(None), type(...), type(NotImplemented)})


def pretty(value):
    """The echo of a value."""
    if type(value) in PLAIN:
        return repr(value)
    printer = Printer()
    printer.pretty(value)
    return printer.finish()


class Group:
    """Text between brackets, whose separators become line breaks together."""

    __slots__ = ("broken", "depth", "waiting")

    def __init__(self, depth):
        self.depth = depth
        self.broken = False
        # How many of its separators are pending.
        self.waiting = 0


class Layout:
    """Text that is settled up to some column, and what is pending behind it: laid flat while it fits."""

    def __init__(self):
        self.settled = []
        self.column = 0
        # Strings, and separators as (group, text, indentation).
        self.pending = []
        self.pending_width = 0
        self.indentation = 0
        root = Group(0)
        self.open = [root]
        # By depth, the groups that may still be broken.
        self.breakable_groups = [[root]]

    def text(self, text):
        """Adds text that is not broken."""
        if self.pending:
            self.pending.append(text)
            self.pending_width += len(text)
            self._fit()
        else:
            self.settled.append(text)
            self.column += len(text)

    def breakable(self, sep=" "):
        """Adds a place where the innermost group may be broken."""
        group = self.open[-1]
        if group.broken:
            self._settle(len(self.pending))
            self._new_line(self.indentation)
        else:
            self.pending.append((group, sep, self.indentation))
            self.pending_width += len(sep)
            group.waiting += 1
            self._fit()

    def break_(self):
        """Ends the line."""
        self._break_outermost()
        self._settle(len(self.pending))
        self._new_line(self.indentation)

    def begin_group(self, indent=0, start=""):
        """Opens a group; its further lines are indented."""
        if start:
            self.text(start)
        group = Group(self.open[-1].depth + 1)
        self.open.append(group)
        if group.depth == len(self.breakable_groups):
            self.breakable_groups.append([])
        self.breakable_groups[group.depth].append(group)
        self.indentation += indent

    def end_group(self, dedent=0, close=""):
        """Closes the innermost group."""
        self.indentation -= dedent
        group = self.open.pop()
        if not group.waiting:
            self._forget(group)
        if close:
            self.text(close)

    @contextlib.contextmanager
    def group(self, indent=0, start="", close=""):
        """A group around what the block adds."""
        self.begin_group(indent, start)
        try:
            yield
        finally:
            self.end_group(indent, close)

    def finish(self):
        """All of the text."""
        self._settle(len(self.pending))
        return "".join(self.settled)

    def _fit(self):
        while self.column + self.pending_width > WIDTH and self._break_outermost():
            pass

    def _break_outermost(self):
        """Breaks the outermost group with pending separators, of equals the latest; False if none has."""
        group = self._choose()
        if group is None:
            return False
        group.broken = True
        end = max(at for at, item in enumerate(self.pending) if type(item) is tuple and item[0] is group) + 1
        while end < len(self.pending) and type(self.pending[end]) is str:
            end += 1
        self._settle(end)
        return True

    def _choose(self):
        for groups in self.breakable_groups:
            for place, group in enumerate(reversed(groups)):
                if group.waiting:
                    # Not the group's own place but the one mirrored, as IPython does: a neighbour that is
                    # forgotten here stays flat for good. Seen with tuples as keys of dicts.
                    del groups[place]
                    return group
            # Brackets further out without a separator yet: once they have one, it ends a line.
            for group in groups:
                group.broken = True
            groups.clear()
        return None

    def _forget(self, group):
        groups = self.breakable_groups[group.depth]
        if group in groups:
            groups.remove(group)

    def _settle(self, count):
        """Writes the first `count` pending parts."""
        for item in self.pending[:count]:
            if type(item) is str:
                self.settled.append(item)
                self.column += len(item)
                self.pending_width -= len(item)
                continue
            group, text, indentation = item
            self.pending_width -= len(text)
            group.waiting -= 1
            if group.broken:
                self._new_line(indentation)
                continue
            self.settled.append(text)
            self.column += len(text)
            if not group.waiting:
                self._forget(group)
        del self.pending[:count]

    def _new_line(self, indentation):
        self.settled.append("\n" + " " * indentation)
        self.column = indentation


class Printer(Layout):
    """Chooses how each value is written."""

    def __init__(self):
        super().__init__()
        self.inside = set()

    def pretty(self, value):
        """Adds a value."""
        kind = type(value)
        if kind in PLAIN:
            text = repr(value)
            if not self.pending or self.column + self.pending_width + len(text) <= WIDTH:
                # The groups below would change nothing.
                self.text(text)
                return
        cycle = id(value) in self.inside
        self.inside.add(id(value))
        self.begin_group()
        try:
            self._writer(kind)(value, self, cycle)
        finally:
            self.end_group()
            if not cycle:
                self.inside.discard(id(value))

    @staticmethod
    def _writer(kind):
        """The function that writes values of a type: the nearest of its bases' own."""
        for base in inspect.getmro(kind):
            if base in WRITERS:
                return WRITERS[base]
            own = base.__dict__
            if callable(own.get("_repr_pretty_")):
                return base._repr_pretty_
            if base is not object and callable(own.get("__repr__")):
                return write_repr
        return write_object

    def items(self, values, write):
        """The values with separators, up to the cap."""
        for place, value in enumerate(values):
            if place:
                self.text(",")
                self.breakable()
            if place >= MAX_ITEMS:
                self.text("...")
                return
            write(value)

    def call(self, name, arguments, keywords=()):
        """A constructor's call."""
        with self.group(), self.group(len(name) + 1, name + "(", ")"):
            self.items([*((None, value) for value in arguments), *keywords], self._argument)

    def _argument(self, argument):
        name, value = argument
        if name is None:
            self.pretty(value)
        else:
            with self.group(len(name) + 1, name + "="):
                self.pretty(value)


def write_repr(value, printer, cycle=False):
    """The value's own representation, its lines indented like the brackets around it."""
    with printer.group():
        for place, line in enumerate(repr(value).splitlines()):
            if place:
                printer.break_()
            printer.text(line)


def write_object(value, printer, cycle):
    """A value without a representation of its own."""
    if type(value).__repr__ is not object.__repr__:
        write_repr(value, printer)
        return
    with printer.group(1, "<", ">"):
        printer.pretty(type(value))
        printer.text(f" at 0x{id(value):x}" + (" ..." if cycle else ""))


def sequence_writer(start, end):
    """Writes lists and tuples."""

    def write(value, printer, cycle):
        if cycle:
            printer.text(f"{start}...{end}")
            return
        with printer.group(len(start), start):
            printer.items(value, printer.pretty)
            if len(value) == 1 and isinstance(value, tuple):
                printer.text(",")
        printer.text(end)

    return write


def set_writer(start, end):
    """Writes sets, sorted where their items can be."""

    def write(value, printer, cycle):
        if cycle:
            printer.text(f"{start}...{end}")
        elif not value:
            printer.text(f"{type(value).__name__}()")
        else:
            with printer.group(len(start), start, end):
                printer.items(in_order(value), printer.pretty)

    return write


def in_order(values):
    """The values sorted, by their texts where they cannot be compared; untouched where they are too many."""
    if len(values) >= MAX_ITEMS:
        return values
    for key in (None, str):
        try:
            return sorted(values, key=key)
        except Exception:
            continue
    return values


def write_dict(value, printer, cycle):
    """Keys and values in the dict's own order."""
    if cycle:
        printer.text("{...}")
        return

    def write_item(key):
        printer.pretty(key)
        printer.text(": ")
        printer.pretty(value[key])

    with printer.group(1, "{", "}"):
        printer.items(value.keys(), write_item)


def write_proxy(value, printer, cycle):
    """A read-only view of a dict."""
    with printer.group(13, "mappingproxy(", ")"):
        printer.pretty(dict(value))


def call_writer(arguments):
    """Writes a container as the call that makes it; `arguments` gives what it is called with."""

    def write(value, printer, cycle):
        name = type(value).__name__
        if cycle:
            printer.text(f"{name}(...)")
        else:
            printer.call(name, *arguments(value))

    return write


def deque_arguments(value):
    """Its items, and its cap where it has one."""
    keywords = () if value.maxlen is None else (("maxlen", value.maxlen),)
    return [list(value)], keywords


def write_type(value, printer, cycle):
    """A class by its full name."""
    own = next(base for base in inspect.getmro(type(value)) if "__repr__" in vars(base))
    if own is not type:
        write_repr(value, printer)
        return
    module = getattr(value, "__module__", None)
    name = value.__qualname__
    printer.text(name if module in (None, "builtins") else f"{module}.{name}")


def write_function(value, printer, cycle):
    """A function by its full name and its parameters."""
    name = getattr(value, "__qualname__", value.__name__)
    module = value.__module__
    if module and module != "builtins":
        name = f"{module}.{name}"
    with contextlib.suppress(ValueError, TypeError, NameError):
        name += str(inspect.signature(value))
    printer.text(f"<function {name}>")


def write_exception(value, printer, cycle):
    """An exception as the call that makes it."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if cycle:
        printer.text(f"{name}(...)")
    else:
        printer.call(name, value.args)


def write_pattern(value, printer, cycle):
    """A compiled regular expression; flags by name."""
    printer.text("re.compile(r" + repr(value.pattern).replace("\\\\", "\\"))
    flags = re.RegexFlag(value.flags)
    if flags:
        printer.text(",")
        printer.breakable()
        printer.text("|".join(f"re.{flag.name}" for flag in flags))
    printer.text(")")


def write_super(value, printer, cycle):
    """What `super()` gives."""
    with printer.group(8, "<super: ", ">"):
        printer.pretty(value.__thisclass__)
        printer.text(",")
        printer.breakable()
        printer.pretty(value.__self__)


def write_namespace(value, printer, cycle):
    """A simple namespace as the call that makes it."""
    name = "namespace" if type(value) is types.SimpleNamespace else type(value).__name__
    if cycle:
        printer.text(f"{name}(...)")
    else:
        printer.call(name, (), value.__dict__.items())


WRITERS = {
    **dict.fromkeys(PLAIN, write_repr),
    list: sequence_writer("[", "]"),
    tuple: sequence_writer("(", ")"),
    set: set_writer("{", "}"),
    frozenset: set_writer("frozenset({", "})"),
    dict: write_dict,
    types.MappingProxyType: write_proxy,
    collections.Counter: call_writer(lambda value: [[dict(value.most_common())] if value else []]),
    collections.OrderedDict: call_writer(lambda value: [[list(value.items())] if value else []]),
    collections.defaultdict: call_writer(lambda value: [[value.default_factory, dict(value)]]),
    collections.deque: call_writer(deque_arguments),
    collections.UserList: call_writer(lambda value: [[value.data]]),
    type: write_type,
    types.FunctionType: write_function,
    types.BuiltinFunctionType: write_function,
    types.MethodType: write_repr,
    types.SimpleNamespace: write_namespace,
    BaseException: write_exception,
    re.Pattern: write_pattern,
    super: write_super,
}
