"""Their side of each conflict, as a file beside which ours stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from mlops_core.sync.backup import Backup
from mlops_core.sync.store import sha256_of


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The folder `.mlops/conflicts`, with files named as ours are."""

    state: Path
    backup: Backup

    @property
    def folder(self) -> Path:
        """Where their versions lie."""
        return self.state / "conflicts"

    def put(self, local: str, content: Path) -> Path:
        """Write their version, once: an unchanged one is not touched, another one is kept."""
        path = self.folder / local
        if path.is_file():
            if sha256_of(path) == sha256_of(content):
                return path
            self.backup.keep("conflicts", local, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(path.name + ".new")
        shutil.copyfile(content, scratch)
        scratch.replace(path)
        return path

    def settle(self, locals_: Iterable[str]) -> None:
        """Take away the versions of conflicts that are over; they stay in the backup."""
        for local in locals_:
            path = self.folder / local
            if path.is_file():
                self.backup.keep("conflicts", local, path)
                path.unlink()

    def settle_others(self, still: Set[str]) -> None:
        """The same for every conflict but those in ``still``."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        names = {path.relative_to(self.folder).as_posix() for path in files}
        self.settle(sorted(names - still))
