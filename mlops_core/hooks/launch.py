"""What a hook does inside a workspace: run its pipeline, as its widgets say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlops_core.errors import UsageError
from mlops_core.naming import experiment_path, model_name
from mlops_core.paths import workspace_path
from mlops_core.registry import UNITY_CATALOG, require_version
from mlops_core.runs.compute import Compute, parse_compute
from mlops_core.runs.events import Notify, Outcome, ignore
from mlops_core.runs.launch import Launcher
from mlops_core.runs.origin import Origin
from mlops_core.runs.plan import Request, plan_order
from mlops_core.session import Session

_SERVERLESS = {"serverless": {"environment_version": "2"}}


@dataclass(frozen=True, slots=True)
class HookRun:
    """What a hook was told: its widgets' values, with empty ones standing for the defaults."""

    kind: str
    values: Mapping[str, str]

    def value(self, name: str) -> str:
        """A widget's value, empty if it has none."""
        return self.values.get(name, "").strip()


def launch_hook(session: Session, hook: HookRun, notify: Notify = ignore) -> Outcome:
    """Run the hook's project and wait for it."""
    branch = hook.value("branch") or session.branch
    user = hook.value("user") or session.user
    model = hook.value("model_name") or model_name(branch)
    experiment = hook.value("experiment") or experiment_path(user, branch, hook.kind)
    registry_uri = UNITY_CATALOG if model.count(".") == 2 else "databricks"
    folder = Path(hook.value("project"))
    request = Request(
        kind=hook.kind,
        folder=folder.resolve(),
        source=folder.as_posix(),
        experiment=workspace_path(experiment),
        model_name=model,
        registry_uri=registry_uri,
        cluster=parse_cluster(hook.value("cluster")),
        tags={"mlops.user": user},
    )
    origin = Origin(user=session.user, branch=branch, commit=hook.value("commit"))
    tracking = session.client.tracking
    find = partial(require_version, tracking, registry_uri=registry_uri)
    order = plan_order(request, origin, lambda name, number: find(name, number=number))
    return Launcher(session.client, notify).launch(order)


def parse_cluster(text: str) -> Compute | None:
    """A widget's compute: a cluster's id, `serverless`, or what cluster.json may hold.

    None for an empty text: the project's own cluster.json. Raises UsageError or ProjectError.
    """
    if not text:
        return None
    if text == "serverless":
        return parse_compute(_SERVERLESS, "the widget cluster")
    if not text.startswith("{"):
        return parse_compute({"existing_cluster_id": text}, "the widget cluster")
    try:
        return parse_compute(json.loads(text), "the widget cluster")
    except ValueError as error:
        raise UsageError(
            f"the widget cluster is no valid JSON: {error}",
            hint="give a cluster's id, serverless, or JSON as in cluster.json",
        ) from None
