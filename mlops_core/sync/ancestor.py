"""The base: what both sides were when this clone last saw them equal. docs/sync.md has its form."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mlops_core.errors import SyncError
from mlops_core.notebooks.digest import Digest
from mlops_core.notebooks.formats import Form
from mlops_core.paths import WorkspacePath
from mlops_core.workspace.model import ObjectInfo

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One path's last common content.

    ``local`` is its file, ``content`` the SHA-256 of that file then (in the store, if it was
    not too large). ``modified_at`` is None when the object must be read again to be sure.
    """

    digest: Digest
    form: Form
    local: str
    content: str
    object_id: int
    modified_at: int | None

    def is_seen_in(self, found: ObjectInfo) -> bool:
        """Whether the object is, by the listing, still the very one that was last read."""
        return (
            self.modified_at is not None
            and self.object_id == found.object_id
            and self.modified_at == found.modified_at
            and self.form.kind == found.kind
            and self.form.language == (found.language or "")
        )

    def seen(self, found: ObjectInfo) -> Record:
        """The same content, in the object as it is now."""
        return replace(self, object_id=found.object_id, modified_at=found.modified_at)

    def unsettled(self) -> Record:
        """The same content, to be read again before it is trusted."""
        return replace(self, modified_at=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose base it is: never a URL's, since two may lead to one workspace."""

    workspace_id: str
    target: WorkspacePath
    folder: str

    @property
    def name(self) -> str:
        """The base's file name."""
        text = "\0".join((self.workspace_id, self.target, self.folder))
        return hashlib.sha256(text.encode()).hexdigest()[:16] + ".json"


@dataclass(frozen=True, slots=True)
class Base:
    """Every record of one scope, by path."""

    scope: Scope
    records: Mapping[str, Record]

    def digests(self) -> dict[str, Digest]:
        """Each path's digest."""
        return {path: record.digest for path, record in self.records.items()}

    def contents(self) -> frozenset[str]:
        """Every content that a merge may need."""
        return frozenset(record.content for record in self.records.values() if record.content)


def load_base(folder: Path, scope: Scope) -> Base:
    """The base of ``scope`` in the state folder; an empty one if there is none."""
    path = _path(folder, scope)
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["version"] != VERSION:
            raise _unreadable(path, f"version {saved['version']}")
        records = {name: _record(fields) for name, fields in saved["records"].items()}
    except FileNotFoundError:
        return Base(scope, {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from None
    return Base(scope, records)


def save_base(folder: Path, base: Base) -> None:
    """Write the base: the old file or the new one, never something between."""
    path = _path(folder, base.scope)
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = {
        "version": VERSION,
        "workspace": base.scope.workspace_id,
        "target": base.scope.target,
        "folder": base.scope.folder,
        "records": {name: _fields(base.records[name]) for name in sorted(base.records)},
    }
    scratch = path.with_suffix(".new")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(saved, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def all_contents(folder: Path) -> frozenset[str] | None:
    """The contents that any scope's base needs; None if one of them cannot be read."""
    found: set[str] = set()
    for path in (folder / "base").glob("*.json"):
        try:
            records = json.loads(path.read_text(encoding="utf-8"))["records"]
            found.update(fields["content"] for fields in records.values())
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            return None
    return frozenset(found)


def _path(folder: Path, scope: Scope) -> Path:
    return folder / "base" / scope.name


def _fields(record: Record) -> dict[str, object]:
    return {
        "digest": record.digest,
        "kind": record.form.kind,
        "language": record.form.language,
        "flavour": record.form.flavour,
        "local": record.local,
        "content": record.content,
        "object_id": record.object_id,
        "modified_at": record.modified_at,
    }


def _record(fields: Mapping[str, object]) -> Record:
    object_id, modified_at = fields["object_id"], fields["modified_at"]
    if not isinstance(object_id, int) or not isinstance(modified_at, (int, type(None))):
        raise ValueError("an id or a time is no number")
    texts = {name: fields[name] for name in ("digest", "kind", "language", "flavour")}
    form = Form(str(texts["kind"]), str(texts["language"]), str(texts["flavour"]))
    digest, local, content = (str(fields[name]) for name in ("digest", "local", "content"))
    return Record(Digest(digest), form, local, content, object_id, modified_at)


def _unreadable(path: Path, why: str) -> SyncError:
    return SyncError(
        f"{path} cannot be read ({why})",
        hint=f"move it away; the next run then compares both sides without it: {path}",
    )
