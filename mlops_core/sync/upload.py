"""Sends one object, replaces one, deletes one: each compared with what is there right now."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from mlops_core.errors import AlreadyExists, MlopsError, NotFound, SyncError
from mlops_core.notebooks.digest import Identity, file_digest, identify
from mlops_core.notebooks.formats import BOM, import_format
from mlops_core.paths import WorkspacePath, parent
from mlops_core.sync.ancestor import Record
from mlops_core.sync.backup import THERE, Backup
from mlops_core.sync.fetch import Fetched
from mlops_core.sync.hold import Arrived, Hold, read_at
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import APPEARED, Action
from mlops_core.sync.store import sha256_of
from mlops_core.sync.tree import MAX_IN_MEMORY, LocalFile
from mlops_core.workspace.call import do_nothing
from mlops_core.workspace.model import ObjectInfo, Written

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

    def can_send(self, file: LocalFile) -> bool:
        """Whether the file is still there, and still what it was."""
        try:
            self._pack(file)
        except (MlopsError, OSError):
            return False
        return True

    def create(self, file: LocalFile) -> Sent:
        """Send a new object; one that is there by now is left, unless it has this very content."""
        return self._create_anew(self._pack(file))

    def replace(self, file: LocalFile, reason: str) -> Sent:
        """Put our content in the place of what is there, which is kept in the backup."""
        parcel = self._pack(file)
        there = read_at(self.pair, file.path)
        if there and _is_to_replace(there, parcel):
            try:
                return self._overwrite(there, parcel, reason)
            except AlreadyExists:  # of another type after all: only a delete makes room
                there = read_at(self.pair, file.path)
        if there is None:
            return self._create_anew(parcel)
        if there.identity.digest == parcel.identity.digest:
            return Sent(Action.REMEMBER, _record(parcel, there.info))
        self._remove(file.path, there)
        sent = self._create(parcel)
        return replace(sent, action=Action.REPLACE, reason=reason) if sent.record else sent

    def delete(self, path: str, reason: str) -> Sent:
        """Delete an object, which is kept in the backup."""
        there = read_at(self.pair, path)
        if there is None:
            return Sent(Action.FORGET)
        self._remove(path, there)
        return Sent(Action.DELETE, reason=reason)

    def _create_anew(self, parcel: _Parcel) -> Sent:
        """Send what the workspace did not have before this run."""
        self.backup.note_new(THERE, parcel.file.path, parcel.identity.digest)
        sent = self._create(parcel)
        if sent.action is Action.LEFT:
            self.backup.note_new(THERE, parcel.file.path, "")
        return sent

    def _create(self, parcel: _Parcel) -> Sent:
        try:
            written = self._send(parcel)
        except AlreadyExists:
            # Its answer may have been lost, and this is our own object (databricks_api 4).
            there = read_at(self.pair, parcel.file.path)
            if there is None:
                raise
            if there.identity.digest != parcel.identity.digest:
                return Sent(Action.LEFT, reason=APPEARED)
            return Sent(Action.CREATE, _record(parcel, there.info), size=parcel.file.size)
        return self._sent(Action.CREATE, parcel, written)

    def _overwrite(self, there: Fetched, parcel: _Parcel, reason: str) -> Sent:
        hold = Hold(self.pair, self.backup, parcel.file.path, there)
        try:
            with hold.kept():
                written = self._send(parcel, hold)
        except Arrived as arrived:
            info = arrived.there.info if arrived.there else there.info
            return Sent(Action.REPLACE, _record(parcel, info), reason=reason, size=parcel.file.size)
        return self._sent(Action.REPLACE, parcel, written, reason)

    def _remove(self, path: str, there: Fetched) -> None:
        hold = Hold(self.pair, self.backup, path, there)
        with suppress(Arrived), hold.kept():
            self.pair.files.delete(there.info.path, before_retry=partial(hold.look_again, None))

    def _pack(self, file: LocalFile) -> _Parcel:
        source = self.pair.folder / file.local
        if not file.identity.form.is_notebook and file.size > MAX_IN_MEMORY:
            with source.open("rb") as stream:
                fmt = import_format(file.local, stream.read(_HEAD))
            return _Parcel(file, file.identity, source, "", fmt)
        try:
            kept = source.read_bytes()
        except FileNotFoundError:
            raise SyncError(f"{file.local} is gone", hint="run this again") from None
        content = file.endings.committed(kept)
        identity = identify(file.local, content)
        if identity.form != file.identity.form:
            raise _changed(file)
        fmt = "AUTO" if identity.form.is_notebook else import_format(file.local, content[:_HEAD])
        return _Parcel(file, identity, content, self.pair.store.put(kept), fmt)

    def _send(self, parcel: _Parcel, hold: Hold | None = None) -> Written:
        """Send a new object, or one in the place of that on which we have a hold."""
        target = self.pair.remote(parcel.file.path + parcel.identity.form.extension)
        content = parcel.content
        if isinstance(content, bytes) and parcel.identity.form.is_notebook:
            content = content.removeprefix(BOM)  # before it, the service sees no header
        look = partial(hold.look_again, parcel.identity.digest) if hold else do_nothing
        write = partial(
            self.pair.files.write,
            target,
            content,
            fmt=parcel.fmt,
            overwrite=hold is not None,
            before_retry=look,
        )
        try:
            return write()
        except NotFound:  # the folder is missing, and nothing was created (databricks_api 4)
            self.pair.files.make_folder(parent(target))
            look()
            return write()

    def _sent(self, action: Action, parcel: _Parcel, written: Written, reason: str = "") -> Sent:
        if isinstance(parcel.content, Path):
            _check_unchanged(parcel.file, parcel.content)
        record = _record(parcel, ObjectInfo(WorkspacePath(""), "", written.object_id or 0))
        return Sent(action, record.unsettled(), written.served_at, reason, parcel.file.size)


def _is_to_replace(there: Fetched, parcel: _Parcel) -> bool:
    """Whether the service can put ours in its place, and it is not ours already."""
    ours = parcel.identity
    return there.identity.form.kind == ours.form.kind and there.identity.digest != ours.digest


def _check_unchanged(file: LocalFile, source: Path) -> None:
    """SyncError if a large file is not what it was when it was first read: what was sent then?"""
    if file_digest(sha256_of(source)) != file.identity.digest:
        raise _changed(file)


def _changed(file: LocalFile) -> SyncError:
    return SyncError(f"{file.local} has changed meanwhile", hint="run this again")


def _record(parcel: _Parcel, info: ObjectInfo) -> Record:
    return Record(
        digest=parcel.identity.digest,
        form=parcel.identity.form,
        local=parcel.file.local,
        content=parcel.kept,
        object_id=info.object_id,
        modified_at=info.modified_at,
    )
