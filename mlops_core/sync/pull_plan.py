"""What a pull finds and decides, before it changes anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_core.checkout import Checkout, Skip
from mlops_core.errors import MlopsError, NotFound, UnsafeDelete
from mlops_core.line_endings import AS_IS, LineEndings
from mlops_core.notebooks.digest import Digest, identify
from mlops_core.notebooks.formats import (
    A_FILE,
    is_designer_name,
    is_jupyter_name,
    source_form,
)
from mlops_core.sync.names import Trouble, find_unholdable, local_name
from mlops_core.sync.pair import Pair, local_rules
from mlops_core.sync.plan import Action, History, Plan, Side, Trees, plan_pull
from mlops_core.sync.report import Notify
from mlops_core.sync.room import route_pull
from mlops_core.sync.survey import Survey, survey


@dataclass(frozen=True, slots=True)
class PullPlan:
    """Both sides as they were found, what a pull does about it, and each object's file here."""

    survey: Survey
    plan: Plan
    names: Mapping[str, str]


def prepare_pull(pair: Pair, notify: Notify) -> PullPlan:
    """Look at both sides and decide. Nothing on either side is changed.

    Raises NotFound for a workspace folder that is missing, UnsafeDelete for a plan that would
    delete more than half of the files.
    """
    found = survey(pair, lambda *_: True, notify)
    if not found.has_target:
        raise NotFound(
            f"there is no folder {pair.target} in the workspace",
            hint="to create it: python databricks-sync/to_databricks.py",
        )
    names = _local_names(found)
    troubles = (*find_unholdable(names, local_rules(pair.state)), *_misfits(found, names, pair))
    found, names = _without(found, names, {one.path for one in troubles}, troubles=troubles)
    found, names = _without_ignored(found, names)
    trees = found.trees()
    plan = plan_pull(trees, _history(found, trees, names))
    files = {path: file.local for path, file in found.local.files.items()}
    plan = route_pull(plan, files, names)
    _refuse_mass_deletion(plan, found, pair)
    return PullPlan(found, plan, names)


def _local_names(found: Survey) -> dict[str, str]:
    """The file here of each object that could be written."""
    deleted: dict[str, list[str]] = defaultdict(list)
    for name in found.local.deleted:
        deleted[name.lower()].append(name)
    names = {}
    for path in found.remote.objects:
        form = found.form(path)
        if form:
            known = [*_known_names(found, path), *deleted[(path + form.extension).lower()]]
            names[path] = local_name(path, form, known)
    return names


def _known_names(found: Survey, path: str) -> Iterable[str]:
    if path in found.local.files:
        yield found.local.files[path].local
    if path in found.base.records:
        yield found.base.records[path].local


def _misfits(found: Survey, names: dict[str, str], pair: Pair) -> Iterator[Trouble]:
    """Objects that would be something else here, so that the next run would not know them."""
    for path, there in found.fetched.items():
        if is_designer_name(names[path]):
            why = "would be a Lakeflow Designer file here"
        elif there.identity.form == A_FILE and _is_notebook(path, pair.store.path(there.content)):
            why = "is a file there, and would be a notebook here"
        else:
            continue
        yield Trouble(path, MlopsError(f"{path} {why}", hint="rename it in the workspace"))


def _is_notebook(name: str, content: Path) -> bool:
    """Whether a file of this name is a notebook, or has to be one."""
    if is_jupyter_name(name):
        return True
    with content.open("rb") as stream:
        return source_form(name, stream.read(128)).is_notebook


def _without_ignored(found: Survey, names: dict[str, str]) -> tuple[Survey, dict[str, str]]:
    """Leave out what git would not show: the next push would take it for deleted."""
    new = {name: path for path, name in names.items() if path not in found.local.files}
    ignored = found.checkout.ignored(new)
    skipped = tuple(Skip(name, "git ignores it here") for name in sorted(ignored))
    return _without(found, names, {new[name] for name in ignored}, skipped=skipped)


def _without(
    found: Survey,
    names: dict[str, str],
    paths: set[str],
    *,
    troubles: tuple[Trouble, ...] = (),
    skipped: tuple[Skip, ...] = (),
) -> tuple[Survey, dict[str, str]]:
    if not paths:
        return found, names
    objects = {k: v for k, v in found.remote.objects.items() if k not in paths}
    files = {k: v for k, v in found.local.files.items() if k not in paths}
    records = {k: v for k, v in found.base.records.items() if k not in paths}
    left = replace(
        found,
        local=replace(found.local, files=files),
        remote=replace(found.remote, objects=objects, skipped=(*found.remote.skipped, *skipped)),
        base=replace(found.base, records=records),
        troubles=(*found.troubles, *troubles),
    )
    return left, {path: name for path, name in names.items() if path not in paths}


def _history(found: Survey, trees: Trees, names: Mapping[str, str]) -> History:
    """What git says of each path where that makes a difference."""
    unknown, changed, new, edited = [], [], [], []
    for path in trees.paths():
        sides = trees.sides(path)
        if path not in names or trees.are_equal(path):
            continue
        if sides == (Side.UNKNOWN, Side.UNKNOWN):
            unknown.append(path)
        elif sides == (Side.CHANGED, Side.CHANGED):
            changed.append(path)
        elif sides == (Side.ABSENT, Side.UNKNOWN):
            new.append(path)
        elif sides == (Side.AS_BASE, Side.CHANGED):
            edited.append(path)
    asked = (*unknown, *changed, *new, *edited)
    past = _Past(found.checkout, {path: names[path] for path in asked})
    stale = {path for path in (*unknown, *edited) if past.has(path, trees.remote[path])}
    stale |= {path for path in changed if past.is_later(path, trees.remote[path], trees.base[path])}
    stale |= {path for path in new if past.is_left_behind(path, trees.remote[path])}
    ours = {path: found.local.files[path].local for path in (*unknown, *edited)}
    committed = found.checkout.committed(ours.values())
    return History({path for path, local in ours.items() if local in committed}, stale)


class _Past:
    """The digests that git remembers of each path, newest first."""

    def __init__(self, checkout: Checkout, names: Mapping[str, str]) -> None:
        contents = checkout.history(sorted(set(names.values())))
        self._head = checkout.head() if names else {}
        self._names = names
        with_crlf = [name for name, found in contents.items() if any(map(_has_crlf, found))]
        endings = checkout.line_endings(with_crlf)
        self._digests = {
            path: _digests(name, contents.get(name, ()), endings.get(name, AS_IS))
            for path, name in names.items()
        }

    def has(self, path: str, digest: Digest) -> bool:
        """Whether a commit had this content."""
        return digest in self._digests[path]

    def is_later(self, path: str, digest: Digest, other: Digest) -> bool:
        """Whether both were committed, and ``digest`` after ``other``."""
        known = self._digests[path]
        return digest in known and other in known and known.index(digest) < known.index(other)

    def is_left_behind(self, path: str, digest: Digest) -> bool:
        """Whether a commit had this content, and HEAD has no such file any more."""
        return self.has(path, digest) and self._names[path] not in self._head


def _has_crlf(content: bytes) -> bool:
    return b"\r\n" in content


def _digests(name: str, contents: Iterable[bytes], endings: LineEndings) -> list[Digest]:
    """Commits' contents as they are compared now: an early one may have other line endings."""
    found = []
    for content in contents:
        with suppress(MlopsError):  # an early commit may well have a broken notebook
            found.append(identify(name, endings.committed(content)).digest)
    return found


def _refuse_mass_deletion(plan: Plan, found: Survey, pair: Pair) -> None:
    gone, all_files = len(plan.of(Action.DELETE)), len(found.local.files)
    if gone * 2 > all_files:
        raise UnsafeDelete(
            f"{gone} of {all_files} files of {pair.folder} would be deleted here,"
            f" since {pair.target} has them no more",
            hint="if that is meant, delete them here yourself; if not, to put them back there:"
            " python databricks-sync/to_databricks.py --overwrite",
        )
