"""Mirror: a workspace folder becomes exactly what a commit holds, deletions included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_core.errors import Unauthorized, WorkspaceError
from mlops_core.notebooks.digest import Digest
from mlops_core.paths import WorkspacePath
from mlops_core.sync.ancestor import Base, save_base
from mlops_core.sync.commit import CommitInfo, export_commit, read_commit
from mlops_core.sync.journal import Journal
from mlops_core.sync.manifest import (
    Manifest,
    base_file,
    check_order,
    load_manifest,
    save_manifest,
)
from mlops_core.sync.mirror_plan import check_deletions, plan_mirror
from mlops_core.sync.names import parents
from mlops_core.sync.obstacles import Route, route_push
from mlops_core.sync.pair import Pair, prepare_state
from mlops_core.sync.plan import Action, Trees
from mlops_core.sync.push_run import PushRun
from mlops_core.sync.report import Notify, Report, ignore
from mlops_core.sync.secret_names import find_secret
from mlops_core.sync.survey import Survey, survey
from mlops_core.sync.trash import Trash
from mlops_core.sync.tree import MAX_IN_MEMORY
from mlops_core.sync.upload import Uploader
from mlops_core.workspace.files import WorkspaceFiles


@dataclass(frozen=True, slots=True)
class Source:
    """What is mirrored: folders of a project, each to a place below the target (`.` is itself)."""

    project: Path
    folders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Staged(Pair):
    """A commit's files in a scratch folder; ``sources`` as in `Source.folders`."""

    sources: Mapping[str, str]

    def shown(self, local: str) -> str:
        """The file as the project calls it."""
        for folder, place in self.sources.items():
            if local.startswith(f"{place}/"):
                return f"{folder}/{local.removeprefix(place + '/')}"
        root = next((folder for folder, place in self.sources.items() if place == "."), "")
        return f"{root}/{local}".lstrip("/")


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user has agreed to: an older commit, and many deletions."""

    to_older: bool = False
    to_deletions: bool = False


@dataclass(frozen=True, slots=True)
class MirrorPlan:
    """Commit and workspace as they were found, and what a mirror does about it.

    ``secrets`` are files that look like one, each with the reason; ``known`` are the digests, by
    name, of what mirrors have put there.
    """

    pair: Pair
    commit: CommitInfo
    survey: Survey
    route: Route
    secrets: Mapping[str, str]
    before: Manifest | None
    known: Mapping[str, Digest]


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What was done; ``trash`` is where others' edits went, None if there were none."""

    report: Report
    trash: WorkspacePath | None


@contextmanager
def open_mirror(
    files: WorkspaceFiles, source: Source, target: WorkspacePath, *, workspace_id: str
) -> Iterator[tuple[Pair, CommitInfo]]:
    """The commit's files in a scratch folder, as long as the block lasts."""
    with TemporaryDirectory(prefix="mlops-mirror-") as scratch:
        commit = read_commit(source.project)
        root = Path(scratch) / "commit"
        places = {folder: root / place for folder, place in source.folders.items()}
        export_commit(source.project, commit, places)
        staged = Staged(files, target, Path(scratch), "commit", workspace_id, source.folders)
        yield staged, commit


def prepare_mirror(
    pair: Pair, commit: CommitInfo, consent: Consent, *, notify: Notify = ignore
) -> MirrorPlan:
    """Look at both sides and decide; nothing in the workspace is changed.

    Raises SyncError for an older commit and UnsafeDelete for too many deletions, unless there
    is consent.
    """
    prepare_state(pair.state)
    before = load_manifest(pair.files, pair.target)
    if not consent.to_older:
        check_order(before, commit, pair.target)
    if before:
        base_file(pair).parent.mkdir(parents=True, exist_ok=True)
        base_file(pair).write_text(before.base, encoding="utf-8")
    found = survey(pair, lambda *_: True, notify)
    known = _known(found, before)
    plan = plan_mirror(_trees(found, known))
    if not consent.to_deletions:
        check_deletions(plan, len(found.remote.objects))
    route = route_push(plan, found.ground(), overwrite=True)
    return MirrorPlan(pair, commit, found, route, _find_secrets(pair, found), before, known)


def execute_mirror(planned: MirrorPlan, *, notify: Notify = ignore) -> MirrorReport:
    """Carry out the plan. The manifest is written even when the run is interrupted."""
    pair, found = planned.pair, planned.survey
    trash = Trash(pair, planned.known)
    journal = Journal(pair, found, notify, trash)
    run = PushRun(pair, found, journal, Uploader(pair, trash), notify)
    _announce(planned)
    with _remembering(planned), journal.running():
        run.carry_out(planned.route)
        run.settle()
        _remove_empty_folders(pair, found)
    report = journal.report(found.count_equal())
    return MirrorReport(report, trash.place if trash.kept else None)


def preview_mirror(planned: MirrorPlan, *, notify: Notify = ignore) -> MirrorReport:
    """What :func:`execute_mirror` would report."""
    pair, found = planned.pair, planned.survey
    journal = Journal(pair, found, notify, Trash(pair, planned.known))
    for step in planned.route.plan.steps:
        if step.action not in {Action.REMEMBER, Action.FORGET}:
            journal.tell(step.path, step.action, reason=step.reason)
    return MirrorReport(journal.report(found.count_equal()), None)


def _known(found: Survey, before: Manifest | None) -> Mapping[str, Digest]:
    pending = before.pending if before else {}
    records = found.base.records.items()
    sent = {path + record.form.extension: record.digest for path, record in records}
    there = found.trees().remote
    # Of a run that was killed, only what has arrived counts.
    for path in found.remote.objects:
        if pending.get(name := _name(found, path)) == there[path]:
            sent[name] = there[path]
    return sent


def _trees(found: Survey, known: Mapping[str, Digest]) -> Trees:
    trees = found.trees()
    by_path = {path: known.get(_name(found, path)) for path in found.remote.objects}
    ours = {path: digest for path, digest in by_path.items() if digest}
    return Trees(trees.local, trees.remote, {**trees.base, **ours})


def _name(found: Survey, path: str) -> str:
    form = found.form(path)
    return path + (form.extension if form else "")


def _announce(planned: MirrorPlan) -> None:
    """Say in the manifest what is about to be sent, should this run be killed."""
    pair, files = planned.pair, planned.survey.local.files
    uploads = [files[step.path] for step in planned.route.uploads]
    if not uploads:
        return
    if planned.before is None:
        save_base(pair.state, Base(pair.scope, {}))
    base = base_file(pair).read_text(encoding="utf-8")
    commit = planned.before.commit if planned.before else planned.commit
    pending = {one.path + one.identity.form.extension: one.identity.digest for one in uploads}
    save_manifest(pair.files, pair.target, Manifest(commit, base, pending))


@contextmanager
def _remembering(planned: MirrorPlan) -> Iterator[None]:
    """Write the manifest after the block, however it ends."""
    try:
        yield
    except Unauthorized:  # nothing more can be written; it says already what was to be sent
        raise
    except BaseException:
        _remember(planned)
        raise
    _remember(planned)


def _remember(planned: MirrorPlan) -> None:
    pair, file = planned.pair, base_file(planned.pair)
    base = file.read_text(encoding="utf-8") if file.is_file() else ""
    now = Manifest(planned.commit, base)
    if base and (now != planned.before or planned.route.uploads):
        save_manifest(pair.files, pair.target, now)


def _remove_empty_folders(pair: Pair, found: Survey) -> None:
    """Folders that no commit made: the service refuses to delete one that is not empty."""
    held = {*found.local.files, *found.remote.excluded}
    held |= {above for path in held for above in parents(path)}
    for folder in sorted(found.remote.folders - held, key=lambda path: -path.count("/")):
        with suppress(WorkspaceError):  # it is not empty after all: told by what could not go
            pair.files.delete_empty_folder(pair.remote(folder))


def _find_secrets(pair: Pair, found: Survey) -> Mapping[str, str]:
    reasons = {}
    for path, file in sorted(found.local.files.items()):
        with (pair.folder / file.local).open("rb") as stream:
            reason = find_secret(file.local, stream.read(MAX_IN_MEMORY))
        if reason:
            reasons[path] = reason
    return reasons
