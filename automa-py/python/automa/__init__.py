r"""Automa: runs Python scripts and agents safely, on a schedule, inside your own program.

>>> import automa
>>> with automa.open("./data") as a:
...     script = a.add_script("hello", "def main(name='world'):\n    print('working')\n    return f'hello {name}'")
...     print(a.run(script, {"name": "you"}).wait().result)
hello you

Everything begins with ``open``, or with ``open_async`` in asyncio. Every method that waits has a twin whose name ends
in ``_async`` and that gives an awaitable.
"""

from automa._automa import (
    Agent,
    Automa,
    Execution,
    Job,
    Logs,
    Retry,
    Script,
    Usage,
    Verification,
    __version__,
    open,
    open_async,
)
from automa.errors import (
    BusyError,
    DamagedError,
    DiskFullError,
    Error,
    ExistsError,
    FolderError,
    FolderForeignError,
    FolderInUseError,
    FolderNewerError,
    ForbiddenError,
    InUseError,
    InvalidError,
    NotFoundError,
    Problem,
    SandboxError,
    ShutDownError,
    StaleError,
    StateError,
    StoreError,
)

__all__ = [
    "Agent",
    "Automa",
    "BusyError",
    "DamagedError",
    "DiskFullError",
    "Error",
    "Execution",
    "ExistsError",
    "FolderError",
    "FolderForeignError",
    "FolderInUseError",
    "FolderNewerError",
    "ForbiddenError",
    "InUseError",
    "InvalidError",
    "Job",
    "Logs",
    "NotFoundError",
    "Problem",
    "Retry",
    "SandboxError",
    "Script",
    "ShutDownError",
    "StaleError",
    "StateError",
    "StoreError",
    "Usage",
    "Verification",
    "__version__",
    "open",
    "open_async",
]
