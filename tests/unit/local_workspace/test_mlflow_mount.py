import asyncio

from mlops_core.local_workspace import mlflow_mount
from mlops_core.local_workspace.application import create_app, open_services
from mlops_core.local_workspace.jobs_part import open_jobs
from mlops_core.local_workspace.mlflow_mount import MlflowMount


def test_without_mlflow_its_routes_say_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(mlflow_mount, "is_installed", lambda: False)
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/2.0/mlflow/runs/get",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer t")],
    }
    with open_services(tmp_path, lambda: ("http://127.0.0.1:1", "t")) as services:
        mount = MlflowMount(create_app(services, open_jobs(services)), services)
        mount.warm()
        asyncio.run(mount(scope, receive, send))
    assert sent[0]["status"] == 501
    assert b"python -m pip install -r mlflow_triggers/requirements.txt" in sent[1]["body"]
