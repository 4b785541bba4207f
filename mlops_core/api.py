"""What `import mlops_core` offers: the parts of the scripts, for notebooks and programs.

Everything takes plain values, gives frozen values and prints nothing. Settings come from the
environment and `.env`; inside Databricks, from the notebook's own context. The first call that
needs the workspace logs in, and the connection lasts until the program ends.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

from mlops_core import naming, registry
from mlops_core.paths import WorkspacePath, workspace_path
from mlops_core.runs.events import Outcome
from mlops_core.runs.launch import Launcher
from mlops_core.runs.origin import read_origin
from mlops_core.runs.plan import TRAINING, Request, plan_order
from mlops_core.session import Session, branch_of, open_session
from mlops_core.settings import load_settings, require_registry
from mlops_core.sync.lock import locked
from mlops_core.sync.pair import Pair
from mlops_core.sync.pull import pull
from mlops_core.sync.push import push
from mlops_core.sync.report import Report
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import ModelVersion


def connect() -> WorkspaceClient:
    """A client of the workspace that the settings name.

    Raises SettingsError, Unauthorized or Unavailable.
    """
    return _session().client


def import_notebooks(folder: str | Path, target: str, *, overwrite: bool = False) -> Report:
    """Send ``folder``'s notebooks and files to the workspace folder ``target``.

    Nothing that exists there changes without ``overwrite``, and then it is saved first. What
    could not be sent is in the report; SyncError if there is nothing to send.
    """
    pair = _pair(folder, target)
    with locked(pair.state):
        return push(pair, overwrite=overwrite)


def export_notebooks(target: str, folder: str | Path) -> Report:
    """Bring what changed in the workspace folder ``target`` into ``folder``.

    What changed on both sides is merged; nothing is lost. What failed is in the report; NotFound
    or UnsafeDelete, before anything is changed, if ``target`` is missing or all but empty.
    """
    pair = _pair(folder, target)
    with locked(pair.state):
        return pull(pair)


def current_branch() -> str:
    """The git branch that this code belongs to; BranchError if nothing tells."""
    return branch_of(load_settings())


def notebook_folder() -> WorkspacePath:
    """The workspace folder of the branch's notebooks."""
    session = _session()
    return naming.notebook_folder(session.user, session.branch)


def experiment_path(kind: str = "training") -> WorkspacePath:
    """The name of the branch's experiment for ``kind``: `training` or `scoring`."""
    session = _session()
    return naming.experiment_path(session.user, session.branch, kind)


def model_name() -> str:
    """The registered model of the branch."""
    settings = load_settings()
    schema, name = settings.model_schema or "", settings.model_name or ""
    return naming.model_name(branch_of(settings), schema, name)


def latest_version(model: str = "") -> ModelVersion | None:
    """The newest version of ``model``, by default the branch's, that can be used; or None."""
    session = _session()
    return registry.latest_version(
        session.client.tracking,
        model or model_name(),
        registry_uri=require_registry(session.settings),
    )


def require_version(model: str = "", number: str = "") -> ModelVersion:
    """Version ``number`` of ``model``, or its newest; RegistryError if there is none."""
    session = _session()
    return registry.require_version(
        session.client.tracking,
        model or model_name(),
        number=number,
        registry_uri=require_registry(session.settings),
    )


def launch(
    project: str | Path,
    *,
    kind: str = TRAINING,
    entry_point: str = "main",
    parameters: Mapping[str, str] | None = None,
    cluster: Path | None = None,
) -> Outcome:
    """Run an MLflow project as a job of the workspace, wait for it, and say how it went.

    It runs as the scripts run it: in the branch's experiment for ``kind``, on what the project's
    cluster.json names, or the file ``cluster``. Raises ProjectError, WorkspaceError or, for
    `scoring` without a model, RegistryError if it never began; a run that failed is an Outcome.
    """
    session = _session()
    settings, tracking = session.settings, session.client.tracking
    registry_uri = require_registry(settings)
    here = settings.project_folder
    origin = read_origin(session.user, session.branch, folder=here, values=settings.values)
    request = Request(
        kind=kind,
        folder=(here / project).resolve(),
        source=Path(project).as_posix(),
        experiment=naming.experiment_path(session.user, session.branch, kind),
        model_name=model_name(),
        registry_uri=registry_uri,
        entry_point=entry_point,
        parameters=parameters or {},
        cluster=cluster,
        timeout=settings.run_timeout,
    )
    find = partial(registry.require_version, tracking, registry_uri=registry_uri)
    order = plan_order(request, origin, lambda name, number: find(name, number=number))
    return Launcher(session.client).launch(order)


@cache
def _session() -> Session:
    stack = ExitStack()
    session = stack.enter_context(open_session(load_settings()))
    atexit.register(stack.close)
    return session


def _pair(folder: str | Path, target: str) -> Pair:
    session = _session()
    project = session.settings.project_folder
    here = Path(folder)
    here = (here if here.is_absolute() else project / here).resolve()
    is_inside = here.is_relative_to(project)
    return Pair(
        files=session.client.files,
        target=workspace_path(target),
        project=project if is_inside else here,
        notebook_folder=here.relative_to(project).as_posix() if is_inside else ".",
        workspace_id=session.client.workspace_id or session.client.host,
    )
