# Tells what went wrong in a script: a traceback with the user's own lines and none of ours, and a reason in one line.
import io
import linecache
import os
import sys
import traceback
import types

_REASON_MAX = 500

# Kept here, so that a script which replaces them changes nothing for us.
_TracebackException = traceback.TracebackException
_FileIO = io.FileIO
_write = os.write
_walk_stack = traceback.walk_stack
_ours = frozenset()


def hide(*files):
    """Frames of these files are left out of every traceback."""
    global _ours
    _ours = frozenset(files) | {__file__}
    traceback.walk_stack = _walk_user_stack


def _walk_user_stack(f):
    """What `traceback.print_stack` goes through, without our frames."""
    begin = sys._getframe(3) if f is None else f
    return ((frame, line) for frame, line in _walk_stack(begin) if frame.f_code.co_filename not in _ours)


def _strip(report, depth=0):
    """Takes our frames out of an exception, its causes and its parts."""
    if report is None or depth > 200:
        return
    if report.stack is not None:
        report.stack[:] = [frame for frame in report.stack if frame.filename not in _ours]
        if not report.stack:
            report.stack = None
    for other in (report.__cause__, report.__context__, *(report.exceptions or ())):
        _strip(other, depth + 1)


def _user_traceback(found):
    """The part of a traceback that begins in the user's own code."""
    while found is not None and found.tb_frame.f_code.co_filename in _ours:
        found = found.tb_next
    return found


def _format(error):
    report = _TracebackException(type(error), error, _user_traceback(error.__traceback__), compact=True)
    _strip(report)
    return "".join(report.format())


def _last_line(error, name):
    """The line of the user's file that was at work."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno
    found, line = error.__traceback__, None
    while found is not None:
        if found.tb_frame.f_code.co_filename == name:
            line = found.tb_lineno
        found = found.tb_next
    return line


def reason(error, name):
    """`ZeroDivisionError: division by zero (main.py, line 3)`."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # noqa: BLE001  (a script's own __str__ may do anything)
        text = "<its text cannot be had>"
    text = " ".join(str(text)[:_REASON_MAX].split())
    kind = type(error).__name__
    line = _last_line(error, name)
    where = f" ({name}, line {line})" if line is not None else ""
    return (f"{kind}: {text}" if text else kind) + where


def show(error, name, source, write):
    """Prints the traceback as Python would: through `sys.excepthook` where the script has set one."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    hook = sys.excepthook
    if hook is not sys.__excepthook__ and not isinstance(hook, types.BuiltinFunctionType):
        try:
            hook(type(error), error, _user_traceback(error.__traceback__))
            return
        except BaseException as second:  # noqa: BLE001
            write("Error in sys.excepthook:\n" + _format(second) + "\nOriginal exception was:\n")
    try:
        text = _format(error)
    except BaseException:  # noqa: BLE001  (out of memory, or too deep a nest of causes)
        text = f"Traceback (most recent call last):\n{reason(error, name)}\n"
    write(text)


def show_unraisable(args):
    """Prints an exception that nobody can catch, such as one of `__del__`, as Python would."""
    what = args.err_msg or "Exception ignored in"
    if args.object is not None:
        try:
            what += f": {args.object!r}"
        except BaseException:  # noqa: BLE001
            what += ": <its text cannot be had>"
    error = args.exc_value if args.exc_value is not None else args.exc_type()
    try:
        text = _format(error)
    except BaseException:  # noqa: BLE001
        text = f"{args.exc_type.__name__}\n"
    write_error(f"{what}\n{text}" if what.endswith(":") else f"{what}:\n{text}")


class Unbuffered(io.BufferedWriter):
    """Bytes go out as they are written, all of them, as with `python -u`."""

    def write(self, data, /):
        count = super().write(data)
        super().flush()
        return count


def stream(descriptor, name, errors):
    """A text stream like Python's own stdout or stderr that holds nothing back."""
    binary = Unbuffered(_FileIO(descriptor, "wb", closefd=False))
    binary.raw.name = name
    text = io.TextIOWrapper(binary, encoding="utf-8", errors=errors, newline="\n", write_through=True)
    text.mode = "w"
    return text


def write_error(text):
    """Writes to descriptor 2 itself, whatever the script made of `sys.stderr`."""
    rest = text.encode("utf-8", "backslashreplace")
    try:
        while rest:
            rest = rest[_write(2, rest) :]
    except OSError:
        pass
