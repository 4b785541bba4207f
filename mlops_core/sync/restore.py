"""Puts back what a push or a pull replaced or deleted; what is there now is kept first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlops_core.errors import MlopsError, SyncError
from mlops_core.notebooks.digest import identify
from mlops_core.notebooks.formats import without_extension
from mlops_core.paths import workspace_path
from mlops_core.sync.backup import HERE, THERE, Backup, Kept, read_backup
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action
from mlops_core.sync.report import Failed, Moved, Notify, Report, Result, Started, ignore
from mlops_core.sync.tree import LocalFile
from mlops_core.sync.upload import Sent, Uploader
from mlops_core.sync.worktree import Worktree
from mlops_core.workspace.transfer import Outcome, carry_out


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
    """Put every file of the backup back, here and in the workspace folder that it came from.

    The base stays as it is: the next push or pull sees what was put back as a change.
    """
    if kept.workspace_id != pair.workspace_id and _names(kept.folder / THERE):
        raise SyncError(
            f"{kept.folder.name} is of another workspace ({kept.workspace_id})",
            hint="set DATABRICKS_HOST to that workspace",
        )
    backup = Backup(pair.state, replace(pair, notebook_folder=kept.notebook_folder).scope)
    here, failed_here = _restore_here(pair, kept, backup, notify)
    there, failed_there = _restore_there(pair, kept, backup, notify)
    return Report((*here, *there), (*failed_here, *failed_there), backup=backup.folder)


def _restore_here(
    pair: Pair, kept: Kept, backup: Backup, notify: Notify
) -> tuple[list[Result], list[Failed]]:
    at = replace(pair, notebook_folder=kept.notebook_folder)
    worktree = Worktree(at.folder, pair.store, backup)
    results, failures = [], []
    for name in _names(kept.folder / HERE):
        try:
            worktree.put_back(name, kept.folder / HERE / name)
        except OSError as error:
            failures.append(Failed(name, SyncError(f"{name}: {error.strerror or error}")))
        except MlopsError as error:
            failures.append(Failed(name, error))
        else:
            shown = at.shown(name)
            result = Result(Action.WRITE, shown, f"{kept.folder.name}/{HERE}/{name}", "put back")
            results.append(result)
            notify(result)
    return results, failures


def _restore_there(
    pair: Pair, kept: Kept, backup: Backup, notify: Notify
) -> tuple[list[Result], list[Failed]]:
    source = (kept.folder / THERE).relative_to(pair.project).as_posix()
    at = replace(pair, notebook_folder=source, target=workspace_path(kept.target))
    files = [_local_file(at.folder, name) for name in _names(at.folder)]
    if not files:
        return [], []
    uploader = Uploader(at, backup)
    results: list[Result] = []
    failures: list[Failed] = []

    def note(outcome: Outcome[LocalFile, Sent]) -> None:
        notify(Moved(outcome.step.size))
        if outcome.error:
            failures.append(Failed(outcome.step.path, outcome.error))
        elif outcome.result and outcome.result.action is not Action.REMEMBER:
            remote = at.remote(outcome.step.path)
            result = Result(outcome.result.action, at.shown(outcome.step.local), remote, "put back")
            results.append(result)
            notify(result)

    notify(Started(len(files)))
    carry_out(files, lambda file: uploader.replace(file, "put back"), note, http=pair.files.http)
    return results, failures


def _names(folder: Path) -> list[str]:
    return sorted(_files(folder))


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _local_file(folder: Path, name: str) -> LocalFile:
    content = folder / name
    identity = identify(name, content.read_bytes())
    path = without_extension(name) if identity.form.is_notebook else name
    return LocalFile(name, path, identity, content.stat().st_size)
