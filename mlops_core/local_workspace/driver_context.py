"""What surrounds a task's code on a driver: `dbutils`, `display`, and the runtime's modules.

Runs in the driver process. mlflow and databricks-sdk find the run through
`dbruntime.databricks_repl_context.get_context()`, as they do on a cluster.
"""

from __future__ import annotations

import json
import os
import sys
import time
import types
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_core.local_workspace.dbutils import DbUtils, Notebook, Widgets

_POLL = 0.5
_LIVE = {"PENDING", "RUNNING", "TERMINATING", "QUEUED", "BLOCKED"}


@dataclass(frozen=True, slots=True)
class DriverContext:
    """The names a notebook finds without importing them, and the runtime's own values."""

    dbutils: DbUtils
    values: Mapping[str, str]

    def names(self) -> dict[str, object]:
        """The global names of a notebook."""
        return {
            "dbutils": self.dbutils,
            "display": display,
            "displayHTML": display,
            "getArgument": self.dbutils.widgets.getArgument,
        }


def install(values: Mapping[str, str], widgets: Mapping[str, str]) -> DriverContext:
    """Make the runtime's modules importable in this process."""
    dbutils = DbUtils(Widgets(widgets), Notebook(values, run_other))
    context = DriverContext(dbutils, values)
    _install_modules(context)
    return context


def display(value: object = None, *_others: object, **_options: object) -> None:
    """Print ``value``, which a notebook would show as a table or a picture."""
    shown = value
    if hasattr(value, "toPandas"):  # a Spark data frame
        shown = value.limit(1000).toPandas()  # type: ignore[attr-defined]  # Spark's own methods
    print(shown)  # noqa: T201 - a notebook's output


def read_notebook(path: str) -> str:
    """The source of another notebook, as `%run` wants it."""
    answer = call("GET", "/api/2.0/workspace/export", path=path, format="SOURCE")
    import base64

    return base64.b64decode(str(answer["content"])).decode("utf-8")


def run_other(path: str, timeout_seconds: int = 0, arguments: object = None) -> str:
    """`dbutils.notebook.run`: another notebook as a run of its own; its exit value comes back."""
    task = {
        "task_key": "main",
        "notebook_task": {"notebook_path": path, "base_parameters": arguments or {}},
        "existing_cluster_id": "the-same",
    }
    submitted = call(
        "POST",
        "/api/2.1/jobs/runs/submit",
        {"run_name": path, "tasks": [task], "timeout_seconds": timeout_seconds},
    )
    while True:
        run = call("GET", "/api/2.1/jobs/runs/get", run_id=submitted["run_id"])
        state = _mapping(run["state"])
        if state["life_cycle_state"] not in _LIVE:
            break
        time.sleep(_POLL)
    if state.get("result_state") != "SUCCESS":
        raise RuntimeError(f"{path} failed: {state.get('state_message', '')}")
    task_run = _mapping(_sequence(run["tasks"])[0])["run_id"]
    output = call("GET", "/api/2.1/jobs/runs/get-output", run_id=task_run)
    return str(_mapping(output.get("notebook_output", {})).get("result", ""))


def call(
    method: str, route: str, body: Mapping[str, object] | None = None, **query: object
) -> Mapping[str, object]:
    """One request to the workspace with the run's own credentials; RuntimeError if refused."""
    url = os.environ["DATABRICKS_HOST"] + route
    if query:
        url += "?" + urllib.parse.urlencode(query)
    request = urllib.request.Request(url, method=method)  # noqa: S310 - the server's own address
    request.add_header("Authorization", f"Bearer {os.environ['DATABRICKS_TOKEN']}")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, data) as answer:
            return _mapping(json.load(answer))
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{route}: {error.read().decode('utf-8', 'replace')}") from None


def _install_modules(context: DriverContext) -> None:
    runtime = types.ModuleType("dbruntime")
    repl = types.ModuleType("dbruntime.databricks_repl_context")
    shared = _repl_context(context.values)
    setattr(repl, "get_context", lambda: shared)  # noqa: B010 - a module has no such attribute yet
    setattr(repl, "MLWorkloadsInstrumentation", None)  # noqa: B010 - likewise
    runtime.__path__ = []
    setattr(runtime, "databricks_repl_context", repl)  # noqa: B010 - likewise
    setattr(runtime, "UserNamespaceInitializer", _namespace(context))  # noqa: B010 - likewise
    sys.modules["dbruntime"] = runtime
    sys.modules["dbruntime.databricks_repl_context"] = repl


def _repl_context(values: Mapping[str, str]) -> types.SimpleNamespace:
    is_notebook = "notebookPath" in values
    return types.SimpleNamespace(
        **{name: values.get(name) for name in _REPL_NAMES},
        isInNotebook=is_notebook,
        isInJob=True,
        isInCluster=True,
        # Clients put https:// in front of it, which this server does not speak.
        workspaceUrl=None,
    )


_REPL_NAMES = (
    "aclPathOfAclRoot",
    "apiToken",
    "apiUrl",
    "browserHostName",
    "clusterId",
    "idInJob",
    "jobId",
    "jobTaskType",
    "jobType",
    "notebookId",
    "notebookPath",
    "userName",
    "workspaceId",
)


def _namespace(context: DriverContext) -> type:
    class UserNamespaceInitializer:
        """How `databricks.sdk.runtime` asks for the notebook's names."""

        @classmethod
        def getOrCreate(cls) -> UserNamespaceInitializer:  # noqa: N802 - the runtime's own name
            return cls()

        def get_namespace_globals(self) -> dict[str, object]:
            return context.names()

    return UserNamespaceInitializer


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"the workspace sent {value!r} where an object was expected")
    return value


def _sequence(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"the workspace sent {value!r} where a list was expected")
    return value
