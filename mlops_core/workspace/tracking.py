"""Experiments, runs and model versions over MLflow's public REST API (databricks_api 9)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from mlops_core.errors import AlreadyExists, NotFound
from mlops_core.paths import WorkspacePath, parent
from mlops_core.workspace.call import Call
from mlops_core.workspace.fields import Fields
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.model import Experiment, MetricPoint, ModelVersion, TrackedRun

_BY_NAME = "mlflow/experiments/get-by-name"
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Tracking:
    """MLflow without mlflow: plain requests, so that a command starts at once."""

    http: HttpClient

    def find_experiment(self, name: WorkspacePath) -> Experiment | None:
        """The experiment of that name, a deleted one included; None if there is none."""
        try:
            answer = self.http.get(_BY_NAME, experiment_name=name)
        except NotFound:
            return None
        found = Fields(_BY_NAME, answer.json).required_part("experiment")
        is_deleted = found.text("lifecycle_stage", "active") == "deleted"
        return Experiment(found.text("experiment_id"), found.text("name"), is_deleted)

    def search_experiments(self, like: str) -> tuple[Experiment, ...]:
        """The active experiments whose names match, with `%` for any text; sorted by name."""
        quoted = like.replace("'", "''")
        body: dict[str, object] = {"filter": f"name LIKE '{quoted}'", "max_results": _BATCH}
        pages = self._search("mlflow/experiments/search", body)
        found = (
            Experiment(each.text("experiment_id"), each.text("name"))
            for page in pages
            for each in page.items("experiments")
        )
        return tuple(sorted(found, key=lambda experiment: experiment.name))

    def ensure_experiment(self, name: WorkspacePath) -> Experiment:
        """The experiment of that name, made with its folders if need be.

        A deleted one is restored (`is_restored` says so), since its name stays taken.
        """
        found = self.find_experiment(name)
        if found is None:
            found = self._create_experiment(name)
        if not found.is_deleted:
            return found
        self.http.post("mlflow/experiments/restore", {"experiment_id": found.experiment_id})
        return replace(found, is_deleted=False, is_restored=True)

    def create_run(
        self, experiment_id: str, name: str, *, tags: Mapping[str, str], started_at: int
    ) -> str:
        """Start a run and give its id; ``started_at`` is in milliseconds.

        Sent again after a lost answer, as MLflow's own client does: at worst a run stays empty.
        """
        endpoint = "mlflow/runs/create"
        body: dict[str, object] = {
            "experiment_id": experiment_id,
            "run_name": name,
            "start_time": started_at,
            "tags": _pairs(tags),
        }
        answer = Fields(endpoint, self.http.post(endpoint, body).json)
        return answer.required_part("run").required_part("info").text("run_id")

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run, a hundred in one request (the service's limit)."""
        pairs = _pairs(tags)
        for start in range(0, len(pairs), _BATCH):
            body = {"run_id": run_id, "tags": pairs[start : start + _BATCH]}
            self.http.post("mlflow/runs/log-batch", body)

    def end_run(self, run_id: str, status: str, *, ended_at: int | None = None) -> None:
        """End a run as `FINISHED`, `FAILED` or `KILLED`; now, unless told when."""
        end_time = int(time.time() * 1000) if ended_at is None else ended_at
        body = {"run_id": run_id, "status": status, "end_time": end_time}
        self.http.post("mlflow/runs/update", body)

    def get_run(self, run_id: str) -> TrackedRun:
        """A run with the latest value of each metric; NotFound if there is none."""
        endpoint = "mlflow/runs/get"
        answer = Fields(endpoint, self.http.get(endpoint, run_id=run_id).json)
        return _tracked_run(answer.required_part("run"))

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        limit: int = 100,
    ) -> tuple[TrackedRun, ...]:
        """The runs that match MLflow's ``filter``, at most ``limit`` of them."""
        body: dict[str, object] = {
            "experiment_ids": list(experiment_ids),
            "filter": filter,
            "order_by": list(order_by),
            "max_results": min(limit, 1000),
        }
        found: list[TrackedRun] = []
        for page in self._search("mlflow/runs/search", body):
            found += [_tracked_run(each) for each in page.items("runs")]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        """Every value that a run logged for a metric, in the server's order."""
        pages = self._pages("mlflow/metrics/get-history", run_id=run_id, metric_key=key)
        return tuple(
            MetricPoint(
                each.real("value"), each.number("timestamp"), each.number_or_none("step") or 0
            )
            for page in pages
            for each in page.items("metrics")
        )

    def artifacts(self, run_id: str) -> tuple[str, ...]:
        """What a run logged at the top level: files, and folders with a slash at the end."""
        pages = self._pages("mlflow/artifacts/list", run_id=run_id)
        return tuple(
            each.text("path") + ("/" if each.truth("is_dir") else "")
            for page in pages
            for each in page.items("files")
        )

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log parameters of a run; one that is there already with another value is refused."""
        pairs = _pairs(params)
        for start in range(0, len(pairs), _BATCH):
            body = {"run_id": run_id, "params": pairs[start : start + _BATCH]}
            self.http.post("mlflow/runs/log-batch", body)

    def model_versions(self, name: str, *, is_unity: bool = False) -> tuple[ModelVersion, ...]:
        """All versions of a registered model, newest first; none if there is no such model.

        Unity Catalog is asked over its own public API, as databricks-sdk does it; what MLflow
        itself calls under `mlflow/unity-catalog` is not documented.
        """
        pages = self._unity_pages(name) if is_unity else self._registry_pages(name)
        found = [
            _model_version(name, each) for page in pages for each in page.items("model_versions")
        ]
        return tuple(sorted(found, key=lambda version: version.version, reverse=True))

    def delete_model(self, name: str, *, is_unity: bool = False) -> None:
        """Delete a registered model with all its versions; one that is missing is done."""
        try:
            if is_unity:
                path = f"unity-catalog/models/{quote(name, safe='')}"
                # Unity Catalog refuses a model that has versions.
                for version in self.model_versions(name, is_unity=True):
                    self._delete(f"{path}/versions/{version.version}", version="2.1")
                self._delete(path, version="2.1")
            else:
                self._delete("mlflow/registered-models/delete", {"name": name})
        except NotFound:
            return

    def _delete(
        self, path: str, body: Mapping[str, object] | None = None, *, version: str = "2.0"
    ) -> None:
        self.http.request(Call("DELETE", path, body=body, version=version))

    def _create_experiment(self, name: WorkspacePath) -> Experiment:
        endpoint = "mlflow/experiments/create"
        try:
            try:
                answer = self.http.post(endpoint, {"name": name})
            except NotFound:  # no parent folder (databricks_api 9)
                self.http.post("workspace/mkdirs", {"path": parent(name)})
                answer = self.http.post(endpoint, {"name": name})
        except AlreadyExists:  # somebody was faster, or our own first try's answer was lost
            found = self.find_experiment(name)
            if found is None:
                raise
            return found
        return Experiment(Fields(endpoint, answer.json).text("experiment_id"), name)

    def _registry_pages(self, name: str) -> Iterator[Fields]:
        quoted = f'"{name}"' if "'" in name else f"'{name}'"
        return self._pages("mlflow/model-versions/search", filter=f"name={quoted}", max_results=200)

    def _unity_pages(self, name: str) -> Iterator[Fields]:
        path = f"unity-catalog/models/{quote(name, safe='')}/versions"
        try:
            yield from self._pages(path, version="2.1")
        except NotFound:
            return

    def _pages(self, path: str, *, version: str = "2.0", **query: object) -> Iterator[Fields]:
        token = ""
        while True:
            page = Fields(
                path, self.http.get(path, version=version, **query, page_token=token).json
            )
            yield page
            token = page.text("next_page_token", "")
            if not token:
                return

    def _search(self, path: str, body: Mapping[str, object]) -> Iterator[Fields]:
        token = ""
        while True:
            sent = {**body, "page_token": token} if token else body
            page = Fields(path, self.http.post(path, sent).json)
            yield page
            token = page.text("next_page_token", "")
            if not token:
                return


def _pairs(values: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _values(fields: Fields, name: str) -> Mapping[str, str]:
    return {each.text("key"): each.text("value", "") for each in fields.items(name)}


def _tracked_run(fields: Fields) -> TrackedRun:
    about, logged = fields.required_part("info"), fields.part("data")
    return TrackedRun(
        run_id=about.text("run_id"),
        experiment_id=about.text("experiment_id"),
        status=about.text("status"),
        name=about.text("run_name", ""),
        started_at=about.number_or_none("start_time"),
        ended_at=about.number_or_none("end_time"),
        metrics={each.text("key"): each.real("value") for each in logged.items("metrics")},
        params=_values(logged, "params"),
        tags=_values(logged, "tags"),
    )


def _model_version(name: str, fields: Fields) -> ModelVersion:
    return ModelVersion(
        name=name,
        version=fields.number("version"),
        run_id=fields.text("run_id", ""),
        status=fields.text("status", ""),
        source=fields.text("source", ""),
    )
