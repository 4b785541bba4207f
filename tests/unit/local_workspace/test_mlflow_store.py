"""Experiments follow the tree also where the tree changed while MLflow was not loaded."""

import shutil
from pathlib import Path

import pytest

from mlops_core.local_workspace.application import open_services

USER = "you@local"


@pytest.fixture
def tree(tmp_path):
    with open_services(tmp_path, lambda: ("http://127.0.0.1:1", "t")) as services:
        yield services.tree


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory) -> Path:
    """MLflow's tables; to make them takes a second."""
    from mlops_core.local_workspace.mlflow_store import ExperimentStore

    folder = tmp_path_factory.mktemp("tables")
    uri = f"sqlite:///{(folder / 'empty.db').as_posix()}"
    ExperimentStore(None, USER, database_uri=uri, artifact_root=folder.as_uri())
    return folder / "empty.db"


@pytest.fixture
def open_store(tree, tmp_path, empty_database):
    from mlops_core.local_workspace.mlflow_store import ExperimentStore

    shutil.copy(empty_database, tmp_path / "mlflow.db")

    def open_it() -> ExperimentStore:
        return ExperimentStore(
            tree,
            USER,
            database_uri=f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}",
            artifact_root=(tmp_path / "artifacts").as_uri(),
        )

    return open_it


def test_what_went_from_the_tree_in_the_meantime_is_deleted(open_store, tree):
    store = open_store()
    gone = store.create_experiment("/Shared/gone")
    kept = store.create_experiment("/Shared/kept")
    tree.remove("/Shared/gone")
    later = open_store()
    later.forget_missing()
    assert later.get_experiment(gone).lifecycle_stage == "deleted"
    assert later.get_experiment(kept).lifecycle_stage == "active"


def test_a_restored_experiment_is_back_in_the_tree_with_its_id(open_store, tree):
    store = open_store()
    number = store.create_experiment("/Shared/x")
    store.delete_experiment(number)
    assert tree.find("/Shared/x") is None
    store.restore_experiment(number)
    assert tree.require("/Shared/x").experiment_id == number


def test_a_deleted_experiment_gives_its_name_free_and_comes_back_beside_the_new_one(
    open_store, tree
):
    store = open_store()
    first = store.create_experiment("/Shared/x")
    store.delete_experiment(first)
    second = store.create_experiment("/Shared/x")
    store.restore_experiment(first)
    assert store.get_experiment_by_name("/Shared/x").experiment_id == second
    path = tree.experiment_path(first)
    assert path.startswith("/Shared/x (deleted ")
    assert store.get_experiment(first).name == path


def test_a_rename_onto_something_else_changes_nothing(open_store, tree):
    from mlflow.exceptions import MlflowException

    store = open_store()
    number = store.create_experiment("/Shared/x")
    tree.make_folder("/Shared/folder")
    with pytest.raises(MlflowException):
        store.rename_experiment(number, "/Shared/folder")
    assert store.get_experiment(number).name == "/Shared/x"
    assert tree.require("/Shared/x").experiment_id == number
