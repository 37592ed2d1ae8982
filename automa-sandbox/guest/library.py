# Imports the whole standard library before the snapshot, so that a script's imports cost next to nothing.
#
# After the snapshot the library's files are gone: what is not imported here cannot be imported at all.
import importlib
import io
import pkgutil
import sys
import warnings

# Not wanted: programs with windows, installers, jokes, and what prints or opens something when imported.
_SKIPPED = {
    "__hello__",
    "__phello__",
    "_ios_support",
    "_android_support",
    "_pyrepl",
    "antigravity",
    "ensurepip",
    "idlelib",
    "pip",
    "test",
    "this",
    "tkinter",
    "turtle",
    "turtledemo",
    "venv",
}


def _wanted(name):
    return name.partition(".")[0] not in _SKIPPED and not name.endswith(".__main__")


def _import(name, missing):
    try:
        return importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001  (a module may fail in any way where there is no operating system)
        missing[name] = repr(error)
        return None


def load():
    """Imports every module that works here; returns those that do not, with the reason."""
    missing = {}
    output = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = io.StringIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in sorted(filter(_wanted, sys.stdlib_module_names)):
                module = _import(name, missing)
                for found in pkgutil.walk_packages(getattr(module, "__path__", ()), name + ".", lambda _: None):
                    if _wanted(found.name):
                        _import(found.name, missing)
    finally:
        sys.stdout, sys.stderr = output
    return missing
