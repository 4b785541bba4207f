"""Both sides as trees: the checkout's files, and the objects below a workspace folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mlops_core.checkout import Checkout, Skip, is_never
from mlops_core.errors import AccessDenied, MlopsError, NotFound
from mlops_core.line_endings import AS_IS, LineEndings
from mlops_core.notebooks.digest import Identity, file_digest, identify
from mlops_core.notebooks.formats import (
    A_FILE,
    is_jupyter_name,
    is_language,
    is_notebook_name,
    without_extension,
)
from mlops_core.paths import WorkspacePath, relative_to
from mlops_core.sync.names import Trouble, find_collisions
from mlops_core.sync.store import sha256_of
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.model import DIRECTORY, FILE, NOTEBOOK, REPO, ObjectInfo

MAX_NOTEBOOK: Final = 10 * 1024 * 1024
MAX_FILE: Final = 500 * 1000 * 1000
MAX_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of the checkout: its own path, its path in the workspace, and what it is.

    ``identity`` is that of the form which git would commit, and which travels; ``size`` is the
    file's own. ``has_crlf`` where git may convert that.
    """

    local: str
    path: str
    identity: Identity
    size: int
    endings: LineEndings = AS_IS
    has_crlf: bool = False

    def identify(self, content: bytes) -> Identity:
        """What ``content`` would be as this file."""
        return identify(self.local, self.endings.committed(content))

    @property
    def full_name(self) -> str:
        """Its path in the workspace, with a notebook's extension, which counts there as well."""
        return self.path + self.identity.form.extension


@dataclass(frozen=True, slots=True)
class LocalTree:
    """The checkout's files by their path in the workspace.

    ``excluded`` are the paths about which nothing is known or decided: nothing at or below them
    is touched on either side. Of ``veiled`` ones it is the object alone: the notebook that a file
    would be, whose content cannot be read. ``deleted`` are the files that git still expects here.
    """

    files: Mapping[str, LocalFile]
    skipped: tuple[Skip, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    excluded: frozenset[str] = frozenset()
    veiled: frozenset[str] = frozenset()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteTree:
    """The notebooks and files below a workspace folder, by their path from there."""

    objects: Mapping[str, ObjectInfo]
    folders: frozenset[str] = frozenset()
    skipped: tuple[Skip, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    excluded: frozenset[str] = frozenset()


def read_checkout(checkout: Checkout) -> LocalTree:
    """What the checkout has to give; a file that cannot be understood is a trouble, no more."""
    listed = checkout.files()
    files, troubles = _read_files(checkout, listed.paths)
    broken = [trouble.path for trouble in troubles] + [skip.path for skip in listed.skipped]
    veiled = {without_extension(local): local for local in broken if is_notebook_name(local)}
    named = [(file.path, file.full_name, file.local) for file in files]
    named += [
        (file.path, veiled[file.path], veiled[file.path]) for file in files if file.path in veiled
    ]
    collisions = find_collisions(named)
    excluded = {trouble.path for trouble in collisions}
    excluded.update(file.local for file in files if file.path in excluded)
    excluded.update(broken)
    return LocalTree(
        {file.path: file for file in files if file.path not in excluded},
        listed.skipped,
        (*troubles, *collisions),
        frozenset(excluded),
        frozenset(veiled),
        listed.deleted,
    )


def _read_files(checkout: Checkout, paths: Iterable[str]) -> tuple[list[LocalFile], list[Trouble]]:
    found: dict[str, LocalFile | Trouble] = {
        local: _read_or_trouble(checkout.folder, local, AS_IS) for local in paths
    }
    files = [one for one in found.values() if isinstance(one, LocalFile)]
    # Git is asked about those only where it makes a difference: mostly there are none.
    endings = checkout.line_endings(file.local for file in files if file.has_crlf)
    for local, one in endings.items():
        found[local] = _read_or_trouble(checkout.folder, local, one)
    files = [one for one in found.values() if isinstance(one, LocalFile)]
    return files, [one for one in found.values() if isinstance(one, Trouble)]


def _read_or_trouble(folder: Path, local: str, endings: LineEndings) -> LocalFile | Trouble:
    try:
        return read_file(folder, local, endings)
    except MlopsError as error:
        return Trouble(local, type(error)(f"{local}: {error.message}", error.hint))
    except OSError as error:
        return Trouble(local, MlopsError(f"{local} cannot be read: {error.strerror}"))


def read_workspace(files: WorkspaceFiles, target: WorkspacePath) -> RemoteTree:
    """Everything below ``target``, one request a folder, in parallel.

    Raises NotFound if ``target`` is missing. A folder below it that may not be read is a
    trouble, also where the service answers as if it were missing: nobody may take it for empty.
    """
    found: list[ObjectInfo] = []
    skipped: list[Skip] = []
    troubles: list[Trouble] = []
    level = list(files.list(target))
    if [one.path for one in level] == [target] and level[0].kind != DIRECTORY:
        raise MlopsError(f"{target} is no folder", hint="rename or delete it in the workspace")
    with ThreadPoolExecutor(files.http.workers) as pool:
        while level:
            taken = [one for one in level if _is_taken(one, target, skipped)]
            found += taken
            folders = [one.path for one in taken if one.kind == DIRECTORY]
            level = []
            for path, listed in zip(
                folders, pool.map(partial(_list_or_error, files), folders), strict=True
            ):
                if isinstance(listed, MlopsError):
                    troubles.append(Trouble(relative_to(path, target), listed))
                else:
                    level += listed
    return _remote_tree(found, target, skipped, troubles)


def read_file(folder: Path, local: str, endings: LineEndings = AS_IS) -> LocalFile:
    """What a file is; MlopsError if it is nothing that can travel."""
    file = folder / local
    size = file.stat().st_size
    if size > MAX_NOTEBOOK and not is_jupyter_name(local):
        with file.open("rb") as stream:
            if identify(local, stream.read(128)).form == A_FILE:
                _check_size(size, MAX_FILE, "files")
                return LocalFile(local, local, Identity(A_FILE, file_digest(sha256_of(file))), size)
    if size > MAX_NOTEBOOK:
        _check_size(size, MAX_NOTEBOOK, "notebooks")
    content = file.read_bytes()
    identity = identify(local, endings.committed(content))
    path = without_extension(local) if identity.form.is_notebook else local
    is_text = not identity.form.is_notebook and size <= MAX_IN_MEMORY
    return LocalFile(local, path, identity, size, endings, is_text and b"\r\n" in content)


def _check_size(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise MlopsError(
            f"{size:,} bytes; the workspace takes {what} up to {limit:,}",
            hint="make it smaller, for a notebook by clearing its outputs, or let git ignore it",
        )


def _is_taken(one: ObjectInfo, target: WorkspacePath, skipped: list[Skip]) -> bool:
    path = relative_to(one.path, target)
    name = path.rpartition("/")[2]
    reason = ""
    if one.kind == REPO:
        reason = "a Git folder"
    elif one.kind not in {NOTEBOOK, FILE, DIRECTORY}:
        reason = f"{one.kind.lower()}: neither notebook nor file"
    elif one.kind != NOTEBOOK and is_never(name):  # a notebook's file here has an extension
        reason = "a name that never travels"
    if reason:
        skipped.append(Skip(path, reason))
    return not reason


def _list_or_error(
    files: WorkspaceFiles, path: WorkspacePath
) -> tuple[ObjectInfo, ...] | MlopsError:
    try:
        return files.list(path)
    except (NotFound, AccessDenied) as error:
        return error


def _remote_tree(
    found: list[ObjectInfo],
    target: WorkspacePath,
    skipped: list[Skip],
    troubles: list[Trouble],
) -> RemoteTree:
    by_path = {relative_to(one.path, target): one for one in found}
    for path, one in by_path.items():
        if one.kind == NOTEBOOK and not is_language(one.language):
            error = MlopsError(f"{one.path} is a notebook in {one.language or 'no language'}")
            troubles.append(Trouble(path, error))
    excluded = {trouble.path for trouble in troubles} | {skip.path for skip in skipped}
    return RemoteTree(
        {
            path: one
            for path, one in by_path.items()
            if one.kind != DIRECTORY and path not in excluded
        },
        frozenset(path for path, one in by_path.items() if one.kind == DIRECTORY),
        tuple(skipped),
        tuple(troubles),
        frozenset(excluded),
    )
