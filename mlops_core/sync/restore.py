"""Takes a run back: what it replaced, deleted or made; what is there now is kept first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mlops_core.errors import SyncError
from mlops_core.paths import workspace_path
from mlops_core.sync.ancestor import load_base
from mlops_core.sync.backup import HERE, THERE, Backup, Kept, read_backup
from mlops_core.sync.pair import Pair
from mlops_core.sync.push_run import PushRun
from mlops_core.sync.report import Notify, Report, ignore
from mlops_core.sync.restore_here import RestoreHere, plan_here
from mlops_core.sync.restore_there import Reversal, Shelf, find_there, plan_there
from mlops_core.sync.upload import Uploader
from mlops_core.sync.worktree import Worktree


def find_backup(state: Path, name: str) -> Kept:
    """The backup called ``name``; SyncError that lists those there are if there is none."""
    folder = state / "backup" / name
    try:
        return read_backup(folder)
    except (OSError, ValueError, KeyError):
        known = sorted((path.name for path in (state / "backup").glob("*")), reverse=True)[:5]
        latest = "the latest are " + ", ".join(known) if known else "there is none"
        raise SyncError(f"no backup {name} in {state / 'backup'}", hint=latest) from None


def restore(pair: Pair, kept: Kept, *, notify: Notify = ignore) -> Report:
    """Make both sides what they were before the run whose backup this is.

    What was put back counts as a change of its side, for the base stays as it is; what only goes
    again is forgotten, as if it had never been common. Raises SyncError, and changes nothing, for
    a backup of another workspace or another branch.
    """
    _check(pair, kept)
    at = replace(
        pair,
        target=workspace_path(kept.target),
        notebook_folder=kept.notebook_folder,
        workspace_id=kept.workspace_id,
    )
    shelf = Shelf.of(at, (kept.folder / THERE).relative_to(pair.project).as_posix())
    found = replace(find_there(shelf, kept, notify), saved=load_base(at.state, at.scope))
    there, here = plan_there(found, kept), plan_here(at, kept)
    backup = Backup(at.state, at.scope)
    worktree = Worktree(at.folder, at.store, backup, at.checkout().executable())
    making_room = here.making_room | {step.path for step in there.first}
    journal = Reversal(shelf, found, notify, backup, making_room)
    with journal.running():
        RestoreHere(at, kept, journal, worktree).carry_out(here)
        PushRun(shelf, found, journal, Uploader(shelf, backup), notify).carry_out(there)
    return journal.report(0)


def _check(pair: Pair, kept: Kept) -> None:
    if kept.workspace_id != pair.workspace_id and kept.has(THERE):
        raise SyncError(
            f"{kept.folder.name} is of another workspace ({kept.workspace_id})",
            hint="set DATABRICKS_HOST to that workspace",
        )
    if kept.target != pair.target and kept.has(HERE):
        files = (kept.folder / HERE).relative_to(pair.project).as_posix()
        raise SyncError(
            f"{kept.folder.name} holds files of the branch of {kept.target},"
            f" and this is the branch of {pair.target}",
            hint=f"git switch to that branch and run this again; or copy them from {files}",
        )
