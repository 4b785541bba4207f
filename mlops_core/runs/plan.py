"""From what the user asks for to an order: everything read and checked, nothing started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_core.paths import WorkspacePath
from mlops_core.runs.compute import FILE_NAME, Compute, load_compute
from mlops_core.runs.dependencies import load_dependencies
from mlops_core.runs.order import Order
from mlops_core.runs.origin import Origin
from mlops_core.runs.parameters import check_parameters
from mlops_core.runs.project import DEFAULT_ENTRY_POINT, EntryPoint, load_project
from mlops_core.workspace.model import ModelVersion

TRAINING = "training"
SCORING = "scoring"

FindModel = Callable[[str, str], ModelVersion]
"""Gives a version of the named model: the numbered one, or with "" the newest; else raises."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for; ``source`` is the project folder as messages shall call it.

    ``needs_compute`` is false where the run happens on this machine and no cluster is needed.
    """

    kind: str
    folder: Path
    source: str
    experiment: WorkspacePath
    model_name: str
    registry_uri: str = ""
    entry_point: str = DEFAULT_ENTRY_POINT
    parameters: Mapping[str, str] = field(default_factory=dict)
    cluster: Path | Compute | None = None
    needs_compute: bool = True
    timeout: float | None = None
    is_waiting: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


def plan_order(request: Request, origin: Origin, find_model: FindModel) -> Order:
    """Read and check the project; for scoring, find the model. Raises what the user can mend."""
    project = load_project(request.folder)
    point = project.entry_point(request.entry_point)
    compute = _compute(request) if request.needs_compute else None
    dependencies = load_dependencies(project.environment_file, project.folder)
    name = request.parameters.get("model_name", request.model_name)
    model = None
    if request.kind == SCORING:
        model = find_model(name, request.parameters.get("model_version", ""))
    given = {**_filled(point, name, model, origin), **request.parameters}
    return Order(
        project=project,
        point=point,
        values=check_parameters(point, given),
        source=request.source,
        origin=origin,
        experiment=request.experiment,
        compute=compute,
        dependencies=dependencies,
        registry_uri=request.registry_uri,
        model_name=name,
        model=model,
        timeout=request.timeout,
        is_waiting=request.is_waiting,
        tags=request.tags,
    )


def _compute(request: Request) -> Compute:
    if isinstance(request.cluster, Compute):
        return request.cluster
    return load_compute(request.cluster or request.folder / FILE_NAME)


def _filled(
    point: EntryPoint, name: str, model: ModelVersion | None, origin: Origin
) -> dict[str, str]:
    """What a project need not be told, if it declares these parameters."""
    version = str(model.version) if model else ""
    known = {"model_name": name, "model_version": version, "branch": origin.branch}
    declared = {parameter.name for parameter in point.parameters}
    return {key: value for key, value in known.items() if value and key in declared}
