import pytest

from mlops_core.local_workspace.mlflow_paths import Fate, fate_of, page_of


@pytest.mark.parametrize(
    ("path", "client", "browser"),
    [
        ("/api/2.0/mlflow/runs/create", Fate.PASS, Fate.PASS),
        ("/api/2.0/mlflow/registered-models/get", Fate.PASS, Fate.PASS),
        ("/api/2.0/mlflow/logged-models", Fate.PASS, Fate.PASS),
        ("/api/2.0/mlflow/artifacts/list", Fate.PASS, Fate.PASS),
        ("/ajax-api/2.0/mlflow/runs/search", Fate.REFUSE, Fate.PASS),
        ("/get-artifact", Fate.REFUSE, Fate.PASS),
        ("/", Fate.REFUSE, Fate.PASS),
        ("/static-files/main.js", Fate.REFUSE, Fate.PASS),
        ("/graphql", Fate.REFUSE, Fate.PASS),
        ("/api/2.0/mlflow/unity-catalog/x", Fate.REFUSE, Fate.REFUSE),
        ("/api/3.0/mlflow/gateway/secrets", Fate.REFUSE, Fate.REFUSE),
        ("/ajax-api/3.0/mlflow/gateway/secrets", Fate.REFUSE, Fate.REFUSE),
        ("/ajax-api/3.0/mlflow/assistant/chat", Fate.REFUSE, Fate.REFUSE),
        ("/ajax-api/3.0/mlflow/jobs/x", Fate.REFUSE, Fate.REFUSE),
        ("/api/2.0/mlflow-artifacts/artifacts/x", Fate.REFUSE, Fate.REFUSE),
        ("/api/2.0/workspace/list", Fate.NOT_OURS, Fate.NOT_OURS),
        ("/api/2.1/jobs/list", Fate.NOT_OURS, Fate.NOT_OURS),
        ("/local/faults", Fate.NOT_OURS, Fate.NOT_OURS),
    ],
)
def test_fate(path, client, browser):
    assert fate_of(path, is_browser=False) is client
    assert fate_of(path, is_browser=True) is browser


def test_pages_of_databricks_are_pages_of_the_ui():
    training = "?workflowType=machine_learning"
    assert page_of("/ml/experiments/1") == f"/#/experiments/1/runs{training}"
    assert page_of("/ml/experiments/1/runs/2") == f"/#/experiments/1/runs/2{training}"
    assert page_of("/ml/models/m/versions/1") == f"/#/models/m/versions/1{training}"
    assert page_of("/ml/other") is None
