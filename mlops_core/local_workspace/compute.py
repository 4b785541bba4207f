"""Which compute a request asks for, and whether the service would refuse it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from mlops_core.local_workspace.replies import ApiError, invalid
from mlops_core.local_workspace.switches import Switches


def check_allowed(switches: Switches, body: Mapping[str, object]) -> None:
    """Refuse what a policy or a quota would refuse, where a test has switched them on."""
    if switches.is_on("quota"):
        raise ApiError(
            400,
            "QUOTA_EXCEEDED",
            "The quota for the number of jobs has been reached. The current quota is 10000.",
        )
    if switches.is_on("policy") and "new_cluster" in json.dumps(body):
        raise invalid(
            "Cluster validation error: Validation failed for node_type_id, the value is not "
            "allowed by the cluster policy"
        )


def wanted_packages(task: Mapping[str, object], environments: Iterable[object]) -> list[str]:
    """What a task's `libraries`, and the environment that it names, ask pip for."""
    wanted = []
    libraries = task.get("libraries")
    for library in libraries if isinstance(libraries, list) else []:
        if isinstance(library, Mapping):
            wanted += _library(library)
    key = task.get("environment_key")
    for environment in environments:
        if isinstance(environment, Mapping) and environment.get("environment_key") == key:
            spec = environment.get("spec")
            dependencies = spec.get("dependencies") if isinstance(spec, Mapping) else None
            wanted += [str(one) for one in dependencies or []]
    return wanted


def _library(library: Mapping[str, object]) -> list[str]:
    pypi = library.get("pypi")
    if isinstance(pypi, Mapping):
        return [str(pypi.get("package", ""))]
    return [str(library["whl"])] if "whl" in library else []
