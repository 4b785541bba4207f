"""Carries out a push, wave by wave, and notes what came of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Final, TypeVar

from mlops_core.errors import SyncError, Unauthorized
from mlops_core.sync.fetch import record_of
from mlops_core.sync.journal import Journal
from mlops_core.sync.names import folder_of, parents
from mlops_core.sync.obstacles import Route
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action, Step
from mlops_core.sync.report import Moved, Notify, Started
from mlops_core.sync.survey import Survey
from mlops_core.sync.upload import Sent, Uploader
from mlops_core.workspace.model import ObjectInfo
from mlops_core.workspace.transfer import Outcome, carry_out

_SECOND: Final = 1000

Task = TypeVar("Task")
Done = TypeVar("Done")


class PushRun:
    """One run: sends steps wave by wave and notes what came of each."""

    def __init__(
        self, pair: Pair, found: Survey, journal: Journal, uploader: Uploader, notify: Notify
    ) -> None:
        self._pair = pair
        self._survey = found
        self._journal = journal
        self._uploader = uploader
        self._notify = notify
        self._unsettled: dict[str, Sent] = {}
        self._done = 0

    def carry_out(self, route: Route) -> None:
        """Do everything, in waves."""
        for step in route.plan.of(Action.LEFT, Action.KEEP):
            self._journal.tell(step.path, step.action, reason=step.reason)
        for step in route.plan.of(Action.REMEMBER):
            with self._journal.failing(step.path):
                self._remember(step.path)
        for step in route.plan.of(Action.FORGET):
            self._journal.forget(step.path)
        sending = (*route.first, *route.uploads, *route.last)
        if sending:
            self._notify(Started(len(sending)))
        with self._counted(len(sending)):
            self._wave(route.first, partial(self._make_way, route.takers))
            self._make_room(route.cleared)
            self._make_folders(route)
            for wave in route.waves:
                self._wave(wave, self._upload)
            self._wave(route.last, self._delete)
        self._make_room(self._emptied(route))

    def settle(self) -> None:
        """List what was sent once more, so that the next run need not read it.

        A time later than the answer to our import is somebody else's change: read it then.
        """
        folders = sorted({folder_of(path) for path in self._unsettled})
        listed = self._as_far_as_possible(folders, self._list)
        infos = {info.path: info for outcome in listed for info in outcome.result or ()}
        for path, sent in self._unsettled.items():
            info = infos.get(self._pair.remote(path))
            if sent.record and info and is_ours(sent, info):
                self._journal.remember(path, sent.record.seen(info))

    def _upload(self, step: Step) -> Sent:
        file = self._survey.local.files[step.path]
        if step.action is Action.CREATE:
            sent = self._uploader.create(file)
            return replace(sent, reason=sent.reason or step.reason)
        return self._uploader.replace(file, step.reason)

    def _delete(self, step: Step) -> Sent:
        return self._uploader.delete(step.path, step.reason)

    def _make_way(self, takers: Mapping[str, Sequence[str]], step: Step) -> Sent:
        """Delete what is in the way of something, unless that cannot be sent after all."""
        newcomers = [self._survey.local.files[path] for path in takers[step.path]]
        if not any(self._uploader.can_send(file) for file in newcomers):
            return Sent(Action.LEFT, reason=f"{newcomers[0].local} cannot be sent")
        return self._delete(step)

    def _wave(self, steps: Sequence[Step], apply: Callable[[Step], Sent]) -> None:
        def apply_or_fail(step: Step) -> Sent:
            try:
                return apply(step)
            except OSError as error:  # a file that cannot be read, or no room for the backup
                raise SyncError(f"{step.path}: {error.strerror or error}") from error

        carry_out(steps, apply_or_fail, self._note, http=self._pair.files.http)

    @contextmanager
    def _counted(self, steps: int) -> Iterator[None]:
        """Say how many were not done, should the workspace not know us any more."""
        try:
            yield
        except Unauthorized as error:
            message = f"{error.message}; {steps - self._done} of {steps} objects were not done"
            raise Unauthorized(message, error.hint, status=error.status, code=error.code) from error

    def _as_far_as_possible(
        self, steps: Sequence[Task], apply: Callable[[Task], Done]
    ) -> list[Outcome[Task, Done]]:
        """Do what may fail: where it matters, an object will tell."""
        try:
            return carry_out(steps, apply, lambda _: None, http=self._pair.files.http)
        except Unauthorized:
            return []

    def _note(self, outcome: Outcome[Step, Sent]) -> None:
        path, sent = outcome.step.path, outcome.result
        self._done += 1
        if sent is None:
            self._journal.fail(path, outcome.error or SyncError(f"{path} was not done"))
        else:
            self._journal_sent(path, sent)
        self._notify(Moved(sent.size if sent else 0))

    def _journal_sent(self, path: str, sent: Sent) -> None:
        if sent.record:
            self._journal.remember(path, sent.record)
        if sent.record and sent.record.modified_at is None:
            self._unsettled[path] = sent
        if sent.action in {Action.DELETE, Action.FORGET}:
            self._journal.forget(path)
        if sent.action not in {Action.REMEMBER, Action.FORGET}:
            self._journal.tell(path, sent.action, reason=sent.reason)

    def _remember(self, path: str) -> None:
        there = self._survey.fetched.get(path)
        if there:
            file = self._survey.local.files[path]
            self._journal.remember(path, record_of(self._pair, file, there))

    def _make_folders(self, route: Route) -> None:
        leaves = route.folders
        if not self._survey.has_target and not leaves and route.uploads:
            leaves = ("",)
        make = self._pair.files.make_folder
        self._as_far_as_possible(leaves, lambda path: make(self._pair.remote(path)))

    def _emptied(self, route: Route) -> tuple[str, ...]:
        """Folders that our deletions have left empty, deepest first."""
        gone = {step.path for step in (*route.first, *route.last)}
        local = self._survey.local.files.keys()
        left = (self._survey.remote.objects.keys() | local) - gone
        empty = _folders(gone) - _folders(left) - local
        return tuple(sorted(empty, key=lambda path: (-path.count("/"), path)))

    def _make_room(self, folders: Sequence[str]) -> None:
        """Remove folders, which are sorted by depth, as far as they are empty."""
        for _, level in groupby(folders, key=lambda path: path.count("/")):
            paths = [self._pair.remote(folder) for folder in level]
            self._as_far_as_possible(paths, self._pair.files.delete_empty_folder)

    def _list(self, folder: str) -> tuple[ObjectInfo, ...]:
        return self._pair.files.list(self._pair.remote(folder))


def _folders(paths: Iterable[str]) -> set[str]:
    return {above for path in paths for above in parents(path)}


def is_ours(sent: Sent, info: ObjectInfo) -> bool:
    """Whether the object is still what our import made of it, as far as two clocks can tell."""
    if sent.record is None or sent.served_at is None or info.modified_at is None:
        return False
    if sent.action is Action.CREATE and info.created_at not in (None, info.modified_at):
        return False
    same_id = sent.record.object_id in (0, info.object_id)
    # `Date` has whole seconds only.
    return same_id and info.modified_at // _SECOND <= sent.served_at // _SECOND
