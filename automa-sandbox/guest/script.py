# Runs one script: what it sees, the `main` convention, its result, and how it ended.
import ast
import asyncio
import atexit
import builtins
import gc
import inspect
import io
import json
import linecache
import logging
import os
import posix
import random
import sys
import tempfile
import time
import types
import uuid

import componentize_py_types
from wit_world.imports import host

import report

_RESULT_MAX = 1024 * 1024
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_loads = json.loads
_write_error = report.write_error
_warmed = False


def set_result(value):
    """Gives `value`, anything that JSON can hold, as the result of this execution. The last call counts."""
    try:
        text = _ENCODER.encode(value)
        text.encode()
    except TypeError as error:
        raise TypeError(f"the result must be JSON: {error}") from None
    except UnicodeEncodeError:
        raise ValueError("the result must be JSON: it holds half of a surrogate pair, which is not text") from None
    except ValueError as error:
        raise ValueError(f"the result must be JSON: {error}") from None
    except RecursionError:
        raise ValueError("the result must be JSON: it is nested too deeply") from None
    if len(text) > _RESULT_MAX:
        raise ValueError(f"the result is too large: {len(text)} characters; give at most {_RESULT_MAX}")
    try:
        host.set_result(text)
    except componentize_py_types.Err as error:
        raise ValueError(f"the result {error.value}") from None


def _one_byte(code):
    """An exit code as a process can have it. What is not 0 never becomes 0, which would be success."""
    return code if 0 <= code <= 0xFF else (code & 0xFF or 1)


def _exit_now(status):
    """Ends the script at once, without clean-up."""
    host.exit(_one_byte(int(status)))


def _seed():
    """Gives this instance random numbers of its own: the snapshot holds the same generator for all."""
    random.seed()
    tempfile._name_sequence = None
    tempfile.tempdir = "/scratch"
    uuid._node = uuid._last_timestamp = None
    os.chdir("/scratch")


def _prepare(name, given):
    """Makes the interpreter look new to the script: streams, environment, arguments, modules."""
    global _warmed
    if not _warmed:
        _seed()
    _warmed = True
    sys.stdout = sys.__stdout__ = report.stream(1, "<stdout>", "surrogateescape")
    sys.stderr = sys.__stderr__ = report.stream(2, "<stderr>", "backslashreplace")
    sys.argv = [name]
    os.environ.update(given["environment"])
    logging._startTime = time.time_ns()
    automa = types.ModuleType("automa", "What Automa gives to a script, and takes from it.")
    automa.config = given["config"]
    automa.input = given["input"]
    automa.execution = types.SimpleNamespace(**given["execution"])
    automa.set_result = set_result
    sys.modules["automa"] = automa
    module = types.ModuleType("__main__")
    module.__file__ = name
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    return module.__dict__


def _starts_itself(source):
    """Whether the script calls `main` in its own `if __name__ == "__main__":` block; then nobody else calls it."""
    if "__main__" not in source:
        return False
    for node in ast.parse(source).body:
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            if any(isinstance(part, ast.Name) and part.id == "main" for part in ast.walk(node)):
                return True
    return False


def _check_arguments(main, given):
    """Says which keys of the input are missing or unexpected, in words that need no knowledge of this file."""
    try:
        parameters = inspect.signature(main).parameters.values()
    except (TypeError, ValueError):
        return
    by_name = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    known = {one.name for one in by_name}
    takes_all = any(one.kind == one.VAR_KEYWORD for one in parameters)
    unnamed = [one.name for one in parameters if one.kind == one.POSITIONAL_ONLY and one.default is one.empty]
    missing = [one.name for one in by_name if one.default is one.empty and one.name not in given]
    unexpected = [] if takes_all else [name for name in given if name not in known]
    faults = []
    if unnamed:
        faults.append(f"{', '.join(map(repr, unnamed))} can only be given by position; the input is given by name")
    if missing:
        faults.append(f"the input lacks {', '.join(map(repr, missing))}")
    if unexpected:
        faults.append(f"the input has {', '.join(map(repr, unexpected))}, which main does not take")
    if faults:
        raise TypeError("main() does not fit the input: " + "; ".join(faults))


def _call_main(names, source, given):
    main = names.get("main")
    if main is None or not callable(main):
        return
    imported = isinstance(main, (types.FunctionType, types.BuiltinFunctionType, type))
    if imported and main.__module__ != "__main__":
        return
    if _starts_itself(source):
        return
    if given or not (isinstance(main, types.FunctionType) and main.__code__.co_argcount == 0):
        _check_arguments(main, given)
    value = main(**given)
    if inspect.iscoroutine(value):
        value = asyncio.run(value)
    if value is not None:
        set_result(value)


def _exit_code(error):
    """What `sys.exit(…)` means: its code, and a reason where that is not 0."""
    code = error.code
    if code is None:
        return 0, None
    if isinstance(code, int):
        code = _one_byte(code) if -(2**63) <= code < 2**63 else 0xFF
        return code, f"sys.exit({code})" if code else None
    try:
        text = str(code)
    except BaseException:  # noqa: BLE001  (a script's own __str__ may do anything)
        text = "<its text cannot be had>"
    _write_error(text + "\n")
    return 1, " ".join(text[:500].split()) or "sys.exit with a text"


def _attempt(action, name, source, ending):
    """Does one part of the run. The first failure is how the script ended."""
    try:
        action()
    except SystemExit as error:
        code, why = _exit_code(error)
        found = code, why, False
    except BaseException as error:  # noqa: BLE001  (whatever a script raises is its own ending)
        out_of_memory = isinstance(error, MemoryError)
        report.show(error, name, source, _write_error)
        found = 1, report.reason(error, name), out_of_memory
    else:
        return ending
    return found if ending[0] == 0 else ending


def _flush():
    """Sends what a stream of the script's own making still holds."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()


def _finish():
    atexit._run_exitfuncs()
    _flush()


def run(source, name, context, tell=host.ended):
    """Runs a script to its end: its code, why, and whether memory was the cause.

    That is told as soon as it is certain, so that an interpreter which crashes while it tidies up changes nothing.
    """
    given = _loads(context)
    names = _prepare(name, given)
    source = source.removeprefix("\ufeff")
    linecache.cache[name] = (lambda: source,)

    def body():
        exec(compile(source, name, "exec", dont_inherit=True), names)
        _call_main(names, source, given["input"])

    ending = _attempt(body, name, source, (0, None, False))
    ending = _attempt(_finish, name, source, ending)
    tell(*ending)
    # What the script's objects still do when they go away, such as writing out a buffer.
    return _attempt(names.clear, name, source, ending)


# Touches what nearly every script touches. It runs before the snapshot, so that the interpreter has already adapted
# to it, and again in an instance that waits for its task, so that the pages are there.
_REHEARSAL = """
import argparse, csv, decimal, io, json, re, statistics, datetime, collections, functools, dataclasses
@dataclasses.dataclass
class Row:
    name: str
    value: float
def total(rows):
    return sum(row.value for row in rows)
rows = [Row(name, float(value)) for name, value in csv.reader(io.StringIO("a,1\\nb,2\\n"))]
parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, default=1)
parser.parse_args([])
text = f"{total(rows):.2f} {statistics.mean([1, 2])} {decimal.Decimal('1.10') + 1}"
json.loads(json.dumps({"text": text, "found": re.findall(r"[a-z]+[0-9]*", "ab1 cd2")}))
print(text, collections.Counter("abca").most_common(1), datetime.date(2000, 1, 1), end="")
try:
    {}["missing"]
except KeyError as error:
    pass
"""
_CONTEXT = '{"environment":{},"config":{},"input":{},"execution":{}}'


def rehearse():
    """Runs the rehearsal with its output thrown away; leaves nothing behind that a script could see."""
    kept = sys.stdout, sys.stderr, sys.argv, sys.modules.get("__main__")
    run(_REHEARSAL, "rehearsal.py", _CONTEXT, lambda *_: None)
    linecache.cache.pop("rehearsal.py", None)
    sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"] = kept
    sys.modules.pop("automa", None)


def rehearse_for_snapshot(times):
    """Lets the interpreter adapt to what scripts do, without the outside, which the snapshot cannot keep."""
    global _warmed
    stream = report.stream
    report.stream = lambda *_: io.TextIOWrapper(io.BytesIO(), write_through=True)
    _warmed = True
    for _ in range(times):
        rehearse()
    _warmed = False
    report.stream = stream


def warm():
    """Does ahead what every run needs, in an instance that waits for its task."""
    rehearse()
    gc.collect()


def install():
    """Sets up what stays the same for every run, before the snapshot."""
    os._exit = posix._exit = _exit_now
    sys.unraisablehook = sys.__unraisablehook__ = report.show_unraisable
    sys.path[:] = ["/scratch"]
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    sys.executable = ""
    sys.orig_argv = []
    os.environ.clear()
