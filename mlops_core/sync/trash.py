"""Somebody's edits in a mirrored folder: kept in the workspace before they are replaced."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mlops_core.errors import MlopsError
from mlops_core.notebooks.digest import Digest, file_digest, identify
from mlops_core.notebooks.formats import import_format, is_jupyter_name
from mlops_core.paths import WorkspacePath, join, name, parent, workspace_path
from mlops_core.sync.backup import THERE, Backup
from mlops_core.sync.pair import Pair
from mlops_core.sync.store import sha256_of
from mlops_core.sync.tree import MAX_NOTEBOOK

_HEAD = 1024


class Trash(Backup):
    """A backup in `/Shared/.mlops-trash/{time}`, of contents that no mirror has put there.

    ``known`` are the digests of those that one has, by name with extension.
    """

    def __init__(self, pair: Pair, known: Mapping[str, Digest], now: float | None = None) -> None:
        super().__init__(pair.state, pair.scope, now)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if now is None else now))
        self._files = pair.files
        self._known = known
        self.place: WorkspacePath = join(
            parent(pair.target), ".mlops-trash", moment, name(pair.target)
        )
        self.kept: list[str] = []

    def keep(self, side: str, name: str, content: Path) -> None:
        """Write ``content`` to the trash, unless it is what the last mirror put there."""
        digest, fmt = _identify(name, content)
        if self._known.get(name) == digest:
            return
        target = join(self.place if side == THERE else self._beside(side), name)
        self._files.make_folder(parent(target))
        self._files.write(target, content, fmt=fmt, overwrite=True)
        self.kept.append(name)

    def _beside(self, side: str) -> WorkspacePath:
        return workspace_path(f"{self.place}-{side}")


def _identify(name: str, content: Path) -> tuple[Digest, str]:
    """What a content is, and as what it is sent; one that is no notebook may be large."""
    if content.stat().st_size <= MAX_NOTEBOOK:
        with suppress(MlopsError):  # a file that is called .ipynb and is none
            identity = identify(name, content.read_bytes())
            if identity.form.is_notebook:
                return identity.digest, "AUTO"
    with content.open("rb") as stream:
        fmt = import_format(name, stream.read(_HEAD))
    return file_digest(sha256_of(content)), "RAW" if is_jupyter_name(name) else fmt
