import pytest

from mlops_core import errors
from mlops_core.workspace.jobs import Jobs
from mlops_core.workspace.model import JobInfo, RunState, TaskRun


@pytest.fixture
def jobs(reached):
    return Jobs(reached)


def test_a_submit_with_a_token_is_repeated(jobs, server, reply):
    server.play(None, reply(503), reply(body={"run_id": 7}))
    assert jobs.submit({"run_name": "x", "idempotency_token": "t"}) == 7
    assert {request.path for request in server.requests} == {"/api/2.1/jobs/runs/submit"}
    assert len({request.body for request in server.requests}) == 1


def test_a_submit_without_a_token_is_not(jobs, server, reply):
    server.play(None, reply(body={"run_id": 7}))
    with pytest.raises(errors.Unavailable):
        jobs.submit({"run_name": "x"})


def test_a_run_has_the_tasks_of_all_pages(jobs, server, reply):
    state = {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED", "state_message": "m"}
    server.play(
        reply(
            body={
                "run_id": 7,
                "state": state,
                "run_page_url": "https://w/#job/1/run/7",
                "tasks": [{"run_id": 8, "task_key": "a", "state": state}],
                "next_page_token": "p2",
            }
        ),
        reply(body={"run_id": 7, "state": state, "tasks": [{"run_id": 9, "state": state}]}),
    )
    run = jobs.get_run(7)
    failed = RunState("INTERNAL_ERROR", "FAILED", "m")
    assert run.state == failed
    assert run.state.is_over
    assert not run.state.is_success
    assert run.tasks == (TaskRun(8, "a", failed), TaskRun(9, "", failed))
    assert server.requests[1].query == {"run_id": "7", "page_token": "p2"}


def test_a_run_without_a_result_has_none(jobs, server, reply):
    server.play(reply(body={"run_id": 7, "state": {"life_cycle_state": "SKIPPED"}}))
    assert jobs.get_run(7).state == RunState("SKIPPED")


@pytest.mark.parametrize("body", [{}, {"run_id": 7}, {"run_id": 7, "state": {}}])
def test_a_run_that_lacks_something_names_the_endpoint(jobs, server, reply, body):
    server.play(reply(body=body))
    with pytest.raises(errors.WorkspaceError, match="jobs/runs/get answered without"):
        jobs.get_run(7)


def test_a_missing_run_is_not_found_though_the_status_is_400(jobs, server, reply):
    text = {"error_code": "INVALID_PARAMETER_VALUE", "message": "Run 7 does not exist."}
    server.play(reply(400, text))
    with pytest.raises(errors.NotFound, match="jobs/runs/get 7: Run 7 does not exist"):
        jobs.get_run(7)


def test_output_of_a_script_and_of_a_notebook(jobs, server, reply):
    server.play(
        reply(body={"logs": "text", "logs_truncated": True, "error": "E", "error_trace": "T"})
    )
    output = jobs.output(8)
    assert (output.logs, output.is_truncated, output.error, output.error_trace) == (
        "text", True, "E", "T",
    )  # fmt: skip
    server.play(reply(body={"notebook_output": {"result": "done", "truncated": False}}))
    assert jobs.output(8).notebook_result == "done"
    assert not jobs.output(8).is_truncated


def test_jobs_of_one_name_are_found_over_pages_and_compared_with_case(jobs, server, reply):
    def job(job_id, name):
        return {"job_id": job_id, "creator_user_name": "me", "settings": {"name": name, "x": 1}}

    server.play(
        reply(body={"jobs": [job(1, "Train")], "next_page_token": "t"}),
        reply(body={"jobs": [job(2, "train"), job(3, "Train")]}),
    )
    found = jobs.find("Train")
    assert found[0] == JobInfo(1, "Train", "me", {"name": "Train", "x": 1})
    assert [one.job_id for one in found] == [1, 3]
    assert server.requests[0].query == {"name": "Train", "limit": "100"}
    server.play(reply())
    assert jobs.find("Train") == ()


def test_saving_and_changing_a_job(jobs, server, reply):
    server.play(reply(body={"job_id": 4}))
    assert jobs.create({"name": "x"}) == 4
    jobs.reset(4, {"name": "y"})
    jobs.cancel(5)
    server.play(reply(body={"run_id": 6}))
    assert jobs.run_now(4, token="t", notebook_params={"a": "b"}) == 6
    assert [(r.path, r.json) for r in server.requests] == [
        ("/api/2.1/jobs/create", {"name": "x"}),
        ("/api/2.1/jobs/reset", {"job_id": 4, "new_settings": {"name": "y"}}),
        ("/api/2.1/jobs/runs/cancel", {"run_id": 5}),
        (
            "/api/2.1/jobs/run-now",
            {"job_id": 4, "idempotency_token": "t", "notebook_params": {"a": "b"}},
        ),
    ]


def test_a_job_is_never_created_twice(jobs, server, reply):
    server.play(None, reply(body={"job_id": 4}))
    with pytest.raises(errors.Unavailable):
        jobs.create({"name": "x"})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 404])
def test_deleting_a_missing_job_is_done(jobs, server, reply, status):
    text = {"error_code": "INVALID_PARAMETER_VALUE", "message": "Job 4 does not exist."}
    server.play(reply(status, text))
    jobs.delete(4)


def test_deleting_somebody_elses_job_is_refused(jobs, server, reply):
    server.play(reply(403, {"error_code": "PERMISSION_DENIED", "message": "not yours"}))
    with pytest.raises(errors.AccessDenied, match="jobs/delete 4: not yours"):
        jobs.delete(4)
