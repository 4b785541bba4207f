"""One object of the workspace tree, and how its path is spelled. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_core.local_workspace.languages import full_name
from mlops_core.local_workspace.replies import invalid

NOTEBOOK = "NOTEBOOK"
FILE = "FILE"
DIRECTORY = "DIRECTORY"
REPO = "REPO"
EXPERIMENT = "MLFLOW_EXPERIMENT"
FOLDERS = frozenset({DIRECTORY, REPO})


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the tree; ``path`` has no `/Workspace` in front, times are milliseconds.

    ``language`` and ``flavour`` (`SOURCE`, `JUPYTER`) are a notebook's, ``size`` is a file's or
    a notebook's, ``experiment_id`` an experiment's.
    """

    path: str
    kind: str
    object_id: int
    parent_id: int
    disk_name: str
    created_at: int
    modified_at: int
    language: str | None = None
    flavour: str | None = None
    size: int | None = None
    experiment_id: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def full_name(self) -> str:
        """The name with a notebook's extension: unique in its folder, too."""
        if self.kind != NOTEBOOK:
            return self.name
        return full_name(self.name, self.language, self.flavour)

    @property
    def is_folder(self) -> bool:
        """Whether other objects can be in it."""
        return self.kind in FOLDERS

    @property
    def is_on_disk(self) -> bool:
        """Whether it lies on the disk under its own name, as files and folders do."""
        return self.kind == FILE or self.is_folder


def split_path(path: str) -> tuple[str, ...]:
    """The parts of a path as sent; `/Workspace/X` and `/X` are one object.

    Raises ApiError for a relative path and for parts that no object can have.
    """
    if not path.startswith("/"):
        raise invalid(f"Path ({path}) doesn't start with '/'")
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["Workspace"]:
        parts = parts[1:]
    if any(part in {".", ".."} or "\0" in part for part in parts):
        raise invalid(f"Path ({path}) is not a valid workspace path")
    return tuple(parts)


def join_path(parts: tuple[str, ...]) -> str:
    """The path of these parts, without `/Workspace`."""
    return "/" + "/".join(parts)


def echoed(asked: str, path: str) -> str:
    """``path`` in the spelling of the request: `/Workspace/X` in, `/Workspace/X` out."""
    is_prefixed = asked == "/Workspace" or asked.startswith("/Workspace/")
    return f"/Workspace{path}".rstrip("/") if is_prefixed else path
