"""From a task to its driver process, and from what that left behind to the task's end."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_core.local_workspace.compute import wanted_packages
from mlops_core.local_workspace.driver_environment import driver_environment
from mlops_core.local_workspace.driver_spec import DriverSpec
from mlops_core.local_workspace.packages import missing_requirements
from mlops_core.local_workspace.process import Driver, start_driver
from mlops_core.local_workspace.run_record import SUCCESS, RunRecord, RunStatus
from mlops_core.local_workspace.tree import Tree

LOG_LIMIT = 5 * 1024 * 1024
_WORKLOAD_FAILED = "Workload failed, see run output for details."


class TaskRefused(Exception):
    """The task cannot start; ``code`` is the termination code that the service would give."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.status = RunStatus("INTERNAL_ERROR", "FAILED", message, code)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts the tasks of runs on this machine. ``folder`` holds a folder for each task."""

    tree: Tree
    folder: Path
    address: Callable[[], tuple[str, str]]
    user: str
    workspace_id: str

    def start(self, run: RunRecord, task: RunRecord) -> Driver:
        """The task's process; TaskRefused when the service would fail the task before it runs."""
        self._check_packages(run, task)
        place = self.place(task.run_id)
        shutil.rmtree(place, ignore_errors=True)
        work, home = place / "work", self.folder / "home"
        for folder in (work, home):
            folder.mkdir(parents=True, exist_ok=True)
        spec = self._spec(run, task)
        spec_file = place / "task.json"
        spec_file.write_text(json.dumps(spec), encoding="utf-8")
        host, token = self.address()
        return start_driver(
            [sys.executable, str(Path(__file__).with_name("runner.py")), str(spec_file)],
            environment=driver_environment(os.environ, host=host, token=token, home=home),
            folder=self._working_folder(spec, work),
            output=self.output_file(task.run_id),
        )

    def ended(self, task: RunRecord, exit_status: int) -> RunRecord:
        """The task with how it ended, from what its driver wrote and its exit status."""
        place = self.place(task.run_id)
        outcome = _read_outcome(place / "result.json")
        shutil.rmtree(place / "work", ignore_errors=True)
        (place / "task.json").unlink(missing_ok=True)
        if outcome is not None and "error" not in outcome:
            return replace(task, status=SUCCESS, result=outcome.get("result"))
        failed = RunStatus("INTERNAL_ERROR", "FAILED", _WORKLOAD_FAILED, "RUN_EXECUTION_ERROR")
        if outcome is None:
            died = f"The driver ended without an answer (exit status {exit_status})."
            outcome = {"error": died, "error_trace": ""}
        return replace(
            task, status=failed, error=outcome["error"], error_trace=outcome["error_trace"]
        )

    def logs(self, task: RunRecord) -> tuple[str, bool]:
        """The last 5 MB of what the task printed, and whether there was more."""
        file = self.output_file(task.run_id)
        if not file.exists():
            return "", False
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - LOG_LIMIT))
            return stream.read().decode("utf-8", "replace"), size > LOG_LIMIT

    def place(self, task_id: int) -> Path:
        """The task's own folder."""
        return self.folder / str(task_id)

    def output_file(self, task_id: int) -> Path:
        """Where both streams of the task's process go, interleaved."""
        return self.place(task_id) / "output.txt"

    def _spec(self, run: RunRecord, task: RunRecord) -> DriverSpec:
        python = task.spec.get("spark_python_task")
        notebook = task.spec.get("notebook_task")
        spec = DriverSpec(result_file=str(self.place(task.run_id) / "result.json"))
        if isinstance(python, Mapping):
            spec |= self._script(python)
        elif isinstance(notebook, Mapping):
            spec |= self._notebook(notebook)
        spec["context"] = self._context(run, task, spec)
        return spec

    def _script(self, task: Mapping[str, object]) -> DriverSpec:
        path = str(task["python_file"])
        if path.startswith("dbfs:"):
            message = f"Public DBFS root is disabled. Access is denied on path: {path[5:]}"
            raise TaskRefused("RUN_EXECUTION_ERROR", message)
        node = self.tree.find(path)
        if node is None or node.kind != "FILE":
            why = "is not there" if node is None else f"is a {node.kind}, not a FILE"
            message = f"Cannot read the python file {path}: it {why}."
            raise TaskRefused("RESOURCE_NOT_FOUND", message)
        parameters = task.get("parameters")
        return DriverSpec(
            path=path,
            file=str(self.tree.local_path(path)),
            parameters=[self._local(one) for one in _list(parameters)],
        )

    def _notebook(self, task: Mapping[str, object]) -> DriverSpec:
        path = str(task["notebook_path"])
        node = self.tree.find(path)
        if node is None or node.kind != "NOTEBOOK":
            why = "there is no notebook of that path" if node is None else f"it is a {node.kind}"
            message = f'Unable to access the notebook "{path}" in the workspace: {why}.'
            raise TaskRefused("RESOURCE_NOT_FOUND", message)
        if node.language != "PYTHON":
            message = f"{path} is a {node.language} notebook; only Python ones run here."
            raise TaskRefused("INVALID_RUN_CONFIGURATION", message)
        given = task.get("base_parameters")
        parameters = given if isinstance(given, Mapping) else {}
        return DriverSpec(
            path=path.removeprefix("/Workspace"),
            source=self.tree.read_source(node),
            widgets={str(key): self._local(value) for key, value in parameters.items()},
        )

    def _local(self, parameter: object) -> str:
        """`/Workspace/…` becomes the place where this machine keeps that object."""
        text = str(parameter)
        return str(self.tree.local_path(text)) if text.startswith("/Workspace/") else text

    def _context(self, run: RunRecord, task: RunRecord, spec: DriverSpec) -> dict[str, str]:
        host, token = self.address()
        context = {
            "apiUrl": host,
            "apiToken": token,
            "browserHostName": host.partition("://")[2],
            "clusterId": str(task.spec.get("existing_cluster_id", f"local-{run.run_id}")),
            "idInJob": str(run.run_id),
            "currentRunId": str(task.run_id),
            "jobId": str(run.job_id),
            "jobTaskType": "notebook" if "source" in spec else "python",
            "jobType": "NORMAL" if run.run_type == "JOB_RUN" else "EPHEMERAL",
            "userName": self.user,
            "workspaceId": self.workspace_id,
        }
        if "source" in spec and (node := self.tree.find(spec["path"])):
            context["notebookPath"] = spec["path"]
            context["notebookId"] = str(node.object_id)
            context["aclPathOfAclRoot"] = f"/workspace/{node.object_id}"
        return context

    def _working_folder(self, spec: DriverSpec, work: Path) -> Path:
        """A notebook runs in its own folder (as from runtime 14 on), a script in an empty one."""
        if "source" not in spec:
            return work
        folder = self.tree.local_path(spec["path"]).parent
        return folder if folder.is_dir() else work

    def _check_packages(self, run: RunRecord, task: RunRecord) -> None:
        wanted = wanted_packages(task.spec, _list(run.spec.get("environments")))
        if missing := missing_requirements(wanted):
            raise TaskRefused(
                "LIBRARY_INSTALLATION_ERROR",
                f"Library installation failed: {'; '.join(missing)}. The embedded workspace uses "
                "what is installed beside it and installs nothing itself.",
            )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _read_outcome(file: Path) -> Mapping[str, str] | None:
    try:
        outcome: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return outcome
