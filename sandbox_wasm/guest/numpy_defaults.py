"""Makes numpy behave as on a 64-bit machine where it would silently be wrong; runs once, in the image.

On this platform the default integer has 32 bits, so that sums and products overflow, and no status of
floating-point operations reaches numpy, so that solving a singular system gives nan instead of an error.
"""

import functools
import sys

# Functions that make integers when they are given Python's; the position of their argument `dtype`.
CREATORS = {
    "arange": None,
    "array": 1,
    "asarray": 1,
    "asanyarray": 1,
    "ascontiguousarray": 1,
    "empty": 1,
    "full": 2,
    "fromiter": 1,
    "identity": 1,
    "eye": 3,
    "ones": 1,
    "zeros": 1,
}
# Functions that add up, in the integer that they are told.
SUMS = ("sum", "prod", "cumsum", "cumprod", "trace", "nansum", "nanprod")
SOLVERS = ("solve", "inv", "cholesky", "eig", "eigh", "eigvals", "eigvalsh", "svd", "lstsq", "pinv", "qr")
MESSAGES = {
    "solve": "Singular matrix",
    "inv": "Singular matrix",
    "cholesky": "Matrix is not positive definite",
}


def install(np):
    """Wraps the functions concerned."""
    default = np.dtype(int)
    if default.itemsize < 8:
        widen_integers(np, default)
    for name in SOLVERS:
        if hasattr(np.linalg, name):
            setattr(np.linalg, name, checked(np, getattr(np.linalg, name)))


def widen_integers(np, default):
    """Gives every array that would hold the short default integer the long one."""
    np.int_ = np.int64
    for name, position in CREATORS.items():
        if hasattr(np, name):
            setattr(np, name, creator(np, getattr(np, name), position, default))
    for name in SUMS:
        if hasattr(np, name):
            setattr(np, name, summing(np, getattr(np, name), default))
    np.random.randint = functools.partial(np.random.randint, dtype=np.int64)


def creator(np, function, position, default):
    """The function with int64 where it would choose the default integer, or is told `int`."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        given = kwargs.get("dtype")
        if given is None and position is not None and len(args) > position:
            given = args[position]
            if given is int:
                args = (*args[:position], np.int64, *args[position + 1 :])
        elif given is int:
            kwargs["dtype"] = np.int64
        result = function(*args, **kwargs)
        # What has a type of its own keeps it.
        if given is None and result.dtype == default and not (args and hasattr(args[0], "dtype")):
            return function(*args, **{**kwargs, "dtype": np.int64})
        return result

    return wrapped


def summing(np, function, default):
    """The function with an int64 accumulator for short integers."""

    @functools.wraps(function)
    def wrapped(a, *args, **kwargs):
        if "dtype" not in kwargs and len(args) < 2:
            kind = np.asarray(a).dtype
            if kind.kind in "bi" and kind.itemsize <= default.itemsize:
                kwargs["dtype"] = np.int64
        return function(a, *args, **kwargs)

    return wrapped


def checked(np, function):
    """The function with LinAlgError where its result is not a number although its arguments are."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        parts = result if isinstance(result, tuple) else (result,)
        if any(has_nan(np, part) for part in parts) and not any(has_nan(np, given) for given in args):
            raise np.linalg.LinAlgError(MESSAGES.get(function.__name__, "the result is not a number"))
        return result

    return wrapped


def has_nan(np, value):
    """Whether a number or an array holds nan."""
    try:
        return bool(np.isnan(value).any())
    except (TypeError, ValueError):
        return False


if "numpy" in sys.modules:
    install(sys.modules["numpy"])
