"""What a run has done so far: results to tell, records to remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlops_core.checkout import Skip
from mlops_core.errors import MlopsError, SyncError
from mlops_core.sync.ancestor import Base, Record, all_contents, save_base
from mlops_core.sync.backup import Backup, prune_backups
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action
from mlops_core.sync.report import Failed, Notify, Report, Result, Stopped
from mlops_core.sync.survey import Survey
from mlops_core.sync.versions import note_versions


class Journal:
    """Collects results and records, and writes the base, for what really happened only."""

    def __init__(self, pair: Pair, survey: Survey, notify: Notify, backup: Backup) -> None:
        self._pair = pair
        self._notify = notify
        self._survey = survey
        self._backup = backup
        self._results: list[Result] = []
        self._failures = [Failed(one.path, one.error) for one in survey.troubles]
        kept = survey.saved.records if survey.has_target else {}
        self.records: dict[str, Record] = dict(kept)
        for path, found in survey.fetched.items():
            record = self.records.get(path)
            if record and record.digest == found.identity.digest:
                self.records[path] = record.seen(found.info)

    def tell(
        self, path: str, action: Action, *, local: str = "", reason: str = "", hint: str = ""
    ) -> None:
        """Report what happened to one object."""
        shown = self._pair.shown(local or self._local(path))
        self.add(Result(action, shown, self._pair.remote(path), reason, hint))

    def add(self, result: Result) -> None:
        """Report what happened, in these very words."""
        self._results.append(result)
        self._notify(result)

    def fail(self, path: str, error: MlopsError) -> None:
        """Report what could not be done."""
        self._failures.append(Failed(path, error))

    @contextmanager
    def failing(self, path: str) -> Iterator[None]:
        """Report what the block cannot do about one object; the run goes on."""
        try:
            yield
        except OSError as error:
            self.fail(path, SyncError(f"{path}: {error.strerror or error}"))
        except MlopsError as error:
            self.fail(path, error)

    def remember(self, path: str, record: Record) -> None:
        """Both sides are equal now, as the record says."""
        self.records[path] = record

    def forget(self, path: str) -> None:
        """Neither side has this any more."""
        self.records.pop(path, None)

    def settled(self) -> list[str]:
        """The objects that the workspace now holds as they are here."""
        files = self._survey.local.files.items()
        return [
            path
            for path, file in files
            if path in self.records and self.records[path].digest == file.identity.digest
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write the base after the block; should it be cut off, also tell what it did so far."""
        try:
            yield
        except BaseException:
            self.save()
            self._notify(Stopped(self.report(0)))
            raise
        self.save()

    def save(self) -> None:
        """Write the base, if there is anything new; contents it drops begin their thirty days."""
        saved: Mapping[str, Record] = self._survey.saved.records
        if dict(saved) == self.records:
            return
        base = Base(self._survey.saved.scope, self.records)
        save_base(self._pair.state, base)
        self._pair.store.touch(self._survey.saved.contents() - base.contents())
        new = (one for path, one in self.records.items() if not _has(saved.get(path), one.content))
        note_versions(self._pair.state, [(self._pair.shown(one.local), one.content) for one in new])

    def report(self, unchanged: int) -> Report:
        """Sum up, and remove what is older than thirty days."""
        needed = all_contents(self._pair.state)
        if needed is not None:
            self._pair.store.prune(needed)
        prune_backups(self._pair.state)
        return Report(
            tuple(self._results),
            tuple(sorted(self._failures, key=lambda failed: failed.path)),
            tuple(sorted(self._skipped(), key=lambda skip: skip.path)),
            unchanged,
            self._backup.restorable,
        )

    def _skipped(self) -> set[Skip]:
        return {*self._survey.local.skipped, *self._survey.remote.skipped}

    def _local(self, path: str) -> str:
        """The file's name here, as far as anything knows it."""
        if path in self._survey.local.files:
            return self._survey.local.files[path].local
        form = self._survey.form(path)
        return path + (form.extension if form else "")


def _has(record: Record | None, content: str) -> bool:
    return record is not None and record.content == content
