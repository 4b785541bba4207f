"""What the last mirror left in the workspace, and from which commit; kept outside the target.

`/Shared/.mlops/{target}.json`, so that a fresh CI machine uploads only what has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlops_core.errors import NotFound, SyncError
from mlops_core.paths import WorkspacePath, join, name, parent
from mlops_core.sync.commit import CommitInfo
from mlops_core.sync.pair import Pair
from mlops_core.workspace.files import WorkspaceFiles

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """The commit that was mirrored, and the base as `ancestor` writes it (as JSON text).

    ``pending`` are the digests, by name with extension, of what a run was about to send: if it
    was killed, the next one knows them as ours. Empty after a run that came to its end.
    """

    commit: CommitInfo
    base: str
    pending: Mapping[str, str] = field(default_factory=dict)


def manifest_path(target: WorkspacePath) -> WorkspacePath:
    """Where the manifest of a target lies."""
    return join(parent(target), ".mlops", f"{name(target)}.json")


def load_manifest(files: WorkspaceFiles, target: WorkspacePath) -> Manifest | None:
    """The manifest of the last mirror to ``target``; None before the first."""
    path = manifest_path(target)
    try:
        text = files.read(path, "AUTO")
    except NotFound:
        return None
    try:
        saved = json.loads(text)
        if saved["version"] != VERSION:
            raise ValueError(f"version {saved['version']}")
        commit = CommitInfo(str(saved["commit"]), int(saved["committed_at"]))
        pending = {str(key): str(value) for key, value in saved["pending"].items()}
        return Manifest(commit, json.dumps(saved["base"], indent=1), pending)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SyncError(
            f"{path} cannot be read ({type(error).__name__}: {error})",
            hint=f"delete {path} in the workspace; then all of {target} counts as edited there",
        ) from None


def save_manifest(files: WorkspaceFiles, target: WorkspacePath, manifest: Manifest) -> None:
    """Write the manifest; the service replaces a file in one step."""
    saved = {
        "version": VERSION,
        "commit": manifest.commit.sha,
        "committed_at": manifest.commit.committed_at,
        "target": target,
        "pending": dict(manifest.pending),
        "base": json.loads(manifest.base),
    }
    path = manifest_path(target)
    files.make_folder(parent(path))
    files.write(path, json.dumps(saved, indent=1).encode(), fmt="RAW", overwrite=True)


def base_file(pair: Pair) -> Path:
    """Where the sync keeps the base of ``pair`` on this machine."""
    return pair.state / "base" / pair.scope.name


def check_order(before: Manifest | None, now: CommitInfo, target: WorkspacePath) -> None:
    """Raise SyncError if ``now`` is older than what is there; an equal time is fine."""
    if before is None or before.commit.committed_at <= now.committed_at:
        return
    raise SyncError(
        f"{target} holds commit {before.commit.sha[:10]}, which is newer than {now.sha[:10]}",
        hint="nothing was changed; to go back to the older one, add --force",
    )
