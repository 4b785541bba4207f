"""Somebody's edits in a mirrored folder: kept in the workspace before they are replaced."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from mlops_core.notebooks.digest import Digest, identify
from mlops_core.notebooks.formats import import_format
from mlops_core.paths import WorkspacePath, join, name, parent
from mlops_core.sync.backup import Backup
from mlops_core.sync.pair import Pair

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
        del side
        body = content.read_bytes()
        if self._known.get(name) == identify(name, body).digest:
            return
        target = join(self.place, name)
        self._files.make_folder(parent(target))
        self._files.write(target, content, fmt=_format(name, body), overwrite=True)
        self.kept.append(name)


def _format(name: str, content: bytes) -> str:
    is_notebook = identify(name, content).form.is_notebook
    return "AUTO" if is_notebook else import_format(name, content[:_HEAD])
