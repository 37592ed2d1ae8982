# Makes a full scratch space answer ENOSPC.
#
# The guest's C library turns every failed write to a file into EIO, whatever the host answered, and the host only ever
# fails one for want of space. So whoever writes to a file goes through here, and learns the true reason.
import _io
import _pyio
import builtins
import errno
import io
import os
import posix
import types

_c_open = _io.open
_c_file = _io.FileIO
_c_write = posix.write


def _honest(error):
    if error.errno == errno.EIO:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return error


class FileIO(_c_file):
    """Python's own raw file, whose failed writes tell why."""

    __module__ = "_io"

    def write(self, data, /):
        try:
            return super().write(data)
        except OSError as error:
            raise _honest(error) from None


def _write(fd, data, /):
    """Writes bytes to a descriptor; returns how many."""
    try:
        return _c_write(fd, data)
    except OSError as error:
        raise _honest(error) from None


def _make_open():
    """The `open` that the standard library has in Python, on top of its classes in C and of our raw file."""
    original = _pyio.open
    function = getattr(original, "__func__", original)
    names = dict(vars(_pyio), FileIO=FileIO, TextIOWrapper=io.TextIOWrapper, text_encoding=io.text_encoding)
    names.update((name, getattr(io, name)) for name in ("BufferedReader", "BufferedWriter", "BufferedRandom"))
    code = function.__code__.replace(co_filename=__file__)
    return types.FunctionType(code, names, "open", function.__defaults__, function.__closure__)


_python_open = _make_open()


def _open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    if isinstance(mode, str) and not set(mode).isdisjoint("wax+"):
        return _python_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    return _c_open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def install():
    """Puts these in the place of what they wrap, for every module there is."""
    _open.__name__ = _open.__qualname__ = "open"
    _open.__module__ = "_io"
    _open.__doc__ = _c_open.__doc__
    _write.__name__ = _write.__qualname__ = "write"
    _write.__module__ = "posix"
    builtins.open = io.open = _io.open = _open
    io.FileIO = _io.FileIO = FileIO
    os.write = posix.write = _write
