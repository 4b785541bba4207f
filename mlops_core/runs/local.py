"""Runs a project on this machine through MLflow's own `local` backend."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.errors import UsageError
from mlops_core.registry import choose_version
from mlops_core.runs import record as records
from mlops_core.runs.child import Child
from mlops_core.runs.events import Created, MetricsLogged, Notify, Outcome, Printed, Said, ignore
from mlops_core.runs.order import Order, plan_tags
from mlops_core.workspace.model import ModelVersion
from mlops_core.workspace.retry import Clock, SystemClock

if TYPE_CHECKING:
    from mlflow import MlflowClient

BACKEND = "local"
ENV_MANAGERS = ("local", "virtualenv", "uv", "conda")
_POLL = 0.1
_METRICS_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class LocalLauncher:
    """Starts runs as processes of this machine, recorded where MLflow's environment says.

    ``environ`` is for those processes; ``artifacts`` is the folder for artifacts where the
    tracking store has none of its own; ``url`` is the store's address in the browser, if any.
    """

    environ: Mapping[str, str]
    env_manager: str = BACKEND
    artifacts: Path | None = None
    url: str = ""
    notify: Notify = ignore
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        if self.env_manager not in ENV_MANAGERS:
            raise UsageError(
                f"--env-manager {self.env_manager}: MLflow has no such environment manager",
                hint=f"use one of {', '.join(ENV_MANAGERS)}",
            )

    def launch(self, order: Order) -> Outcome:
        """Run ``order`` to its end; Ctrl-C ends it and marks the MLflow run KILLED."""
        from mlflow import MlflowClient

        client = MlflowClient()
        began = self.clock.now()
        experiment_id = self._experiment(client, order.experiment)
        tags = plan_tags(order, BACKEND)
        name, started_at = order.project.name, int(time.time() * 1000)
        run = client.create_run(experiment_id, started_at, tags=tags, run_name=name)
        run_id = run.info.run_id
        experiment_url = f"{self.url}/experiments/{experiment_id}" if self.url else ""
        run_url = f"{experiment_url}/runs/{run_id}" if self.url else ""
        self.notify(Created(run_id, run_url, order.experiment, experiment_url))
        status, error = self._run(client, order, experiment_id, run_id)
        return Outcome(
            run_id=run_id,
            run_url=run_url,
            experiment=order.experiment,
            experiment_url=experiment_url,
            status=status,
            seconds=self.clock.now() - began,
            compute="this machine",
            metrics=client.get_run(run_id).data.metrics,
            artifacts=tuple(_artifacts(client, run_id)),
            model=self._model(order, run_id) if status == records.FINISHED else None,
            error=error,
            is_timed_out=status == records.KILLED,
        )

    def _run(
        self, client: MlflowClient, order: Order, experiment_id: str, run_id: str
    ) -> tuple[str, str]:
        command = _command(order, self.env_manager, experiment_id=experiment_id, run_id=run_id)
        child = Child(command, order.project.folder, self.environ)
        watched = _Watched(client, run_id, self.notify)
        try:
            status, error = self._watch(order, child, watched)
        except KeyboardInterrupt:
            self.notify(Said("interrupted: ending the run"))
            child.stop()
            watched.end(records.KILLED, "interrupted")
            self.notify(Said("the run is ended"))
            raise
        watched.end(status, error)
        logged = client.get_run(run_id).data.params
        given = {name: value for name, value in order.values.items() if value}
        for name in given.keys() - logged.keys():
            client.log_param(run_id, name, given[name])
        return status, error

    def _watch(self, order: Order, child: Child, watched: _Watched) -> tuple[str, str]:
        deadline = self.clock.now() + order.timeout * 60 if order.timeout else None
        metrics_at = 0.0
        while (code := child.code) is None:
            self.clock.sleep(_POLL)
            watched.tell_output(child.new_lines())
            if self.clock.now() >= metrics_at:
                watched.tell_metrics()
                metrics_at = self.clock.now() + _METRICS_EVERY
            if deadline is not None and self.clock.now() >= deadline:
                child.stop()
                minutes = f"{order.timeout:g} minutes"
                return records.KILLED, f"the run took longer than {minutes} and was ended"
        watched.tell_output(child.new_lines())
        watched.tell_metrics()
        if code == 0:
            return records.FINISHED, ""
        return records.FAILED, f"the command of entry point {order.point.name} failed"

    def _experiment(self, client: MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is None:
            location = (self.artifacts / name.strip("/")).as_uri() if self.artifacts else None
            return str(client.create_experiment(name, artifact_location=location))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
            self.notify(Said(f"experiment {name} had been deleted; it is restored"))
        return str(found.experiment_id)

    def _model(self, order: Order, run_id: str) -> ModelVersion | None:
        if order.model or not order.model_name:
            return order.model
        found = find_versions(order.model_name)
        return next((version for version in found if version.run_id == run_id), None)


class _Watched:
    """The MLflow run of a child process, and what was told of it."""

    def __init__(self, client: MlflowClient, run_id: str, notify: Notify) -> None:
        self._client = client
        self._run_id = run_id
        self._notify = notify
        self._metrics: dict[str, float] = {}
        self._output: list[str] = []

    def tell_output(self, lines: tuple[str, ...]) -> None:
        """Tell ``lines``, and keep them for the end."""
        if lines:
            self._output.extend(lines)
            self._notify(Printed(lines))

    def tell_metrics(self) -> None:
        """Tell the metrics that are new or have another value."""
        found = self._client.get_run(self._run_id).data.metrics
        changed = {key: value for key, value in found.items() if self._metrics.get(key) != value}
        if changed:
            self._metrics.update(changed)
            self._notify(MetricsLogged(changed))

    def end(self, status: str, reason: str) -> None:
        """Keep the output as an artifact, and end the run with the true ``status``."""
        if self._output:
            self._client.log_text(self._run_id, "\n".join(self._output) + "\n", "output.txt")
        if reason:
            self._client.set_tag(self._run_id, records.REASON, reason)
        if self._client.get_run(self._run_id).info.status != status:
            self._client.set_terminated(self._run_id, status)


def _artifacts(client: MlflowClient, run_id: str) -> Iterator[str]:
    for each in client.list_artifacts(run_id):
        yield f"{each.path}/" if each.is_dir else each.path


def find_versions(name: str) -> list[ModelVersion]:
    """The versions of the model ``name`` in the registry of MLflow's environment, newest first."""
    from mlflow import MlflowClient

    found = MlflowClient().search_model_versions(f"name='{name}'")
    versions = [
        ModelVersion(name, int(each.version), each.run_id or "", each.status) for each in found
    ]
    return sorted(versions, key=lambda version: version.version, reverse=True)


def newest_or_numbered(name: str, number: str = "") -> ModelVersion:
    """Version ``number`` of the model ``name``, or its newest; RegistryError if there is none."""
    return choose_version(find_versions(name), name, number)


def local_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` for a project's process: our Python first, and output that comes at once."""
    path = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
    return {**environ, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _command(order: Order, env_manager: str, *, experiment_id: str, run_id: str) -> list[str]:
    # its current folder: in a path, MLflow takes # for the mark of a folder in a repository
    command = [sys.executable, "-m", "mlflow", "run", "."]
    command += ["-e", order.point.name, "--env-manager", env_manager]
    command += ["--experiment-id", experiment_id, "--run-id", run_id]
    for name, value in order.values.items():
        command += ["-P", f"{name}={value}"]
    return command
