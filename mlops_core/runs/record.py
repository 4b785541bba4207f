"""The MLflow run of an order: created before anything is submitted, ended with the truth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_core.errors import AccessDenied
from mlops_core.paths import name, parent
from mlops_core.runs.events import Notify, Said
from mlops_core.runs.order import Order, plan_tags
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import TrackedRun
from mlops_core.workspace.tracking import Tracking

FINISHED = "FINISHED"
FAILED = "FAILED"
KILLED = "KILLED"
RUNNING = "RUNNING"
REASON = "mlops.reason"
JOB_URL = "mlops.job_url"
UPLOAD = "mlops.upload"
_TAG_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Record:
    """Where a run is recorded, and the addresses that show it in the browser."""

    run_id: str
    experiment_id: str
    experiment: str
    host: str

    @property
    def experiment_url(self) -> str:
        """The experiment's page."""
        return f"{self.host}/ml/experiments/{self.experiment_id}"

    @property
    def run_url(self) -> str:
        """The run's page."""
        return f"{self.experiment_url}/runs/{self.run_id}"


def create_record(client: WorkspaceClient, order: Order, backend: str, notify: Notify) -> Record:
    """Make the experiment, if need be, and a run in it."""
    try:
        experiment = client.tracking.ensure_experiment(order.experiment)
    except AccessDenied as error:
        own = f"/Users/{order.origin.user}/{name(order.experiment)}"
        error.hint = f"ask for the right to {parent(order.experiment)}, or give --experiment {own}"
        raise
    if experiment.is_restored:
        notify(Said(f"experiment {experiment.name} had been deleted; it is restored"))
    run_id = client.tracking.create_run(
        experiment.experiment_id,
        order.project.name,
        tags=plan_tags(order, backend),
        started_at=int(time.time() * 1000),
    )
    return Record(run_id, experiment.experiment_id, experiment.name, client.host)


def end_record(tracking: Tracking, run_id: str, status: str, reason: str = "") -> None:
    """End the run as ``status``, with the reason as a tag, unless it says so already."""
    if reason:
        tracking.set_tags(run_id, {REASON: reason[:_TAG_LIMIT]})
    if tracking.get_run(run_id).status != status:
        tracking.end_run(run_id, status)


def complete_params(tracking: Tracking, run_id: str, values: Mapping[str, str]) -> TrackedRun:
    """Log the parameters that the project was given and did not log itself, as MLflow does.

    MLflow does it before the run, so that a project which logs `0.001` for `1e-3` fails there.
    """
    tracked = tracking.get_run(run_id)
    given = {name: value for name, value in values.items() if value}
    missing = {name: given[name] for name in given.keys() - tracked.params.keys()}
    if missing:
        tracking.log_params(run_id, missing)
    return tracked
