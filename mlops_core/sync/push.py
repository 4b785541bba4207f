"""Push: the checkout's notebooks and files go to the workspace; nothing there is lost."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_core.errors import MlopsError, SyncError
from mlops_core.notebooks.formats import SOURCE, Form
from mlops_core.sync.ancestor import Base
from mlops_core.sync.backup import Backup
from mlops_core.sync.conflicts import CONFLICTS, Conflicts
from mlops_core.sync.journal import Journal
from mlops_core.sync.obstacles import Route, route_push
from mlops_core.sync.pair import Pair, check_folder, prepare_state, wrong_folder
from mlops_core.sync.plan import Action, plan_push
from mlops_core.sync.push_run import PushRun
from mlops_core.sync.report import Notify, Report, ignore
from mlops_core.sync.survey import Survey, survey
from mlops_core.sync.tree import LocalTree
from mlops_core.sync.upload import Uploader
from mlops_core.workspace.model import ObjectInfo


@dataclass(frozen=True, slots=True)
class PushPlan:
    """Both sides as they were found, and what a push does about it."""

    survey: Survey
    route: Route


def prepare_push(pair: Pair, *, overwrite: bool = False, notify: Notify = ignore) -> PushPlan:
    """Look at both sides and decide. Nothing on either side is changed.

    Raises SettingsError if there is no such folder here, SyncError if nothing in it can be sent.
    """
    prepare_state(pair.state)
    check_folder(pair)
    found = survey(pair, is_needed, notify)
    if not (found.local.files or found.troubles):
        raise _nothing_to_push(pair)
    plan = plan_push(found.trees(), overwrite=overwrite)
    return PushPlan(found, route_push(plan, found.ground(), overwrite=overwrite))


def push(pair: Pair, *, overwrite: bool = False, notify: Notify = ignore) -> Report:
    """Create what the workspace lacks and, with ``overwrite``, make it hold our files.

    Never raises for a single object: those are in the report. Raises Unauthorized, which counts
    what was not done, for a credential that runs out. The base is written even when the run is
    interrupted, and remembers what really happened.
    """
    planned = prepare_push(pair, overwrite=overwrite, notify=notify)
    return execute_push(pair, planned, notify=notify)


def execute_push(pair: Pair, planned: PushPlan, *, notify: Notify = ignore) -> Report:
    """Carry out what :func:`prepare_push` decided."""
    backup = Backup(pair.state, pair.scope)
    journal = Journal(pair, planned.survey, notify, backup)
    run = PushRun(pair, planned.survey, journal, Uploader(pair, backup), notify)
    with journal.running():
        run.carry_out(planned.route)
        run.settle()
    conflicts = Conflicts(pair.state, pair.scope, backup)
    with journal.failing(CONFLICTS):
        conflicts.settle(journal.settled())
    return journal.report(planned.survey.count_equal())


def preview_push(pair: Pair, planned: PushPlan, *, notify: Notify = ignore) -> Report:
    """What :func:`execute_push` would report, as far as can be known without doing it."""
    journal = Journal(pair, planned.survey, notify, Backup(pair.state, pair.scope))
    for step in planned.route.plan.steps:
        if step.action not in {Action.REMEMBER, Action.FORGET}:
            journal.tell(step.path, step.action, reason=step.reason)
    return journal.report(planned.survey.count_equal())


def is_needed(path: str, info: ObjectInfo, local: LocalTree, base: Base) -> bool:
    """Whether a push has to know what this object of the workspace holds."""
    if path in local.files or path in base.records:
        return True
    # A notebook that is kept as a script excludes a file of its full name (databricks_api 1).
    return path + Form(info.kind, info.language or "", SOURCE).extension in local.files


def _nothing_to_push(pair: Pair) -> MlopsError:
    if not pair.folder.is_dir():
        return wrong_folder(pair, f"there is no folder {pair.folder}")
    return SyncError(
        f"NOTEBOOK_FOLDER: nothing in {pair.folder} can be sent",
        hint="put a notebook there, or see that git does not ignore it: git status --ignored",
    )
