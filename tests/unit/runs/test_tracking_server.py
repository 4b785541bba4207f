"""What is known of MLflow's own server before a run starts."""

from __future__ import annotations

import pytest
from mlflow import exceptions as mlflow

from mlops_core.errors import MlopsError, Unavailable
from mlops_core.runs.tracking_server import explained, reach, without_login


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@mlflow.example.com:5000/x", "http://mlflow.example.com:5000/x"),
        ("postgresql://me:secret@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("sqlite:///C:/me@work/mlflow.db", "sqlite:///C:/me@work/mlflow.db"),
    ],
)
def test_a_login_is_not_shown(uri: str, shown: str) -> None:
    assert without_login(uri) == shown


def test_nobody_there_is_said_at_once_and_without_the_login() -> None:
    with pytest.raises(Unavailable, match="refused") as told:
        reach("http://me:secret@127.0.0.1:1")
    assert "MLFLOW_TRACKING_URI" in told.value.hint
    assert "secret" not in told.value.message
    reach("sqlite:///mlflow.db")


def test_what_mlflow_says_about_its_server_is_an_error_of_ours() -> None:
    uri = "http://me:secret@mlflow"
    with pytest.raises(MlopsError, match=r"no access for \.\.\.") as told, explained(uri):
        raise mlflow.MlflowException("no access for me:secret")
    assert "MLFLOW_TRACKING_URI" in told.value.hint
    with pytest.raises(MlopsError, match="needs the package driver") as told, explained(uri):
        raise ModuleNotFoundError(name="driver")
    assert told.value.hint == "python -m pip install driver"
