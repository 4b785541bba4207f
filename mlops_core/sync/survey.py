"""Looks at both sides: what is here, what is there, and reads what the base does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mlops_core.checkout import Checkout
from mlops_core.errors import MlopsError, NotFound, SyncError
from mlops_core.notebooks.digest import Digest
from mlops_core.notebooks.formats import Form
from mlops_core.paths import WorkspacePath
from mlops_core.sync.ancestor import Base, Record, load_base
from mlops_core.sync.fetch import Fetched, as_committed, fetch
from mlops_core.sync.names import Trouble, folded, is_within, parents
from mlops_core.sync.obstacles import Ground
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Trees
from mlops_core.sync.report import Moved, Notify, Started
from mlops_core.sync.tree import LocalTree, RemoteTree, read_checkout, read_workspace
from mlops_core.workspace.model import FILE, NOTEBOOK, ObjectInfo
from mlops_core.workspace.transfer import Outcome, carry_out

UNREAD: Final = "its own file here cannot be read"
"""Why an object stays in the way."""
Wanted = Callable[[str, ObjectInfo, LocalTree, Base], bool]
"""Whether a run has to know the content of an object that the base does not settle."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Both sides at the beginning of a run, without what is excluded.

    ``has_target`` is False when the workspace folder does not exist. ``saved`` is the whole base
    as it was on disk.
    """

    checkout: Checkout
    local: LocalTree
    remote: RemoteTree
    base: Base
    fetched: Mapping[str, Fetched]
    troubles: tuple[Trouble, ...]
    saved: Base
    has_target: bool = True

    def trees(self) -> Trees:
        """The digests of all three, for planning."""
        local = {path: file.identity.digest for path, file in self.local.files.items()}
        return Trees(local, self._remote_digests(), self.base.digests())

    def form(self, path: str) -> Form | None:
        """The form of the workspace's object, as far as it is known."""
        if path in self.fetched:
            return self.fetched[path].identity.form
        return self.base.records[path].form if path in self.base.records else None

    def ground(self) -> Ground:
        """The forms of both sides, for finding what is in the way."""
        local = {path: file.identity.form for path, file in self.local.files.items()}
        remote = {path: self.form(path) for path in self.remote.objects}
        return Ground(local, remote, self.remote.folders)

    def count_equal(self) -> int:
        """How many objects are the same on both sides."""
        trees = self.trees()
        return sum(trees.are_equal(path) for path in trees.local)

    def _remote_digests(self) -> dict[str, Digest]:
        return {path: self._remote_digest(path) for path in self.remote.objects}

    def _remote_digest(self, path: str) -> Digest:
        if path in self.fetched:
            return self.fetched[path].identity.digest
        if path in self.base.records:
            return self.base.records[path].digest
        return Digest("")  # nobody asked: it is there, and that is all that is known


def survey(pair: Pair, wanted: Wanted, notify: Notify) -> Survey:
    """Read both sides and the base. Writes to the store only."""
    checkout = pair.checkout()
    with ThreadPoolExecutor(1) as pool:
        listing = pool.submit(_remote_or_none, pair)
        try:
            saved = load_base(pair.state, pair.scope)
            local = read_checkout(checkout)
            listed = listing.result()
        except BaseException:  # Ctrl-C too: nobody waits for the listing then
            pair.files.http.interrupt()
            raise
    if listed is None and saved.records:
        _check_is_gone(pair)
    remote = listed or RemoteTree({})
    base = saved if listed else Base(saved.scope, {})
    local, remote, base, blocked = _without_excluded(pair, local, remote, base)
    remote, unsure = _with_overlooked(pair, remote, base)
    unsettled = [
        info
        for path, info in sorted(remote.objects.items())
        if not _is_settled(base.records.get(path), info) and wanted(path, info, local, base)
    ]
    found, unread = _fetch_all(pair, unsettled, notify)
    troubles = (*local.troubles, *remote.troubles, *blocked, *unsure, *unread)
    failed = frozenset(trouble.path for trouble in (*unsure, *unread))
    gone = {path for path, one in found.items() if one is None}
    remote = replace(
        remote, objects={path: info for path, info in remote.objects.items() if path not in gone}
    )
    kept = as_committed({p: one for p, one in found.items() if one}, checkout, pair.store)
    local, remote, base = _drop(frozenset(), failed, local, remote, base)
    has_target = listed is not None
    return Survey(checkout, local, remote, base, kept, troubles, saved, has_target)


def _remote_or_none(pair: Pair) -> RemoteTree | None:
    try:
        return read_workspace(pair.files, pair.target)
    except NotFound:
        return None


def _check_is_gone(pair: Pair) -> None:
    """Ask once more before all that is known of the folder is forgotten."""
    try:
        pair.files.stat(pair.target)
    except NotFound:
        return
    raise SyncError(f"{pair.target} could not be listed", hint="run this again")


def _is_settled(record: Record | None, info: ObjectInfo) -> bool:
    return record is not None and record.is_seen_in(info)


def _without_excluded(
    pair: Pair, local: LocalTree, remote: RemoteTree, base: Base
) -> tuple[LocalTree, RemoteTree, Base, tuple[Trouble, ...]]:
    """Take out what one side cannot speak about; what the other had to say of it is a trouble."""
    listed = {file.local for file in local.files.values()}
    spelled = {folded(name): name for name in listed}
    hidden = {
        path
        for path, record in base.records.items()
        if record.local not in listed
        and _lies_there(pair.folder / record.local)
        and not _is_renamed(pair.folder, record.local, spelled.get(folded(record.local)))
    }
    skipped = {skip.path: skip.reason for skip in remote.skipped}
    unread = dict.fromkeys(local.veiled & remote.objects.keys(), UNREAD)
    blocked = tuple(
        Trouble(path, _blocked_by(pair.remote(above), reason, file.local))
        for path, file in sorted(local.files.items())
        for above in (path, *parents(path))
        if (reason := skipped.get(above) or (unread.get(above) if above != path else None))
    )
    excluded = local.excluded | remote.excluded
    alone = local.veiled | hidden | {trouble.path for trouble in blocked}
    return *_drop(excluded, alone, local, remote, base), blocked


def _blocked_by(there: WorkspacePath, reason: str, local: str) -> MlopsError:
    message = f"{local}: {there} is in the way ({reason})"
    return MlopsError(message, hint="rename one of the two")


def _lies_there(file: Path) -> bool:
    """Whether a file that git does not list is there all the same: ignored, or a link."""
    return file.is_symlink() or (file.exists() and not file.is_dir())


def _is_renamed(folder: Path, local: str, listed: str | None) -> bool:
    """Whether git lists the file under another spelling, on a system that takes both for one."""
    file = folder / local
    return listed is not None and file.exists() and file.samefile(folder / listed)


def _drop(
    excluded: Set[str], alone: Set[str], local: LocalTree, remote: RemoteTree, base: Base
) -> tuple[LocalTree, RemoteTree, Base]:
    """Take out what is at or below ``excluded``, and just what is at ``alone``."""

    def is_out(path: str) -> bool:
        return path in alone or is_within(path, excluded)

    if not (excluded or alone):
        return local, remote, base
    files = {k: v for k, v in local.files.items() if not is_out(k)}
    objects = {k: v for k, v in remote.objects.items() if not is_out(k)}
    records = {k: v for k, v in base.records.items() if not is_out(k)}
    return (
        replace(local, files=files),
        replace(remote, objects=objects),
        replace(base, records=records),
    )


def _with_overlooked(
    pair: Pair, remote: RemoteTree, base: Base
) -> tuple[RemoteTree, tuple[Trouble, ...]]:
    """Ask for each object that the base knows and the listing lacks: a listing may be stale."""
    missing = [path for path in base.records if path not in remote.objects]
    if not missing:
        return remote, ()
    asked: list[Outcome[str, ObjectInfo | None]] = carry_out(
        missing, lambda path: _stat_or_none(pair, path), lambda _: None, http=pair.files.http
    )
    there = {one.step: one.result for one in asked if one.result}
    unsure = tuple(Trouble(one.step, one.error) for one in asked if one.error)
    return replace(remote, objects={**remote.objects, **there}), unsure


def _stat_or_none(pair: Pair, path: str) -> ObjectInfo | None:
    try:
        found = pair.files.stat(pair.remote(path), flavour=True)
    except NotFound:
        return None
    return found if found.kind in {NOTEBOOK, FILE} else None


def _fetch_all(
    pair: Pair, wanted: list[ObjectInfo], notify: Notify
) -> tuple[dict[str, Fetched | None], tuple[Trouble, ...]]:
    if wanted:
        notify(Started(len(wanted)))

    def moved(outcome: Outcome[ObjectInfo, Fetched | None]) -> None:
        found = outcome.result
        notify(Moved(pair.store.path(found.content).stat().st_size if found else 0))

    def read(info: ObjectInfo) -> Fetched | None:
        try:
            return fetch(pair.files, info, pair.store)
        except NotFound:
            return None
        except OSError as error:
            raise MlopsError(f"{info.path} cannot be kept here: {error}") from error

    outcomes = carry_out(wanted, read, moved, http=pair.files.http)
    prefix = len(pair.target.rstrip("/")) + 1
    found = {one.step.path[prefix:]: one.result for one in outcomes if not one.error}
    troubles = tuple(Trouble(one.step.path[prefix:], one.error) for one in outcomes if one.error)
    return found, troubles
