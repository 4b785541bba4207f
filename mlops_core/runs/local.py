"""Runs a project on this machine through MLflow's own `local` backend, off Databricks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mlops_core.errors import RunError
from mlops_core.registry import choose_version
from mlops_core.runs import record as records
from mlops_core.runs.events import Created, MetricsLogged, Notify, Outcome, Said, ignore
from mlops_core.runs.order import Order, plan_tags
from mlops_core.workspace.model import ModelVersion
from mlops_core.workspace.retry import Clock, SystemClock

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.projects.submitted_run import LocalSubmittedRun

BACKEND = "local"
ENV_MANAGERS = ("local", "virtualenv", "uv", "conda")
_POLL = 0.2
_METRICS_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class LocalLauncher:
    """Starts runs as processes of this machine, recorded at MLflow's own tracking URI.

    ``artifacts`` is the folder for artifacts where the tracking store has none of its own.
    """

    env_manager: str = "local"
    artifacts: Path | None = None
    notify: Notify = ignore
    clock: Clock = field(default_factory=SystemClock)

    def require_version(self, name: str, number: str = "") -> ModelVersion:
        """Version ``number`` of the model ``name``, or its newest; RegistryError if none is."""
        return choose_version(self._versions(name), name, number)

    def launch(self, order: Order) -> Outcome:
        """Run ``order`` to its end; Ctrl-C ends it and marks the MLflow run KILLED."""
        from mlflow import MlflowClient

        client = MlflowClient()
        began = self.clock.now()
        experiment_id = self._experiment(client, order.experiment)
        tags = plan_tags(order, BACKEND)
        run = client.create_run(
            experiment_id, tags=tags, run_name=order.project.name, start_time=_now()
        )
        run_id = run.info.run_id
        self.notify(Created(run_id, "", order.experiment, ""))
        status, error = self._run(client, order, experiment_id, run_id)
        is_success = status == records.FINISHED
        return Outcome(
            run_id=run_id,
            run_url="",
            experiment=order.experiment,
            experiment_url="",
            status=status,
            seconds=self.clock.now() - began,
            compute="this machine",
            metrics=client.get_run(run_id).data.metrics,
            model=self._model(order, run_id) if is_success else None,
            error=error,
            is_timed_out=status == records.KILLED,
        )

    def _run(
        self, client: MlflowClient, order: Order, experiment_id: str, run_id: str
    ) -> tuple[str, str]:
        submitted: LocalSubmittedRun | None = None
        try:
            submitted = self._submit(order, experiment_id, run_id)
            status, error = self._watch(client, order, submitted)
        except KeyboardInterrupt:
            if submitted is not None:
                self.notify(Said("interrupted: ending the run"))
                submitted.cancel()
            _end(client, run_id, records.KILLED, "interrupted")
            raise
        _end(client, run_id, status, error)
        return status, error

    def _submit(self, order: Order, experiment_id: str, run_id: str) -> LocalSubmittedRun:
        from mlflow.exceptions import MlflowException
        from mlflow.projects import utils
        from mlflow.projects.backend.loader import load_backend

        config = {
            utils.PROJECT_ENV_MANAGER: self.env_manager,
            utils.PROJECT_SYNCHRONOUS: True,
            utils.PROJECT_DOCKER_ARGS: None,
            utils.PROJECT_STORAGE_DIR: None,
            utils.PROJECT_BUILD_IMAGE: False,
            utils.PROJECT_DOCKER_AUTH: None,
            utils.MLFLOW_LOCAL_BACKEND_RUN_ID_CONFIG: run_id,
        }
        folder, values = str(order.project.folder), dict(order.values)
        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        try:
            # mlflow.run would wait by itself, and tell nothing meanwhile.
            started = load_backend(BACKEND).run(
                folder, order.point.name, values, None, config, uri, experiment_id
            )
            return cast("LocalSubmittedRun", started)
        except MlflowException as error:
            raise RunError(f"MLflow refused the run: {error}", hint="see docs/runs.md") from error

    def _watch(
        self, client: MlflowClient, order: Order, submitted: LocalSubmittedRun
    ) -> tuple[str, str]:
        deadline = self.clock.now() + order.timeout * 60 if order.timeout else None
        seen: dict[str, float] = {}
        metrics_at = self.clock.now() + _METRICS_EVERY
        while submitted.command_proc.poll() is None:
            self.clock.sleep(_POLL)
            if deadline is not None and self.clock.now() >= deadline:
                submitted.cancel()
                return (
                    records.KILLED,
                    f"the run took longer than {order.timeout:g} minutes and was ended",
                )
            if self.clock.now() >= metrics_at:
                self._tell_metrics(client, submitted.run_id, seen)
                metrics_at = self.clock.now() + _METRICS_EVERY
        self._tell_metrics(client, submitted.run_id, seen)
        code = submitted.command_proc.returncode
        if code == 0:
            return records.FINISHED, ""
        return records.FAILED, f"the command ended with status {code}"

    def _tell_metrics(self, client: MlflowClient, run_id: str, seen: dict[str, float]) -> None:
        metrics = client.get_run(run_id).data.metrics
        changed = {key: value for key, value in metrics.items() if seen.get(key) != value}
        if changed:
            seen.update(changed)
            self.notify(MetricsLogged(changed))

    def _experiment(self, client: MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is None:
            location = (self.artifacts / name.strip("/")).as_uri() if self.artifacts else None
            return str(client.create_experiment(name, artifact_location=location))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _model(self, order: Order, run_id: str) -> ModelVersion | None:
        if order.model or not order.model_name:
            return order.model
        found = self._versions(order.model_name)
        return next((version for version in found if version.run_id == run_id), None)

    def _versions(self, name: str) -> list[ModelVersion]:
        from mlflow import MlflowClient

        found = MlflowClient().search_model_versions(f"name='{name}'")
        versions = [
            ModelVersion(name, int(each.version), each.run_id or "", each.status) for each in found
        ]
        return sorted(versions, key=lambda version: version.version, reverse=True)


def _end(client: MlflowClient, run_id: str, status: str, reason: str) -> None:
    if reason:
        client.set_tag(run_id, records.REASON, reason)
    if client.get_run(run_id).info.status != status:
        client.set_terminated(run_id, status)


def _now() -> int:
    return int(time.time() * 1000)
