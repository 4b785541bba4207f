"""Reads objects of the workspace into the store, and says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlops_core.checkout import Checkout
from mlops_core.errors import SyncError
from mlops_core.line_endings import LineEndings
from mlops_core.notebooks.digest import Identity, digest, file_digest
from mlops_core.notebooks.formats import A_FILE, JUPYTER, SOURCE, Form, is_language
from mlops_core.sync.ancestor import Record
from mlops_core.sync.pair import Pair
from mlops_core.sync.store import Store
from mlops_core.sync.tree import MAX_IN_MEMORY, LocalFile
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.model import FILE, NOTEBOOK, ObjectInfo


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object as it was just before it was read, what it is, and its content in the store."""

    info: ObjectInfo
    identity: Identity
    content: str


def fetch(files: WorkspaceFiles, listed: ObjectInfo, store: Store) -> Fetched:
    """Read one notebook or file.

    Raises NotFound if it is gone. The time and id are from before the reading, so that a change
    in between is read again next time rather than missed.
    """
    if listed.kind == NOTEBOOK:
        return _fetch_notebook(files, listed, store)
    if listed.size is None or listed.size > MAX_IN_MEMORY:
        with store.scratch() as scratch:
            files.download(listed.path, scratch)
            content = store.adopt(scratch)
    else:
        content = store.put(files.read(listed.path, "AUTO"))
    return Fetched(listed, Identity(A_FILE, file_digest(content)), content)


def fetch_at(files: WorkspaceFiles, listed: ObjectInfo, store: Store) -> Fetched:
    """Read what is at a path now, whatever was there before; NotFound if nothing is."""
    found = files.stat(listed.path, flavour=True)
    if found.kind not in {NOTEBOOK, FILE}:
        raise SyncError(f"{listed.path} has become a {found.kind.lower()} meanwhile")
    return fetch(files, found, store)


def as_committed(
    found: Mapping[str, Fetched], checkout: Checkout, store: Store
) -> dict[str, Fetched]:
    """``found`` with the digests of what git would commit here: both sides are compared so."""
    with_crlf = [path for path, one in found.items() if _has_crlf(one, store)]
    endings = checkout.line_endings(with_crlf)
    return {
        path: _with_endings(one, endings[path], store) if path in endings else one
        for path, one in found.items()
    }


def _has_crlf(one: Fetched, store: Store) -> bool:
    file = store.path(one.content)
    if one.identity.form.is_notebook or file.stat().st_size > MAX_IN_MEMORY:
        return False
    return b"\r\n" in file.read_bytes()


def _with_endings(one: Fetched, endings: LineEndings, store: Store) -> Fetched:
    content = endings.committed(store.path(one.content).read_bytes())
    form = one.identity.form
    return replace(one, identity=Identity(form, digest(content, form)))


def record_of(pair: Pair, file: LocalFile, there: Fetched) -> Record:
    """The record of an object that has the same content on both sides."""
    content = "" if file.size > MAX_IN_MEMORY else _kept(pair, file)
    info = there.info
    return Record(
        file.identity.digest,
        file.identity.form,
        file.local,
        content or there.content,
        info.object_id,
        info.modified_at,
    )


def _kept(pair: Pair, file: LocalFile) -> str:
    """The file in the store, exactly as it is here; empty if it has just changed."""
    content = (pair.folder / file.local).read_bytes()
    is_same = file.identify(content).digest == file.identity.digest
    return pair.store.put(content) if is_same else ""


def _fetch_notebook(files: WorkspaceFiles, listed: ObjectInfo, store: Store) -> Fetched:
    # The listing does not tell a script from a Jupyter notebook (databricks_api 4, list).
    found = listed if listed.flavour else files.stat(listed.path, flavour=True)
    flavour = JUPYTER if found.flavour == JUPYTER else SOURCE
    if found.kind != NOTEBOOK or not is_language(found.language):
        raise SyncError(f"{listed.path} is no notebook any more", hint="run this again")
    content = files.read(listed.path, flavour)
    form = Form(NOTEBOOK, found.language or "", flavour)
    identity = Identity(form, digest(content, form))
    return Fetched(replace(found, path=listed.path), identity, store.put(content))
