from mlops_core.local_workspace.driver_environment import driver_environment


def test_a_driver_gets_what_a_cluster_gives_and_nothing_else(tmp_path):
    machine = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "AWS_SECRET_ACCESS_KEY": "x",
        "DATABRICKS_CLIENT_SECRET": "x",
        "MLFLOW_EXPERIMENT_NAME": "x",
        "PYTHONPATH": "/mine",
    }
    given = driver_environment(machine, host="http://127.0.0.1:1", token="t", home=tmp_path)
    assert given["PATH"] == "/bin"
    assert given["HOME"] == str(tmp_path)
    assert (given["DATABRICKS_HOST"], given["DATABRICKS_TOKEN"]) == ("http://127.0.0.1:1", "t")
    assert given["MLFLOW_TRACKING_URI"] == given["MLFLOW_REGISTRY_URI"] == "databricks"
    assert given["DATABRICKS_RUNTIME_VERSION"]
    assert not {"AWS_SECRET_ACCESS_KEY", "DATABRICKS_CLIENT_SECRET", "PYTHONPATH"} & given.keys()
    assert "MLFLOW_EXPERIMENT_NAME" not in given
