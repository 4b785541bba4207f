"""Their side of each conflict, as a file beside which ours stays as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from mlops_core.sync.ancestor import Scope
from mlops_core.sync.backup import Backup
from mlops_core.sync.names import parents
from mlops_core.sync.pair import local_rules
from mlops_core.sync.store import Store, sha256_of

CONFLICTS: Final = ".mlops/conflicts"
"""What a message calls the folder."""
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Whose conflict it is: a base's, about an object and our file."""

    base: str
    path: str
    local: str


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The folder `.mlops/conflicts`, with files named as ours are; only ``scope``'s are touched."""

    state: Path
    scope: Scope
    backup: Backup

    @property
    def folder(self) -> Path:
        """Where their versions lie."""
        return self.state / "conflicts"

    def open(self) -> dict[str, str]:
        """The objects that have a conflict, each with our file."""
        return {one.path: one.local for one in self._load().values() if one.base == self._base}

    def put(self, path: str, local: str, content: Path) -> Path:
        """Write their version, once: an unchanged one is not touched, another one is kept."""
        index, conflict = self._load(), _Conflict(self._base, path, local)
        name = self._choose_name(conflict, index)
        self._take_away(one for one in self._of(index, {path}) if one != name)
        file = self.folder / name
        # Before the file: one that nobody owns would stay for ever.
        self._save({**self._load(), name: conflict})
        if file.is_file():
            if sha256_of(file) == sha256_of(content):
                return file
            self.backup.keep("conflicts", name, file)
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._store.scratch() as scratch:
            shutil.copyfile(content, scratch)
            scratch.replace(file)
        return file

    def settle(self, paths: Iterable[str]) -> None:
        """Take away the versions of conflicts that are over; they stay in the backup."""
        index = self._load()
        over = self._of(index, set(paths))
        if over:
            self._take_away(over)
            self._save(self._load())

    @property
    def _base(self) -> str:
        return Path(self.scope.name).stem

    @property
    def _store(self) -> Store:
        return Store(self.state / "contents")

    @property
    def _index(self) -> Path:
        return self.state / "conflicts.json"

    def _of(self, index: Mapping[str, _Conflict], paths: set[str]) -> list[str]:
        return sorted(
            name for name, one in index.items() if one.base == self._base and one.path in paths
        )

    def _choose_name(self, conflict: _Conflict, index: Mapping[str, _Conflict]) -> str:
        """The name that it has, or that of our file, or, where another one has that, a longer."""
        names = (conflict.local, f"{self._base[:8]}/{conflict.local}")
        owned = [name for name in names if index.get(name) == conflict]
        free = [name for name in names if self._is_free(name, index)]
        return (*owned, *free, names[-1])[0]

    def _is_free(self, name: str, index: Mapping[str, _Conflict]) -> bool:
        key = local_rules(self.state).key
        if key(name) in map(key, index) or (self.folder / name).is_dir():
            return False
        return not any((self.folder / above).is_file() for above in parents(name))

    def _take_away(self, names: Iterable[str]) -> None:
        for name in names:
            file = self.folder / name
            self.backup.keep("conflicts", name, file)
            file.unlink()
            for above in parents(name):
                try:
                    (self.folder / above).rmdir()
                except OSError:  # not empty
                    break

    def _load(self) -> dict[str, _Conflict]:
        """The files that are there, by their names; without an index they are nobody's."""
        try:
            saved = json.loads(self._index.read_text(encoding="utf-8"))
            found = {name: _Conflict(**fields) for name, fields in saved["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return {name: one for name, one in found.items() if (self.folder / name).is_file()}

    def _save(self, index: Mapping[str, _Conflict]) -> None:
        saved = {"version": _VERSION, "files": {name: asdict(index[name]) for name in index}}
        with self._store.scratch() as scratch:
            scratch.write_text(json.dumps(saved, indent=1), encoding="utf-8")
            scratch.replace(self._index)
