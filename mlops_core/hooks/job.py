"""The saved job of a hook: what it shall be, and whether it is so already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlops_core.naming import slug
from mlops_core.paths import WorkspacePath, join
from mlops_core.runs.compute import SERVERLESS, Compute

KIND_TAG = "mlops_hook"
PROJECT_TAG = "mlops_project"
BRANCH_TAG = "mlops_branch"
_ENVIRONMENT = "default"
_OPERATORS = (
    "description",
    "email_notifications",
    "webhook_notifications",
    "notification_settings",
    "health",
    "timeout_seconds",
    "queue",
)
"""Settings that are not ours: whatever operations have made of them stays."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a job runs; the service's own words."""

    cron: str
    zone: str
    is_paused: bool = False

    def settings(self) -> dict[str, object]:
        """The `schedule` of a job."""
        return {
            "quartz_cron_expression": self.cron,
            "timezone_id": self.zone,
            "pause_status": "PAUSED" if self.is_paused else "UNPAUSED",
        }


@dataclass(frozen=True, slots=True)
class Hook:
    """One pipeline of one branch that is to run by itself.

    ``parameters`` are what its notebook's widgets get; ``compute`` is the project's own.
    """

    kind: str
    notebook: str
    branch: str
    parameters: Mapping[str, str]
    compute: Compute

    @property
    def job_name(self) -> str:
        """The name of its job; each branch has its own."""
        return f"{self.notebook}-{slug(self.branch)}"

    @property
    def tags(self) -> dict[str, str]:
        """What tells its job from somebody else's of the same name."""
        return {
            KIND_TAG: self.kind,
            PROJECT_TAG: PurePosixPath(self.parameters["project"]).name,
            BRANCH_TAG: slug(self.branch),
        }


def plan_job(
    hook: Hook, place: WorkspacePath, *, wheel: WorkspacePath, schedule: Mapping[str, object]
) -> dict[str, object]:
    """The settings of the hook's job, which runs the copy at ``place``."""
    task: dict[str, object] = {
        "task_key": "hook",
        "notebook_task": {
            "notebook_path": join(place, hook.notebook),
            "source": "WORKSPACE",
            "base_parameters": dict(hook.parameters),
        },
    }
    settings: dict[str, object] = {
        "name": hook.job_name,
        "tags": hook.tags,
        "max_concurrent_runs": 1,
        "schedule": dict(schedule),
        "tasks": [task],
    }
    if hook.compute.kind == SERVERLESS:
        task["environment_key"] = _ENVIRONMENT
        version = (hook.compute.environment or {}).get("environment_version")
        spec = {"environment_version": version, "dependencies": [f"/Workspace{wheel}"]}
        settings["environments"] = [{"environment_key": _ENVIRONMENT, "spec": spec}]
    else:
        task.update(_smallest(hook.compute.task))
        task["libraries"] = [{"whl": f"/Workspace{wheel}"}]
    return settings


def merge_settings(wanted: Mapping[str, object], actual: Mapping[str, object]) -> dict[str, object]:
    """``wanted``, with what operations have set on the job that is there."""
    kept = {name: actual[name] for name in _OPERATORS if name in actual}
    return {**kept, **wanted}


def is_as_wanted(wanted: object, actual: object) -> bool:
    """Whether ``actual`` has all of ``wanted``; the service adds its defaults to what it got."""
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(
            is_as_wanted(value, actual.get(name)) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(is_as_wanted(*pair) for pair in zip(wanted, actual, strict=True))
        )
    return wanted == actual


def _smallest(task: Mapping[str, object]) -> dict[str, object]:
    """The project's compute for the hook itself, which only waits: a cluster without workers."""
    spec = task.get("new_cluster")
    if not isinstance(spec, Mapping):
        return dict(task)
    small = {name: value for name, value in spec.items() if name != "autoscale"}
    conf, tags = spec.get("spark_conf"), spec.get("custom_tags")
    small["num_workers"] = 0
    small["spark_conf"] = {
        **(conf if isinstance(conf, Mapping) else {}),
        "spark.databricks.cluster.profile": "singleNode",
        "spark.master": "local[*]",
    }
    small["custom_tags"] = {
        **(tags if isinstance(tags, Mapping) else {}),
        "ResourceClass": "SingleNode",
    }
    return {"new_cluster": small}
