"""Which backend runs a project, and with what it is made ready."""

from __future__ import annotations

import argparse
import getpass
import os
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mlops_core.branch import current_branch
from mlops_core.cli import run_options
from mlops_core.cli.console import Console
from mlops_core.errors import UsageError
from mlops_core.runs.events import Notify, Outcome
from mlops_core.runs.order import Order
from mlops_core.runs.origin import Origin, read_origin
from mlops_core.runs.plan import FindModel, plan_order
from mlops_core.runs.tracking_server import explained, reach, without_login
from mlops_core.session import Session, mlflow_environment, open_session
from mlops_core.settings import Settings, require_registry

JOBS = "databricks-jobs"
LOCAL = "local"
_SHORT_LIVED = (
    "the embedded workspace ends its runs when the last command is done;"
    " keep `python -m mlops_core.local_workspace` running meanwhile"
)


class Runs(Protocol):
    """Whatever runs an order to its end."""

    def launch(self, order: Order) -> Outcome:
        """Run it and say how that went."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a command has read before it starts: one value for all that follows."""

    kind: str
    options: argparse.Namespace
    settings: Settings
    console: Console
    notify: Notify


def run(task: Task) -> Outcome:
    """Run the project with the backend that was asked for, else the one for the tracking URI."""
    backend = task.options.backend or (JOBS if task.settings.is_databricks else LOCAL)
    if backend == JOBS and not task.settings.is_databricks:
        raise UsageError(
            f"--backend {JOBS} needs a workspace, which MLFLOW_TRACKING_URI does not mean",
            hint="set MLFLOW_TRACKING_URI=databricks, or leave --backend out",
        )
    if backend != JOBS and task.options.no_wait and backend == LOCAL:
        raise UsageError(
            "--no-wait goes with a run that is elsewhere", hint="leave it out, or end with &"
        )
    return (
        _run_in_workspace(task, backend)
        if task.settings.is_databricks
        else _run_here(task, backend)
    )


def _run_in_workspace(task: Task, backend: str) -> Outcome:
    from mlops_core.registry import require_version

    registry_uri = require_registry(task.settings)
    with open_session(task.settings, task.console.progress) as session:
        task.console.progress(session.banner)
        if task.options.no_wait and task.settings.is_local_workspace:
            task.console.progress(_SHORT_LIVED)
        tracking = session.client.tracking
        find = partial(require_version, tracking, registry_uri=registry_uri)
        order = _order(
            task,
            _origin(task.settings, session.user, session.branch),
            lambda name, number: find(name, number=number),
            registry_uri=registry_uri,
        )
        return _jobs_or_mlflow(task, session, order, backend).launch(order)


def _jobs_or_mlflow(task: Task, session: Session, order: Order, backend: str) -> Runs:
    if backend == JOBS:
        from mlops_core.runs.launch import Launcher

        return Launcher(session.client, task.notify)
    os.environ.update(mlflow_environment(session))
    os.environ["MLFLOW_REGISTRY_URI"] = order.registry_uri
    session.client.tracking.ensure_experiment(order.experiment)  # MLflow makes no parent folder
    return _by_mlflow(task, order, backend, url=f"{session.client.host}/ml")


def _run_here(task: Task, backend: str) -> Outcome:
    from mlops_core.runs.local import newest_or_numbered

    settings, uri = task.settings, task.settings.tracking_uri
    branch = current_branch(settings.values, settings.project_folder)
    origin = _origin(settings, settings.user or getpass.getuser(), branch)
    # MLflow, here and in the run's own process, reads nothing else.
    os.environ["MLFLOW_TRACKING_URI"] = uri
    if settings.registry_uri:
        os.environ["MLFLOW_REGISTRY_URI"] = settings.registry_uri
    task.console.progress(f"MLflow at {without_login(uri)} as {origin.user}, branch {branch}")
    reach(uri)
    with explained(uri):
        order = _order(task, origin, newest_or_numbered)
        url = run_options.browser_address(settings)
        return _by_mlflow(task, order, backend, url=url).launch(order)


def _by_mlflow(task: Task, order: Order, backend: str, *, url: str) -> Runs:
    env_manager = task.options.env_manager
    if backend != LOCAL:
        from mlops_core.runs.others import OtherLauncher

        spec = order.compute.task.get("new_cluster") if order.compute else None
        given = spec if isinstance(spec, dict) else {}
        return OtherLauncher(backend, given, env_manager, task.notify)
    from mlops_core.runs.local import LocalLauncher, local_environment

    return LocalLauncher(
        local_environment(os.environ),
        env_manager=env_manager or LOCAL,
        artifacts=run_options.artifact_folder(task.settings),
        url=url,
        notify=task.notify,
    )


def _order(task: Task, origin: Origin, find: FindModel, *, registry_uri: str = "") -> Order:
    request = run_options.read_request(
        task.kind, task.options, task.settings, origin, registry_uri=registry_uri
    )
    return plan_order(request, origin, find)


def _origin(settings: Settings, user: str, branch: str) -> Origin:
    return read_origin(user, branch, folder=settings.project_folder, values=settings.values)
