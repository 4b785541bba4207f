"""Errors that a user can do something about, and the exit code that each one brings."""

from __future__ import annotations

from typing import ClassVar

DONE = 0
FAILED = 1
USAGE = 2
LEFT = 3
BUG = 70
INTERRUPTED = 130


class MlopsError(Exception):
    """What failed, on which object, with the server's own code; and what to type next.

    ``hint`` is an imperative with a command or a variable in it, or empty where the message
    already says everything.
    """

    exit_code: ClassVar[int] = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(MlopsError):
    """A setting is missing or wrong. Raised before any work; the command ends with 2."""

    exit_code = USAGE


class UsageError(MlopsError):
    """The command line is wrong. Raised before any work; the command ends with 2."""

    exit_code = USAGE


class BranchError(SettingsError):
    """It cannot be told which git branch this is."""


class ProjectError(MlopsError):
    """An MLproject or its cluster.json is wrong; the message names file and key."""


class WorkspaceError(MlopsError):
    """The workspace refused or failed a request.

    ``status`` is the HTTP status (0 when no answer came) and ``code`` the server's own error
    code (empty when it sent none).
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 0, code: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


class NotFound(WorkspaceError):
    """There is no such object, or the user may not see it (the service answers both alike)."""


class AlreadyExists(WorkspaceError):
    """An object is there already and the request did not ask to replace it."""


class TypeMismatch(AlreadyExists):
    """An object of another type is there; even an overwrite cannot replace it."""


class TooLarge(WorkspaceError):
    """The content is larger than the service takes or gives."""


class AccessDenied(WorkspaceError):
    """The user is known and may not do this."""


class Unauthorized(WorkspaceError):
    """The credential was refused, or the answer was a login page."""


class Unavailable(WorkspaceError):
    """No answer, or only answers that ask to try later, until the time allowed was used up."""


class SyncError(MlopsError):
    """A push or a pull refused to start."""


class Collision(SyncError):
    """Two local files have one name in the workspace, or the reverse; the message names both."""


class UnsafeDelete(SyncError):
    """The run would delete more than is plausible, so it did nothing."""


class RunError(MlopsError):
    """A run could not be started or did not succeed."""


class RunFailed(RunError):
    """The run ended without SUCCESS; the message has the state and the driver's trace."""


class RunTimeout(RunError):
    """The run took longer than MLOPS_RUN_TIMEOUT and was cancelled."""


class RegistryError(MlopsError):
    """There is no such model or version."""
