"""What is kept in step: a folder here and a folder of the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlops_core.checkout import Checkout, is_never, open_checkout
from mlops_core.errors import SettingsError, SyncError
from mlops_core.paths import WorkspacePath, join
from mlops_core.sync.ancestor import Scope
from mlops_core.sync.names import LocalRules
from mlops_core.sync.store import Store
from mlops_core.workspace.files import WorkspaceFiles


@dataclass(frozen=True, slots=True)
class Pair:
    """The two folders, and the project folder whose `.mlops` remembers what they had in common.

    ``notebook_folder`` is relative to ``project``; ``workspace_id`` tells workspaces apart.
    """

    files: WorkspaceFiles
    target: WorkspacePath
    project: Path
    notebook_folder: str
    workspace_id: str

    @property
    def folder(self) -> Path:
        """The folder here."""
        return self.project / self.notebook_folder

    @property
    def state(self) -> Path:
        """Where this clone remembers things; git ignores it."""
        return self.project / ".mlops"

    @property
    def scope(self) -> Scope:
        """Whose base it is."""
        return Scope(self.workspace_id, self.target, self.notebook_folder)

    @property
    def store(self) -> Store:
        """The contents that were common, or were read from the workspace."""
        return Store(self.state / "contents")

    def checkout(self) -> Checkout:
        """The folder here as git sees it."""
        return open_checkout(self.folder)

    def remote(self, path: str) -> WorkspacePath:
        """The object with this path below the target."""
        return join(self.target, path)

    def shown(self, local: str) -> str:
        """A file of the folder as the user would type it from the project folder."""
        return f"{self.notebook_folder.strip('/')}/{local}".removeprefix("./")


def check_folder(pair: Pair) -> None:
    """SettingsError if NOTEBOOK_FOLDER is nothing that can be kept in step."""
    if any(is_never(part) for part in PurePosixPath(pair.notebook_folder).parts):
        raise wrong_folder(pair, f"{pair.folder} is never sent")
    if pair.folder.exists() and not pair.folder.is_dir():
        raise wrong_folder(pair, f"{pair.folder} is no folder")


def wrong_folder(pair: Pair, reason: str) -> SettingsError:
    """The error for a NOTEBOOK_FOLDER that will not do."""
    hint = f"set NOTEBOOK_FOLDER in {pair.project / '.env'} to a folder of {pair.project}"
    return SettingsError(f"NOTEBOOK_FOLDER: {reason}", hint)


def prepare_state(state: Path) -> None:
    """Make the state folder; it tells git to ignore it, whatever the project's own file says."""
    if state.exists() and not state.is_dir():
        raise SyncError(f"{state} is no folder", hint="move it away: what was common is kept there")
    state.mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def local_rules(state: Path) -> LocalRules:
    """What the file system under the project can hold."""
    is_sensitive = not (state.with_name(state.name.upper())).exists()
    return LocalRules(is_windows=os.name == "nt", is_case_sensitive=is_sensitive)
