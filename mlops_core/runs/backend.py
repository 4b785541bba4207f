"""The MLflow project backend `databricks-jobs`: MLflow's own way into the same launcher."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
from mlflow import MlflowClient, active_run
from mlflow.exceptions import ExecutionException, MlflowException
from mlflow.projects import utils
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from mlops_core.errors import MlopsError
from mlops_core.naming import experiment_path, model_name
from mlops_core.paths import workspace_path
from mlops_core.registry import require_version
from mlops_core.runs import record as records
from mlops_core.runs.compute import Compute, parse_compute
from mlops_core.runs.events import Event, Outcome
from mlops_core.runs.launch import Launcher, Started
from mlops_core.runs.lines import render_event, render_outcome, render_trace
from mlops_core.runs.origin import read_origin
from mlops_core.runs.plan import SCORING, TRAINING, Request, plan_order
from mlops_core.runs.project import load_project
from mlops_core.session import Session, mlflow_environment, open_session
from mlops_core.settings import load_settings, require_registry

# MLflow shows what its own loggers and their children say.
_log = logging.getLogger("mlflow.projects.databricks_jobs")
_MLFLOW_KEYS = frozenset(
    {
        utils.PROJECT_ENV_MANAGER,
        utils.PROJECT_SYNCHRONOUS,
        utils.PROJECT_DOCKER_ARGS,
        utils.PROJECT_STORAGE_DIR,
        utils.PROJECT_BUILD_IMAGE,
        utils.PROJECT_DOCKER_AUTH,
    }
)


class DatabricksJobsRun(SubmittedRun):
    """A job's run, as MLflow waits for it or cancels it."""

    def __init__(self, launcher: Launcher, started: Started) -> None:
        self._launcher = launcher
        self._started = started
        self._outcome: Outcome | None = None
        self._lock = threading.Lock()

    @property
    def run_id(self) -> str:
        """The MLflow run's id."""
        return self._started.record.run_id

    def wait(self) -> bool:
        """Watch the run to its end; whether it succeeded."""
        with self._lock:
            if self._outcome is None:
                self._outcome = self._launcher.follow(self._started)
                _tell_outcome(self._outcome)
        return self._outcome.status == records.FINISHED

    def get_status(self) -> str:
        """MLflow's word for where the run stands now."""
        if self._outcome:
            return self._outcome.status
        state = self._launcher.client.jobs.get_run(self._started.job_run_id).state
        if not state.is_over:
            return records.RUNNING
        return records.FINISHED if state.is_success else records.FAILED

    def cancel(self) -> None:
        """Cancel the run and wait until it is over."""
        self._launcher.cancel(self._started)


class DatabricksJobsBackend(AbstractBackend):
    """Runs MLflow projects as jobs, on clusters old and new and on serverless compute."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, object] | None,
        version: str | None,
        backend_config: Mapping[str, object],
        tracking_uri: str,
        experiment_id: str | None,
    ) -> DatabricksJobsRun:
        """Submit the project; under the `mlflow` command also watch it, since nobody else will."""
        if not tracking_uri.startswith("databricks"):
            raise MlflowException(
                "the backend databricks-jobs runs on Databricks, but MLflow tracks at"
                f" {tracking_uri}; set MLFLOW_TRACKING_URI=databricks"
            )
        given = {name: str(value) for name, value in (params or {}).items()}
        folder = Path(utils.fetch_and_validate_project(project_uri, version, entry_point, given))
        try:
            compute = _compute(backend_config)
            session = _open_session()
            experiment = _experiment_name(experiment_id)
            request = _request(folder, entry_point, given, session=session, experiment=experiment)
            return _launch(session, replace(request, cluster=compute, tags=_parent()))
        except MlopsError as error:
            lines = [error.message, error.hint]
            raise ExecutionException("\n".join(line for line in lines if line)) from error


def _open_session() -> Session:
    settings = load_settings()
    stack = ExitStack()
    session = stack.enter_context(open_session(settings, _log.info))
    # MLflow goes on to tag the run, so the connection stays until this process ends.
    atexit.register(stack.close)
    os.environ.update(mlflow_environment(session))
    _log.info(session.banner)
    return session


def _launch(session: Session, request: Request) -> DatabricksJobsRun:
    settings, tracking = session.settings, session.client.tracking
    folder, values = settings.project_folder, settings.values
    origin = read_origin(session.user, session.branch, folder=folder, values=values)
    order = plan_order(
        request,
        origin,
        lambda name, number: require_version(
            tracking, name, number=number, registry_uri=request.registry_uri
        ),
    )
    launcher = Launcher(session.client, _tell)
    run = DatabricksJobsRun(launcher, launcher.start(order))
    if click.get_current_context(silent=True) and not run.wait():
        raise ExecutionException(f"Run (ID '{run.run_id}') failed")
    return run


def _request(
    folder: Path, entry_point: str, params: Mapping[str, str], *, session: Session, experiment: str
) -> Request:
    settings = session.settings
    point = load_project(folder).entry_point(entry_point)
    wants_version = any(each.name == "model_version" for each in point.parameters)
    kind = SCORING if wants_version and "model_version" not in params else TRAINING
    own = experiment_path(session.user, session.branch, kind)
    return Request(
        kind=kind,
        folder=folder,
        source=_source(folder, settings.project_folder),
        experiment=workspace_path(experiment) if experiment else own,
        model_name=model_name(
            session.branch, settings.model_schema or "", settings.model_name or ""
        ),
        registry_uri=require_registry(settings),
        entry_point=entry_point,
        parameters=params,
        timeout=settings.run_timeout,
    )


def _source(folder: Path, project_folder: Path) -> str:
    inside = folder.is_relative_to(project_folder)
    return folder.relative_to(project_folder).as_posix() if inside else folder.name


def _compute(backend_config: Mapping[str, object]) -> Compute | None:
    """The compute given with `--backend-config`, None if only MLflow's own keys are there."""
    spec = {key: value for key, value in backend_config.items() if key not in _MLFLOW_KEYS}
    return parse_compute(spec, "--backend-config") if spec else None


def _experiment_name(experiment_id: str | None) -> str:
    """The name of the experiment that MLflow was told; empty if it was told none."""
    if experiment_id in {None, "", "0"}:
        return ""
    return str(MlflowClient().get_experiment(str(experiment_id)).name)


def _parent() -> dict[str, str]:
    parent = active_run()
    return {MLFLOW_PARENT_RUN_ID: parent.info.run_id} if parent else {}


def _tell(event: Event) -> None:
    for line in render_event(event):
        _log.info(line)


def _tell_outcome(outcome: Outcome) -> None:
    for line in render_trace(outcome.trace):
        _log.error(line)
    if outcome.error:
        _log.error(outcome.error)
    for line in render_outcome(outcome):
        _log.info(line)
