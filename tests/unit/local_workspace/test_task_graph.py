from dataclasses import replace

import pytest

from mlops_core.local_workspace.run_record import CANCELED, SUCCESS, RunRecord, RunStatus
from mlops_core.local_workspace.task_graph import skipped_status, summary, task_order

FAILED = RunStatus("INTERNAL_ERROR", "FAILED", "Workload failed", "RUN_EXECUTION_ERROR")


def task(key: str, *before: str, run_if: str = "ALL_SUCCESS") -> RunRecord:
    spec = {"run_if": run_if, "depends_on": [{"task_key": one} for one in before]}
    return RunRecord(run_id=1, job_id=1, name=key, started_at=0, parent_id=9, spec=spec)


def ended(*statuses: RunStatus) -> dict[str, RunRecord]:
    keys = "abc"
    return {key: replace(task(key), status=one) for key, one in zip(keys, statuses, strict=False)}


def test_tasks_come_after_those_that_they_wait_for():
    given = [task("c", "b"), task("a"), task("b", "a")]
    assert [one.name for one in task_order(given)] == ["a", "b", "c"]


def test_a_circle_is_named():
    with pytest.raises(ValueError, match="a, b"):
        task_order([task("a", "b"), task("b", "a"), task("c")])


@pytest.mark.parametrize(
    ("run_if", "before", "result"),
    [
        ("ALL_SUCCESS", (SUCCESS, SUCCESS), None),
        ("ALL_SUCCESS", (SUCCESS, FAILED), "UPSTREAM_FAILED"),
        ("ALL_SUCCESS", (SUCCESS, CANCELED), "UPSTREAM_CANCELED"),
        ("ALL_DONE", (FAILED, FAILED), None),
        ("AT_LEAST_ONE_SUCCESS", (FAILED, SUCCESS), None),
        ("AT_LEAST_ONE_FAILED", (FAILED, SUCCESS), None),
        ("AT_LEAST_ONE_FAILED", (SUCCESS, SUCCESS), "EXCLUDED"),
        ("ALL_FAILED", (FAILED, FAILED), None),
    ],
)
def test_run_if(run_if, before, result):
    status = skipped_status(task("x", "a", "b", run_if=run_if), ended(*before))
    assert (status.result if status else None) == result


def test_a_failed_task_makes_the_run_an_internal_error():
    status = summary(list(ended(SUCCESS, FAILED).values()))
    assert (status.life_cycle, status.result) == ("INTERNAL_ERROR", "FAILED")
    assert status.message == "Task b failed with message: Workload failed"
    assert summary(list(ended(SUCCESS, SUCCESS).values())) == SUCCESS
