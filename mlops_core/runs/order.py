"""What shall run, checked and complete: the value that every backend gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.paths import WorkspacePath
from mlops_core.runs.compute import Compute
from mlops_core.runs.dependencies import Dependencies
from mlops_core.runs.origin import Origin
from mlops_core.runs.project import EntryPoint, Project
from mlops_core.workspace.model import ModelVersion


@dataclass(frozen=True, slots=True)
class Order:
    """One run to be.

    ``source`` is the project folder as messages shall call it, ``model_name`` the registered
    model that it makes or (with ``model``) uses, ``timeout`` is in minutes.
    """

    project: Project
    point: EntryPoint
    values: Mapping[str, str]
    source: str
    origin: Origin
    experiment: WorkspacePath
    compute: Compute | None = None
    dependencies: Dependencies = field(default_factory=Dependencies)
    registry_uri: str = ""
    model_name: str = ""
    model: ModelVersion | None = None
    timeout: float | None = None
    is_waiting: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


def plan_tags(order: Order, backend: str) -> dict[str, str]:
    """The tags of the MLflow run: MLflow's own names where it has them, else `mlops.…`. Pure."""
    origin = order.origin
    tags = {
        "mlflow.user": origin.user,
        "mlflow.source.name": order.source,
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": order.point.name,
        "mlflow.project.backend": backend,
        "mlflow.source.git.commit": origin.commit,
        "mlflow.source.git.branch": origin.branch,
        "mlops.user": origin.user,
        "mlops.branch": origin.branch,
        "mlops.commit": origin.commit,
        "mlops.dirty": str(origin.is_dirty).lower() if origin.commit else "",
        "mlops.pull_request": origin.pull_request,
        "mlops.build_url": origin.build_url,
        "mlops.compute": order.compute.title if order.compute else "this machine",
    }
    return {name: value for name, value in {**tags, **order.tags}.items() if value}
