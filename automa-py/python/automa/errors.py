"""What can go wrong, as exceptions. Each has a stable ``code``, the same over HTTP and in the command line."""

from __future__ import annotations

import errno
from typing import NamedTuple

__all__ = [
    "BusyError",
    "DamagedError",
    "DiskFullError",
    "Error",
    "ExistsError",
    "FolderError",
    "FolderForeignError",
    "FolderInUseError",
    "FolderNewerError",
    "ForbiddenError",
    "InUseError",
    "InvalidError",
    "NotFoundError",
    "Problem",
    "SandboxError",
    "ShutDownError",
    "StaleError",
    "StateError",
    "StoreError",
]


class Problem(NamedTuple):
    """One thing that is wrong with what was given."""

    field: str
    """The argument at fault, as ``memory``, ``cron.minute`` or ``input.rows[3].price``."""
    message: str
    """What is wrong with it, and what would be right."""


class Error(Exception):
    """The base of everything that Automa raises, beside ``TypeError``, ``TimeoutError`` and ``OSError`` for files."""

    code: str = "error"
    """The stable name of what went wrong, for programs."""
    retryable: bool = False
    """Whether the same call, repeated a little later and unchanged, may succeed."""

    def __init__(self, message: str = "", *, code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable


class InvalidError(Error, ValueError):
    """What was given is not acceptable. Nothing was changed."""

    code = "invalid"

    def __init__(self, message: str = "", *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(Problem(*problem) for problem in problems)
        """Everything that is wrong, not only the first thing."""

    def __reduce__(self) -> tuple[object, ...]:
        """Keeps the problems when the exception goes to another process."""
        return (_restore, (type(self), str(self), self.problems))


def _restore(kind: type[InvalidError], message: str, problems: tuple[Problem, ...]) -> InvalidError:
    return kind(message, problems=problems)


class NotFoundError(Error, LookupError):
    """There is no such script, agent, job or execution."""

    code = "not_found"


class ExistsError(Error):
    """Another thing of the same kind has that name already."""

    code = "already_exists"


class StaleError(Error):
    """The thing has changed since it was read. Read it again and decide again."""

    code = "stale"


class InUseError(Error):
    """The thing cannot be removed while something else needs it."""

    code = "in_use"


class StateError(Error):
    """What was asked makes no sense in the present state, such as cancelling what has ended."""

    code = "wrong_state"


class ForbiddenError(Error, PermissionError):
    """Whoever asks may not do this."""

    code = "forbidden"


class SandboxError(Error):
    """No sandbox on this machine can run what was asked."""

    code = "no_sandbox"


class DiskFullError(Error, OSError):
    """The disk that holds the data folder is full. Nothing was changed by the call that failed."""

    code = "disk_full"
    retryable = True

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.errno = errno.ENOSPC


class FolderError(Error):
    """The data folder cannot be used."""

    code = "folder_unusable"


class FolderInUseError(FolderError):
    """Another process, or this one, has the data folder open."""

    code = "folder_in_use"


class FolderNewerError(FolderError):
    """A newer version of Automa wrote the data folder."""

    code = "folder_newer"


class FolderForeignError(FolderError):
    """The folder holds files, but not Automa's."""

    code = "folder_foreign"


class DamagedError(Error):
    """Stored data cannot be read back."""

    code = "damaged"


class StoreError(Error):
    """The store cannot answer now."""

    code = "store_failed"
    retryable = True


class BusyError(Error):
    """Too much is being asked for at once. The same call, a little later, may be taken."""

    code = "busy"
    retryable = True


class ShutDownError(Error):
    """It was closed, or is being closed, and takes nothing new."""

    code = "shutting_down"
    retryable = True


_BY_CODE: dict[str, type[Error]] = {
    kind.code: kind
    for kind in (
        NotFoundError,
        ExistsError,
        StaleError,
        InUseError,
        StateError,
        ForbiddenError,
        SandboxError,
        FolderError,
        FolderInUseError,
        FolderNewerError,
        FolderForeignError,
        DamagedError,
        StoreError,
        BusyError,
        ShutDownError,
    )
}


def _make(code: str, message: str, retryable: bool, problems: list[tuple[str, str]]) -> Error:
    """Makes the exception for an error of the engine. Called by the native part."""
    if code == InvalidError.code:
        return InvalidError(message, problems=tuple(Problem(*problem) for problem in problems))
    if code == DiskFullError.code:
        return DiskFullError(message)
    kind = _BY_CODE.get(code, Error)
    return kind(message, code=code, retryable=retryable)
