"""Runs a project through any other project backend that MLflow knows, such as its `databricks`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.errors import RunError
from mlops_core.runs import record as records
from mlops_core.runs.events import Notify, Outcome, Said, ignore
from mlops_core.runs.order import Order, plan_tags

if TYPE_CHECKING:
    from mlflow.projects.submitted_run import SubmittedRun

_HINT = "see MLflow's documentation of that backend, or leave --backend out"


@dataclass(frozen=True, slots=True)
class OtherLauncher:
    """Hands an order to MLflow and waits; what can be watched is the backend's own affair.

    ``spec`` is what MLflow calls the backend configuration: the content of `cluster.json`.
    """

    backend: str
    spec: Mapping[str, object]
    env_manager: str | None = None
    notify: Notify = ignore

    def launch(self, order: Order) -> Outcome:
        """Run ``order``; raises RunError if MLflow or its backend refuses it."""
        import mlflow

        began = time.monotonic()
        self.notify(Said(f"handing over to MLflow's project backend {self.backend}"))
        submitted = self._submit(order)
        client = mlflow.MlflowClient()
        for key, value in plan_tags(order, self.backend).items():
            client.set_tag(submitted.run_id, key, value)
        status = records.RUNNING
        if order.is_waiting:
            status = records.FINISHED if submitted.wait() else records.FAILED
        failure = f"the backend {self.backend} reports a failure"
        return Outcome(
            run_id=submitted.run_id,
            run_url="",
            experiment=order.experiment,
            experiment_url="",
            status=status,
            seconds=time.monotonic() - began,
            compute=self.backend,
            metrics=client.get_run(submitted.run_id).data.metrics,
            model=order.model,
            error=failure if status == records.FAILED else "",
        )

    def _submit(self, order: Order) -> SubmittedRun:
        from mlflow.exceptions import MlflowException
        from mlflow.projects import run

        try:
            submitted: SubmittedRun = run(
                str(order.project.folder),
                order.point.name,
                parameters=dict(order.values),
                experiment_name=order.experiment,
                backend=self.backend,
                backend_config=dict(self.spec),
                synchronous=False,
                run_name=order.project.name,
                env_manager=self.env_manager,
            )
            return submitted
        except MlflowException as error:
            raise RunError(f"the backend {self.backend} refused: {error}", hint=_HINT) from error
