"""Which places of the tree belong to the workspace itself. Pure."""

from __future__ import annotations

from mlops_core.local_workspace.node import split_path
from mlops_core.local_workspace.replies import invalid, protected


def check_may_create(path: str, *, is_folder: bool) -> None:
    """Refuse new objects where only the workspace puts some: ApiError DIRECTORY_PROTECTED.

    Those are home folders, under /Users, and everything under /Repos outside of a Git folder
    that is there already.
    """
    parts = split_path(path)
    if len(parts) == 2 and parts[0] == "Users":
        raise protected("Users")
    if 1 < len(parts) <= 3 and parts[0] == "Repos":
        raise protected("Repos")
    if is_folder and ".git" in parts:
        raise invalid("A folder named .git cannot be created in the workspace")


def check_may_remove(path: str) -> None:
    """Refuse to remove the workspace's own folders: ApiError DIRECTORY_PROTECTED."""
    parts = split_path(path)
    is_home = len(parts) == 2 and parts[0] == "Users"
    if not parts or is_home or parts in (("Users",), ("Shared",), ("Repos",)):
        raise protected(parts[0] if parts else "/")
