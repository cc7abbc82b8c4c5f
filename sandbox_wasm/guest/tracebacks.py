"""Writes an exception the way notebooks show it in their plain mode: the user's own frames, one line of each.

Traceback (most recent call last):

  Cell In[2], line 1
    inverse(0)

  Cell In[1], line 2 in inverse
    return 1 / n

ZeroDivisionError: division by zero
"""

import linecache
import types

HEAD = "Traceback (most recent call last):\n\n"
CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\n\nDuring handling of the above exception, another exception occurred:\n\n"

# Files of the library and of the runner itself.
HIDDEN = ("/lib/python", "<frozen ", "<mathforge ")
CELL = "Cell In["

# A runaway recursion: the same line again is counted, and of many different ones the ends are kept.
MAX_REPEATS = 3
MAX_FRAMES = 40


def formatted(error):
    """The text for an exception and those that it came from, the first one first."""
    chain, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if error.__cause__ is not None:
            before, link = error.__cause__, CAUSE
        else:
            before, link = None if error.__suppress_context__ else error.__context__, CONTEXT
        chain.append(one(error))
        if before is not None and id(before) not in seen:
            chain.append(link)
        error = before
    return "".join(reversed(chain))


def one(error):
    """The text for one exception."""
    frames = user_frames(error.__traceback__)
    if isinstance(error, SyntaxError):
        # Of the cell itself: no frame of the user's has run.
        return (HEAD + "".join(frames) if frames else "") + syntax_place(error) + last_line(error)
    return HEAD + "".join(frames) + last_line(error)


def last_line(error):
    """The exception's name and message, its notes, and the exceptions of a group."""
    try:
        message = str(error)
    except Exception:
        message = f"<unprintable {type(error).__name__} object>"
    if isinstance(error, SyntaxError):
        message = str(error.msg)
    name = type(error).__name__
    lines = [f"{name}: {message}" if message else name]
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, (list, tuple)):
        lines += [str(note) for note in notes]
    if isinstance(error, BaseExceptionGroup):
        lines += ["  " + last_line(part).rstrip("\n").replace("\n", "\n  ") for part in error.exceptions]
    return "\n".join(lines) + "\n"


def user_frames(trace):
    """A paragraph for each frame of the user's code."""
    frames, last, repeats = [], None, 0
    while isinstance(trace, types.TracebackType):
        code = trace.tb_frame.f_code
        place = (code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
        if place[0].startswith(HIDDEN):
            continue
        repeats = repeats + 1 if place == last else 1
        last = place
        if repeats <= MAX_REPEATS:
            frames.append(frame(*place))
        elif repeats == MAX_REPEATS + 1:
            frames.append("")
        if repeats > MAX_REPEATS:
            frames[-1] = f"  [the same frame {repeats - MAX_REPEATS} more times]\n\n"
    if len(frames) > MAX_FRAMES:
        ends = MAX_FRAMES // 2
        frames[ends:-ends] = [f"  [{len(frames) - 2 * ends} more frames]\n\n"]
    return frames


def frame(file, line, function):
    """Where a frame is, and the line it has come to."""
    where = place_of(file, line) if function == "<module>" else f"{place_of(file, line)} in {function}"
    source = linecache.getline(file, line).strip() if line else ""
    return f"{where}\n    {source}\n\n" if source else f"{where}\n\n"


def place_of(file, line):
    """The name of a line."""
    return f"  {file}, line {line}" if file.startswith(CELL) else f"  File {file}:{line}"


def syntax_place(error):
    """The line that cannot be read and a caret under the place; nothing where Python does not know them."""
    if error.filename is None or error.filename.startswith(HIDDEN):
        return ""
    lines = [place_of(error.filename, error.lineno)]
    text = (error.text or linecache.getline(error.filename, error.lineno or 0)).partition("\n")[0]
    if text.strip():
        lines.append("    " + text.strip())
        if error.offset is not None:
            lines.append("    " + " " * max(error.offset - 1 - (len(text) - len(text.lstrip())), 0) + "^")
    return "\n".join(lines) + "\n"
