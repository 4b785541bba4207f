"""Carries out a pull, and notes what came of each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlops_core.errors import MlopsError, SyncError
from mlops_core.sync.ancestor import Record
from mlops_core.sync.backup import Backup
from mlops_core.sync.conflicts import CONFLICTS, Conflicts
from mlops_core.sync.fetch import record_of
from mlops_core.sync.journal import Journal
from mlops_core.sync.names import is_within
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action, Step
from mlops_core.sync.pull_content import Contents
from mlops_core.sync.pull_plan import PullPlan
from mlops_core.sync.worktree import Worktree
from mlops_core.terminal import quoted


class PullRun:
    """One run: does each step here, what is deleted first, since that may make room."""

    def __init__(self, pair: Pair, planned: PullPlan, journal: Journal, backup: Backup) -> None:
        self._pair = pair
        self._planned = planned
        self._survey = planned.survey
        self._journal = journal
        found, files = planned.survey, _files_to_write(planned)
        self._contents = Contents(pair, found, found.checkout.line_endings(files))
        executable = found.checkout.executable() if found.local.deleted else frozenset()
        self._worktree = Worktree(pair.folder, pair.store, backup, executable)
        self._conflicts = Conflicts(pair.state, pair.scope, backup)
        self._open: set[str] = set()

    def carry_out(self) -> None:
        """Do everything."""
        work: Mapping[Action, Callable[[Step], None]] = {
            Action.DELETE: self._delete,
            Action.REMEMBER: self._remember,
            Action.FORGET: self._forget,
            Action.WRITE: self._write,
            Action.MERGE: self._merge,
            Action.CONFLICT: self._conflict,
            Action.KEEP: self._tell,
            Action.LEFT: self._tell,
        }
        for action, apply in work.items():
            for step in self._planned.plan.of(action):
                self._try(apply, step)
        with self._journal.failing(CONFLICTS):
            self._conflicts.settle(self._settled())

    def _try(self, apply: Callable[[Step], None], step: Step) -> None:
        try:
            apply(step)
            return
        except OSError as error:
            failed: MlopsError = SyncError(f"{self._name(step)}: {error.strerror or error}")
        except MlopsError as error:
            failed = error
        self._open.add(step.path)
        self._journal.fail(step.path, failed)

    def _name(self, step: Step) -> str:
        """The file here that this step is about."""
        file = self._survey.local.files.get(step.path)
        return self._planned.names.get(step.path) or (file.local if file else step.path)

    def _tell(self, step: Step) -> None:
        file = self._survey.local.files.get(step.path)  # theirs may have another extension
        name = file.local if file else self._name(step)
        self._journal.tell(step.path, step.action, local=name, reason=step.reason)

    def _forget(self, step: Step) -> None:
        self._journal.forget(step.path)

    def _remember(self, step: Step) -> None:
        there = self._survey.fetched.get(step.path)
        if there:
            file = self._survey.local.files[step.path]
            self._journal.remember(step.path, record_of(self._pair, file, there))

    def _delete(self, step: Step) -> None:
        file = self._survey.local.files[step.path]
        self._worktree.delete(file)
        self._journal.forget(step.path)
        self._journal.tell(step.path, step.action, local=file.local, reason=step.reason)

    def _write(self, step: Step) -> None:
        name = self._name(step)
        content = self._contents.styled(step.path, name)
        self._put(step.path, name, content)
        self._note(step, name, content)

    def _merge(self, step: Step) -> None:
        merged = self._contents.merged(step.path)
        if merged is None:
            self._conflict(step)
            return
        name = self._survey.local.files[step.path].local
        self._put(step.path, name, merged)
        self._note(step, name, self._survey.fetched[step.path].content)

    def _put(self, path: str, name: str, content: str) -> None:
        old = self._survey.local.files.get(path)
        if old and old.local != name:  # another extension: never have both, not even for a moment
            self._worktree.delete(old)
            old = None
        self._worktree.write(name, self._pair.store.path(content), old)

    def _note(self, step: Step, name: str, content: str) -> None:
        """Remember what both sides have now, or, after a merge, what ours has taken in."""
        there = self._survey.fetched[step.path]
        identity, info = there.identity, there.info
        record = Record(
            identity.digest, identity.form, name, content, info.object_id, info.modified_at
        )
        self._journal.remember(step.path, record)
        self._journal.tell(step.path, step.action, local=name, reason=step.reason)

    def _conflict(self, step: Step) -> None:
        self._open.add(step.path)
        name = self._name(step)
        content = self._contents.styled(step.path, name)
        aside = self._conflicts.put(step.path, name, self._pair.store.path(content))
        theirs = aside.relative_to(self._pair.project).as_posix()
        file = self._survey.local.files.get(step.path)
        ours = self._pair.shown(file.local if file else name)
        hint = _how_to_resolve(ours, theirs, self._pair.shown(name))
        self._journal.tell(step.path, Action.CONFLICT, local=name, reason=step.reason, hint=hint)

    def _settled(self) -> list[str]:
        """The conflicts of which this run has seen that they are over."""
        survey = self._survey
        seen = set(survey.trees().paths())
        unknown = survey.remote.excluded | {trouble.path for trouble in survey.troubles}
        return [
            path
            for path, local in self._conflicts.open().items()
            if path not in self._open
            and (path in seen or not (is_within(path, unknown) or self._lies_here(local)))
        ]

    def _lies_here(self, local: str) -> bool:
        return (self._pair.folder / local).exists()


def _files_to_write(planned: PullPlan) -> list[str]:
    steps = planned.plan.of(Action.WRITE, Action.MERGE, Action.CONFLICT)
    fetched = {step.path: planned.survey.fetched[step.path] for step in steps}
    return [path for path, there in fetched.items() if not there.identity.form.is_notebook]


def _how_to_resolve(ours: str, theirs: str, wanted: str) -> str:
    mine, their, place = quoted(ours), quoted(theirs), quoted(wanted)
    copy = f"copy {their} over it" if wanted == ours else f"replace it by {their} as {place}"
    return (
        f"compare: git diff --no-index -- {mine} {their}; then edit {mine} and"
        f" python databricks-sync/to_databricks.py --overwrite, or {copy}"
    )
