"""Removes what a branch left behind; notebooks are kept first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlops_core.cleanup.inventory import JOB, MODEL, Item
from mlops_core.paths import WorkspacePath, join, parent
from mlops_core.sync.backup import THERE, Backup
from mlops_core.sync.fetch import fetch
from mlops_core.sync.pair import Pair, prepare_state
from mlops_core.sync.tree import read_workspace
from mlops_core.workspace.client import WorkspaceClient


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the notebooks of a folder were saved: here, and in the workspace if asked for."""

    folder: Path | None
    place: WorkspacePath | None = None


def keep_notebooks(
    client: WorkspaceClient,
    folder: WorkspacePath,
    project: Path,
    *,
    place: WorkspacePath | None = None,
) -> Kept:
    """Save every notebook and file below ``folder`` in the project's backup.

    With ``place`` also below that folder of the workspace: a pipeline's machine is soon gone.
    """
    pair = Pair(client.files, folder, project, ".", client.workspace_id or client.host)
    prepare_state(pair.state)
    backup = Backup(pair.state, pair.scope)
    for path, listed in sorted(read_workspace(client.files, folder).objects.items()):
        found = fetch(client.files, listed, pair.store)
        name = path + found.identity.form.extension
        content = pair.store.path(found.content)
        backup.keep(THERE, name, content)
        if place:
            target = join(place, name)
            client.files.make_folder(parent(target))
            fmt = "AUTO" if found.identity.form.is_notebook else "RAW"
            client.files.write(target, content, fmt=fmt, overwrite=True)
    return Kept(backup.folder, place if backup.folder else None)


def remove(client: WorkspaceClient, item: Item, *, is_unity: bool) -> None:
    """Remove one thing; one that is gone already is done."""
    if item.kind == JOB:
        client.jobs.delete(int(item.name))
    elif item.kind == MODEL:
        client.tracking.delete_model(item.name, is_unity=is_unity)
    else:
        client.files.delete(WorkspacePath(item.name), recursive=True)


def in_order(items: Iterable[Item]) -> list[Item]:
    """Jobs first, so that none of them starts while the rest goes."""
    return sorted(items, key=lambda item: item.kind != JOB)
