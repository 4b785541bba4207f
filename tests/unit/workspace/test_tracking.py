import math

import pytest

from mlops_core import errors
from mlops_core.paths import workspace_path
from mlops_core.workspace.model import Experiment, MetricPoint, ModelVersion, TrackedRun
from mlops_core.workspace.tracking import Tracking

_NAME = workspace_path("/Shared/me/x/training")
_MISSING = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "does not exist"}
_EXISTS = {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "already exists"}


@pytest.fixture
def tracking(reached):
    return Tracking(reached)


def _found(stage="active"):
    about = {"experiment_id": "5", "name": _NAME, "lifecycle_stage": stage}
    return {"experiment": about}


def _paths(server):
    return [request.path.removeprefix("/api/2.0/") for request in server.requests]


def test_an_experiment_is_found_by_its_name(tracking, server, reply):
    server.play(reply(body=_found()))
    assert tracking.find_experiment(_NAME) == Experiment("5", _NAME)
    assert server.requests[0].query == {"experiment_name": _NAME}


@pytest.mark.parametrize(
    ("status", "code"), [(404, "RESOURCE_DOES_NOT_EXIST"), (400, "INVALID_PARAMETER_VALUE")]
)
def test_a_missing_experiment_is_none_in_both_encodings(tracking, server, reply, status, code):
    server.play(reply(status, {"error_code": code, "message": "Node /x does not exist."}))
    assert tracking.find_experiment(_NAME) is None


def test_an_experiment_that_is_there_is_not_created(tracking, server, reply):
    server.play(reply(body=_found()))
    assert tracking.ensure_experiment(_NAME) == Experiment("5", _NAME)
    assert len(server.requests) == 1


def test_a_missing_experiment_is_created_with_its_folders(tracking, server, reply):
    parent = {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Parent directory does not exist.",
    }
    server.play(
        reply(404, _MISSING), reply(404, parent), reply(), reply(body={"experiment_id": "6"})
    )
    assert tracking.ensure_experiment(_NAME) == Experiment("6", _NAME)
    assert _paths(server) == [
        "mlflow/experiments/get-by-name",
        "mlflow/experiments/create",
        "workspace/mkdirs",
        "mlflow/experiments/create",
    ]
    assert server.requests[2].json == {"path": "/Shared/me/x"}


def test_an_experiment_that_somebody_made_meanwhile_is_used(tracking, server, reply):
    server.play(reply(404, _MISSING), reply(400, _EXISTS), reply(body=_found()))
    assert tracking.ensure_experiment(_NAME).experiment_id == "5"


def test_a_deleted_experiment_is_restored_and_says_so(tracking, server, reply):
    server.play(reply(body=_found("deleted")), reply())
    assert tracking.ensure_experiment(_NAME) == Experiment("5", _NAME, is_restored=True)
    assert server.requests[1].path.endswith("mlflow/experiments/restore")
    assert server.requests[1].json == {"experiment_id": "5"}


def test_a_folder_in_the_experiments_place_is_an_error(tracking, server, reply):
    text = "Expected id '1' to be an MLflow experiment or Databricks notebook, found 'DIRECTORY'"
    server.play(reply(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": text}))
    with pytest.raises(errors.WorkspaceError, match="found 'DIRECTORY'"):
        tracking.ensure_experiment(_NAME)


def test_a_run_is_created_tagged_and_ended(tracking, server, reply):
    server.play(reply(body={"run": {"info": {"run_id": "r"}}}))
    assert tracking.create_run("5", "train", tags={"a": "b"}, started_at=9) == "r"
    tracking.set_tags("r", {str(n): "v" for n in range(150)})
    tracking.end_run("r", "FAILED", ended_at=10)
    sent = [request.json for request in server.requests]
    assert sent[0] == {
        "experiment_id": "5",
        "run_name": "train",
        "start_time": 9,
        "tags": [{"key": "a", "value": "b"}],
    }
    assert [len(each["tags"]) for each in sent[1:3]] == [100, 50]
    assert sent[3] == {"run_id": "r", "status": "FAILED", "end_time": 10}


def test_no_tags_are_no_request(tracking, server):
    tracking.set_tags("r", {})
    assert server.requests == []


_RUN = {
    "info": {"run_id": "r", "experiment_id": "5", "status": "RUNNING", "start_time": "12"},
    "data": {
        "metrics": [{"key": "m", "value": 0.5}, {"key": "n", "value": "NaN"}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t"}],
    },
}


def test_a_run_is_read(tracking, server, reply):
    server.play(reply(body={"run": _RUN}))
    run = tracking.get_run("r")
    assert math.isnan(run.metrics["n"])
    assert run == TrackedRun("r", "5", "RUNNING", "", 12, None, run.metrics, {"p": "1"}, {"t": ""})
    assert run.metrics["m"] == 0.5


def test_a_search_reads_pages_up_to_its_limit(tracking, server, reply):
    server.play(reply(body={"runs": [_RUN] * 3, "next_page_token": "t"}))
    found = tracking.search_runs(["5"], filter="a = 'b'", order_by=["start_time DESC"], limit=5)
    assert len(found) == 5
    assert [request.json.get("page_token") for request in server.requests] == [None, "t"]
    assert server.requests[0].json["max_results"] == 5
    server.play(reply())
    assert tracking.search_runs(["5"]) == ()


def test_the_history_of_a_metric_is_read_over_pages(tracking, server, reply):
    point = {"key": "m", "value": 1, "timestamp": 3, "step": "2"}
    server.play(
        reply(body={"metrics": [point], "next_page_token": "t"}),
        reply(body={"metrics": [{"key": "m", "value": "Infinity", "timestamp": 4}]}),
    )
    assert tracking.metric_history("r", "m") == (
        MetricPoint(1.0, 3, 2),
        MetricPoint(math.inf, 4, 0),
    )


def test_model_versions_of_the_workspace_registry_newest_first(tracking, server, reply):
    server.play(
        reply(
            body={
                "model_versions": [{"version": "9", "run_id": "r", "status": "READY"}],
                "next_page_token": "t",
            }
        ),
        reply(body={"model_versions": [{"version": "10", "source": "s"}]}),
    )
    assert tracking.model_versions("m") == (
        ModelVersion("m", 10, source="s"),
        ModelVersion("m", 9, "r", "READY"),
    )
    assert server.requests[0].query == {"filter": "name='m'", "max_results": "200"}
    server.play(reply())
    assert tracking.model_versions("m") == ()


def test_model_versions_of_unity_catalog(tracking, server, reply):
    server.play(reply(body={"model_versions": [{"version": 1}, {"version": 2, "run_id": "r"}]}))
    found = tracking.model_versions("cat.schema.m", is_unity=True)
    assert [one.version for one in found] == [2, 1]
    assert server.requests[0].path == "/api/2.1/unity-catalog/models/cat.schema.m/versions"
    server.play(reply(404, _MISSING))
    assert tracking.model_versions("cat.schema.m", is_unity=True) == ()
