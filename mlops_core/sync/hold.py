"""What is about to be replaced or deleted in the workspace: kept, whatever it becomes till then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mlops_core.errors import MlopsError, NotFound, Unavailable
from mlops_core.notebooks.digest import Digest
from mlops_core.sync.backup import THERE, Backup
from mlops_core.sync.fetch import Fetched, fetch_at
from mlops_core.sync.pair import Pair
from mlops_core.workspace.model import FILE, ObjectInfo

EARLIER: Final = "earlier"
"""The side of a backup with what was there before somebody changed it while we tried."""


class Arrived(Exception):
    """A try whose answer was lost has done it after all; ``there`` is what it left."""

    def __init__(self, there: Fetched | None) -> None:
        super().__init__()
        self.there = there


class Hold:
    """One object that we replace or delete, as it was last read."""

    def __init__(self, pair: Pair, backup: Backup, path: str, there: Fetched) -> None:
        self._pair = pair
        self._backup = backup
        self._path = path
        self._there = there

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the block replaces or deletes, and drop it should that be refused."""
        try:
            self._keep(THERE)
            yield
        except Unavailable:  # nobody knows whether it was done
            raise
        except (MlopsError, OSError):
            self._backup.drop(THERE, self._name)
            raise

    def look_again(self, wanted: Digest | None) -> None:
        """Before another try: keep what somebody has put there since the last look.

        Raises Arrived if what is there is ``wanted`` already (None: nothing at all).
        """
        now = read_at(self._pair, self._path)
        if (now.identity.digest if now else None) == wanted:
            raise Arrived(now)
        if now and now.content != self._there.content:
            self._keep(EARLIER)
            self._backup.drop(THERE, self._name)
            self._there = now
            self._keep(THERE)

    @property
    def _name(self) -> str:
        return self._path + self._there.identity.form.extension

    def _keep(self, side: str) -> None:
        self._backup.keep(side, self._name, self._pair.store.path(self._there.content))


def read_at(pair: Pair, path: str) -> Fetched | None:
    """What is at ``path`` in the workspace now; None if nothing is."""
    try:
        return fetch_at(pair.files, ObjectInfo(pair.remote(path), FILE), pair.store)
    except NotFound:
        return None
