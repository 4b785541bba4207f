"""MLflow's own SQL store, with experiments as Databricks has them: objects of the tree.

Imported only by the code that loads MLflow's server.
"""

# mypy: allow-untyped-calls
# (the methods of MLflow's store have no annotations)

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import NoReturn

from mlflow.entities import ExperimentTag, LifecycleStage, ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlExperimentTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.file_utils import local_file_uri_to_path

from mlops_core.local_workspace.node import EXPERIMENT, NOTEBOOK
from mlops_core.local_workspace.replies import ApiError, invalid
from mlops_core.local_workspace.tree import Tree

_PAGE = 1000


class ExperimentStore(SqlAlchemyStore):
    """Experiments have absolute names, a parent folder, and the id of their object in the tree.

    An experiment goes when its object goes, and the reverse. There is no experiment 0.
    """

    def __init__(self, tree: Tree, user: str, *, database_uri: str, artifact_root: str) -> None:
        self._tree = tree
        self._user = user
        # Who is told that an experiment exists must find it: object and row appear as one.
        self._creating = Lock()
        super().__init__(database_uri, artifact_root)

    def _create_default_experiment(self, session: object) -> None:
        """Databricks has no default experiment."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Sequence[ExperimentTag] | None = None,
    ) -> str:
        """A new experiment at the path ``name``, refused as the service refuses."""
        path = _experiment_path(name)
        with self._creating:
            self._free_name(path)
            try:
                self._tree.check_experiment(path)
                node = self._tree.add_experiment(path, "")
            except ApiError as refusal:
                self._remember_notebook(path)
                _refuse(refusal)
            self._insert(node.object_id, path, artifact_location, tags or ())
        return str(node.object_id)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete the experiment and its object."""
        super().delete_experiment(experiment_id)
        path = self._tree.experiment_path(str(experiment_id))
        if path:
            self._tree.remove(path)

    def forget_experiment(self, experiment_id: str) -> None:
        """The object is gone from the tree, so the experiment goes; one that is gone is fine."""
        if self.get_experiment(experiment_id).lifecycle_stage == LifecycleStage.ACTIVE:
            super().delete_experiment(experiment_id)

    def forget_missing(self) -> None:
        """Delete the experiments whose objects went while MLflow was not loaded."""
        token = None
        while True:
            page = self.search_experiments(ViewType.ACTIVE_ONLY, _PAGE, page_token=token)
            for experiment in page:
                if not self._is_in_tree(experiment.name):
                    super().delete_experiment(experiment.experiment_id)
            token = page.token
            if not token:
                return

    def _is_in_tree(self, name: str) -> bool:
        node = self._tree.find(name) if name.startswith("/") else None
        return node is not None and node.kind in {EXPERIMENT, NOTEBOOK}

    def restore_experiment(self, experiment_id: str) -> None:
        """Restore the experiment and its object, if its place is still free."""
        name = self.get_experiment(experiment_id).name
        try:
            self._tree.add_experiment(name, str(experiment_id))
        except ApiError as refusal:
            _refuse(refusal)
        super().restore_experiment(experiment_id)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Move the experiment's object."""
        path = _experiment_path(new_name)
        old = self._tree.experiment_path(str(experiment_id))
        self._free_name(path)
        super().rename_experiment(experiment_id, path)
        try:
            if old and old != path:
                self._tree.rename(old, path)
        except ApiError as refusal:
            super().rename_experiment(experiment_id, old)
            _refuse(refusal)

    def _remember_notebook(self, path: str) -> None:
        """A notebook is an experiment by itself, under its own id (databricks_api 9)."""
        node = self._tree.find(path)
        if node and node.kind == NOTEBOOK and not self.get_experiment_by_name(path):
            self._insert(node.object_id, path, None, ())

    def _free_name(self, path: str) -> None:
        """A deleted experiment does not keep its name, as it would in open-source MLflow."""
        with self.ManagedSessionMaker(read_only=False) as session:
            session.query(SqlExperiment).filter(
                SqlExperiment.name == path, SqlExperiment.lifecycle_stage == LifecycleStage.DELETED
            ).update({"name": f"{path} (deleted {time.time_ns()})"})

    def _insert(
        self, number: int, path: str, location: str | None, tags: Sequence[ExperimentTag]
    ) -> None:
        now = time.time_ns() // 1_000_000
        own = {
            "mlflow.ownerId": "1",
            "mlflow.ownerEmail": self._user,
            "mlflow.experiment.sourceName": path,
            "mlflow.experimentType": EXPERIMENT,
        }
        every = {**own, **{tag.key: tag.value for tag in tags}}
        experiment = SqlExperiment(
            experiment_id=number,
            name=path,
            lifecycle_stage=LifecycleStage.ACTIVE,
            artifact_location=location or f"{self.artifact_root_uri}/{number}",
            creation_time=now,
            last_update_time=now,
        )
        experiment.tags = [SqlExperimentTag(key=key, value=value) for key, value in every.items()]
        with self.ManagedSessionMaker(read_only=False) as session:
            session.add(experiment)


def version_folder(registry: AbstractStore, store: ExperimentStore) -> Callable[[str, str], Path]:
    """Where the files of a model's version lie on this machine."""

    def resolve(name: str, version: str) -> Path:
        try:
            uri = registry.get_model_version_download_uri(name, version)
            if uri.startswith("models:/"):
                uri = store.get_logged_model(uri.removeprefix("models:/")).artifact_location
        except MlflowException as error:
            raise ApiError(error.get_http_status_code(), error.error_code, error.message) from None
        return Path(local_file_uri_to_path(uri))

    return resolve


def _experiment_path(name: object) -> str:
    """The name without `/Workspace`; only absolute paths are names."""
    if not isinstance(name, str) or not name.startswith("/"):
        _refuse(
            invalid(
                f"Got an invalid experiment name '{name}'. An experiment name must be an absolute "
                "path within the Databricks workspace, e.g. '/Users/<some-username>/my-experiment'."
            )
        )
    return "/" + name.removeprefix("/Workspace/").strip("/")


def _refuse(refusal: ApiError) -> NoReturn:
    raise MlflowException(refusal.message, ErrorCode.Value(refusal.code)) from None
