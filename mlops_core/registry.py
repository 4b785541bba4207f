"""Versions of registered models: find the newest, or say how to get one."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_core.errors import RegistryError
from mlops_core.workspace.model import ModelVersion
from mlops_core.workspace.tracking import Tracking

TRAINING_COMMAND = "python mlflow_triggers/start_training_devops.py"
UNITY_CATALOG = "databricks-uc"


def latest_version(tracking: Tracking, name: str, *, registry_uri: str = "") -> ModelVersion | None:
    """The newest version of the model ``name`` that can be used, or None."""
    found = tracking.model_versions(name, is_unity=registry_uri.startswith(UNITY_CATALOG))
    return next((version for version in found if _is_usable(version)), None)


def require_version(
    tracking: Tracking, name: str, *, number: str = "", registry_uri: str = ""
) -> ModelVersion:
    """Version ``number`` of the model ``name``, or its newest; RegistryError if there is none."""
    found = tracking.model_versions(name, is_unity=registry_uri.startswith(UNITY_CATALOG))
    return choose_version(found, name, number)


def choose_version(found: Sequence[ModelVersion], name: str, number: str = "") -> ModelVersion:
    """The one of ``found``, newest first, that ``number`` means; RegistryError if none does."""
    usable = [version for version in found if _is_usable(version)]
    if not usable:
        raise missing_model(name)
    if number in {"", "latest"}:
        return usable[0]
    for version in usable:
        if str(version.version) == number:
            return version
    raise RegistryError(
        f"the registered model {name} has no version {number}",
        hint=f"its newest is {usable[0].version}",
    )


def missing_model(name: str) -> RegistryError:
    """What is said when a model is needed and there is none."""
    return RegistryError(
        f"there is no registered model {name}",
        hint=f"train one first: {TRAINING_COMMAND}",
    )


def version_of_run(
    tracking: Tracking, name: str, run_id: str, *, registry_uri: str = ""
) -> ModelVersion | None:
    """The newest version of the model ``name`` that the MLflow run ``run_id`` made, or None."""
    found = tracking.model_versions(name, is_unity=registry_uri.startswith(UNITY_CATALOG))
    return next((version for version in found if version.run_id == run_id), None)


def _is_usable(version: ModelVersion) -> bool:
    return version.status in {"", "READY", "MODEL_VERSION_STATUS_UNKNOWN"}
