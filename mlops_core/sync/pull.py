"""Pull: the workspace's edits come into the checkout; no edit made here is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlops_core.errors import MlopsError
from mlops_core.sync.backup import Backup
from mlops_core.sync.journal import Journal
from mlops_core.sync.pair import Pair, check_folder, prepare_state
from mlops_core.sync.pull_plan import prepare_pull
from mlops_core.sync.pull_run import PullRun
from mlops_core.sync.report import Notify, Report, ignore


def pull(pair: Pair, *, notify: Notify = ignore) -> Report:
    """Bring what changed in the workspace here, merging what changed on both sides.

    Never raises for a single object: those are in the report. Raises NotFound or UnsafeDelete,
    before anything is changed, for a workspace folder that is missing or all but empty.
    """
    prepare_state(pair.state)
    check_folder(pair)
    with _folder(pair):
        planned = prepare_pull(pair, notify)
    backup = Backup(pair.state, pair.scope)
    journal = Journal(pair, planned.survey, notify, backup)
    with journal.running():
        PullRun(pair, planned, journal, backup).carry_out()
    return journal.report(planned.survey.count_equal())


@contextmanager
def _folder(pair: Pair) -> Iterator[None]:
    """Make the folder here, so that git can be asked about it; not if the pull is refused."""
    is_new = not pair.folder.exists()
    pair.folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except MlopsError:
        if is_new:
            pair.folder.rmdir()
        raise
