"""Sends one object, replaces one, deletes one: each compared with what is there right now."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_core.errors import AlreadyExists, NotFound, SyncError
from mlops_core.notebooks.digest import Identity, identify
from mlops_core.notebooks.formats import BOM, import_format
from mlops_core.paths import WorkspacePath, parent
from mlops_core.sync.ancestor import Record
from mlops_core.sync.backup import THERE, Backup
from mlops_core.sync.fetch import Fetched, fetch_at
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import APPEARED, Action
from mlops_core.sync.tree import MAX_IN_MEMORY, LocalFile
from mlops_core.workspace.model import FILE, ObjectInfo, Written

_HEAD: Final = 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one object: the action that it took in the end, and what to remember.

    ``served_at`` is the server's clock in the answer to the import; None when nothing was sent.
    """

    action: Action
    record: Record | None = None
    served_at: int | None = None
    reason: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A local file, read once more just before it is sent."""

    file: LocalFile
    identity: Identity
    content: bytes | Path
    kept: str
    fmt: str


@dataclass(frozen=True, slots=True)
class Uploader:
    """Changes one object of the workspace at a time. Nothing is replaced or deleted unread."""

    pair: Pair
    backup: Backup

    def create(self, file: LocalFile) -> Sent:
        """Send a new object; one that is there by now is left, unless it has this very content."""
        parcel = self._pack(file)
        self.backup.note_new(THERE, file.path, parcel.identity.digest)
        try:
            written = self._send(parcel, overwrite=False)
        except AlreadyExists:
            # Its answer may have been lost, and this is our own object (databricks_api 4).
            there = self._read(file.path)
            if there is None:
                raise
            if there.identity.digest == parcel.identity.digest:
                return Sent(Action.CREATE, _record(parcel, there.info), size=file.size)
            self.backup.note_new(THERE, file.path, "")
            return Sent(Action.LEFT, reason=APPEARED)
        return self._sent(Action.CREATE, parcel, written)

    def replace(self, file: LocalFile, reason: str) -> Sent:
        """Put our content in the place of what is there, which is kept in the backup."""
        parcel = self._pack(file)
        there = self._read(file.path)
        if there is None:
            return self.create(file)
        if there.identity.digest == parcel.identity.digest:
            return Sent(Action.REMEMBER, _record(parcel, there.info))
        with self._keeping(file.path, there):
            if there.identity.form.kind == parcel.identity.form.kind:
                try:
                    written = self._send(parcel, overwrite=True)
                    return self._sent(Action.REPLACE, parcel, written, reason)
                except AlreadyExists:  # of another type after all: only a delete makes room
                    pass
            self.pair.files.delete(there.info.path)
        return self._sent(Action.REPLACE, parcel, self._send(parcel, overwrite=False), reason)

    def delete(self, path: str, reason: str) -> Sent:
        """Delete an object, which is kept in the backup."""
        there = self._read(path)
        if there is None:
            return Sent(Action.FORGET)
        with self._keeping(path, there):
            self.pair.files.delete(there.info.path)
        return Sent(Action.DELETE, reason=reason)

    def _read(self, path: str) -> Fetched | None:
        asked = ObjectInfo(self.pair.remote(path), FILE)
        try:
            return fetch_at(self.pair.files, asked, self.pair.store)
        except NotFound:
            return None

    def _keeping(self, path: str, there: Fetched) -> AbstractContextManager[None]:
        name = path + there.identity.form.extension
        return self.backup.keeping(THERE, name, self.pair.store.path(there.content))

    def _pack(self, file: LocalFile) -> _Parcel:
        source = self.pair.folder / file.local
        if not file.identity.form.is_notebook and file.size > MAX_IN_MEMORY:
            with source.open("rb") as stream:
                fmt = import_format(file.local, stream.read(_HEAD))
            return _Parcel(file, file.identity, source, "", fmt)
        try:
            content = source.read_bytes()
        except FileNotFoundError:
            raise SyncError(f"{file.local} is gone", hint="run this again") from None
        identity = identify(file.local, content)
        if identity.form != file.identity.form:
            raise SyncError(f"{file.local} has changed meanwhile", hint="run this again")
        fmt = "AUTO" if identity.form.is_notebook else import_format(file.local, content[:_HEAD])
        return _Parcel(file, identity, content, self.pair.store.put(content), fmt)

    def _send(self, parcel: _Parcel, *, overwrite: bool) -> Written:
        target = self.pair.remote(parcel.file.path + parcel.identity.form.extension)
        content = parcel.content
        if isinstance(content, bytes) and parcel.identity.form.is_notebook:
            content = content.removeprefix(BOM)  # before it, the service sees no header
        try:
            return self._write(target, content, parcel.fmt, overwrite)
        except NotFound:  # the folder is missing, and nothing was created (databricks_api 4)
            self.pair.files.make_folder(parent(target))
            return self._write(target, content, parcel.fmt, overwrite)

    def _write(
        self, target: WorkspacePath, content: bytes | Path, fmt: str, overwrite: bool
    ) -> Written:
        return self.pair.files.write(target, content, fmt=fmt, overwrite=overwrite)

    def _sent(self, action: Action, parcel: _Parcel, written: Written, reason: str = "") -> Sent:
        record = _record(parcel, ObjectInfo(WorkspacePath(""), "", written.object_id or 0))
        return Sent(action, record.unsettled(), written.served_at, reason, parcel.file.size)


def _record(parcel: _Parcel, info: ObjectInfo) -> Record:
    return Record(
        digest=parcel.identity.digest,
        form=parcel.identity.form,
        local=parcel.file.local,
        content=parcel.kept,
        object_id=info.object_id,
        modified_at=info.modified_at,
    )
