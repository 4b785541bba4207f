"""The body of `runs/submit`: one Python task on whatever compute the project names. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mlops_core.errors import ProjectError
from mlops_core.paths import WorkspacePath
from mlops_core.runs.order import Order
from mlops_core.runs.parameters import python_words, render_command
from mlops_core.runs.upload import Upload

_ENVIRONMENT = "project"
_PARAMETERS_LIMIT = 10_000
_TIMEOUT_MARGIN = 120


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run is recorded: its MLflow run, and the folder for its output files."""

    run_id: str
    experiment_id: str
    output: WorkspacePath


def plan_submission(order: Order, upload: Upload, target: Target, token: str) -> dict[str, object]:
    """What `runs/submit` gets; ``token`` makes a repeated request start nothing twice."""
    compute = order.compute
    if compute is None:
        raise ProjectError("it is not known on what to run", hint="add a cluster.json")
    task: dict[str, object] = {
        "task_key": re.sub(r"[^A-Za-z0-9_-]", "-", order.point.name)[:100],
        "spark_python_task": {
            "python_file": upload.entry_point,
            "source": "WORKSPACE",
            "parameters": plan_arguments(order, upload, target),
        },
        **compute.task,
    }
    body: dict[str, object] = {
        "run_name": f"{order.project.name} {order.origin.branch}".strip(),
        "tasks": [task],
        "idempotency_token": token,
    }
    if compute.environment is not None:
        task["environment_key"] = _ENVIRONMENT
        body["environments"] = [_environment(order, upload)]
    elif libraries := _libraries(order, upload):
        task["libraries"] = libraries
    if order.timeout is not None:
        # Whoever waits cancels by itself, in time; the service does it if nobody waits.
        margin = _TIMEOUT_MARGIN if order.is_waiting else 0
        body["timeout_seconds"] = math.ceil(order.timeout * 60) + margin
    return body


def plan_arguments(order: Order, upload: Upload, target: Target) -> list[str]:
    """What `entry_point.py` is told. Each word of a Python command is an argument of its own."""
    arguments = ["--project", upload.project, "--source", order.source]
    arguments += ["--run-id", target.run_id, "--experiment-id", target.experiment_id]
    arguments += ["--tracking-uri", "databricks"]
    if order.registry_uri:
        arguments += ["--registry-uri", order.registry_uri]
    arguments += ["--output", f"/Workspace{target.output}"]
    command = render_command(order.point, order.values)
    words = python_words(command)
    arguments += ["--shell", command] if words is None else ["--python", *words]
    if sum(len(argument.encode()) + 3 for argument in arguments) > _PARAMETERS_LIMIT:
        raise ProjectError(
            f"the command of entry point {order.point.name} is too long for a job's parameters",
            hint="put long values into a file of the project",
        )
    return arguments


def _libraries(order: Order, upload: Upload) -> list[object]:
    assert order.compute is not None  # noqa: S101 - the caller has looked
    packages = [{"pypi": {"package": package}} for package in order.dependencies.packages]
    wheels = [{"whl": _place(wheel, upload)} for wheel in order.dependencies.files]
    return [*packages, *wheels, *order.compute.libraries]


def _environment(order: Order, upload: Upload) -> dict[str, object]:
    assert order.compute is not None and order.compute.environment is not None  # noqa: S101 - same
    spec = dict(order.compute.environment)
    given = spec.get("dependencies")
    wheels = [_place(wheel, upload) for wheel in order.dependencies.files]
    listed = [*order.dependencies.packages, *wheels, *(given if isinstance(given, list) else [])]
    return {"environment_key": _ENVIRONMENT, "spec": {**spec, "dependencies": listed}}


def _place(wheel: str, upload: Upload) -> str:
    return wheel if wheel.startswith("/") else f"{upload.project}/{wheel.removeprefix('./')}"
