from __future__ import annotations

from pathlib import Path

import pytest

from mlops_core.paths import WorkspacePath
from mlops_core.runs.order import Order
from mlops_core.runs.origin import Origin
from mlops_core.runs.output import Part
from mlops_core.runs.project import EntryPoint, Project
from mlops_core.runs.verdict import Verdict, judge
from mlops_core.runs.watch import Ending
from mlops_core.workspace.model import JobRun, RunOutput, RunState

UPLOADED = "/Workspace/Users/a@b.c/.mlops/projects/Churn-1/project"
POINT = EntryPoint("main", "python train.py")
ORDER = Order(
    project=Project(Path("p"), Path("p/MLproject"), "Churn", {"main": POINT}),
    point=POINT,
    values={},
    source="projects/Churn",
    origin=Origin("a@b.c"),
    experiment=WorkspacePath("/Shared/e"),
    timeout=1.5,
)


def ending(
    life_cycle: str, result: str | None, message: str = "", part: Part | None = None
) -> Ending:
    return Ending(JobRun(1, RunState(life_cycle, result, message), "http://h"), part)


@pytest.mark.parametrize(
    ("life_cycle", "result", "status"),
    [
        ("TERMINATED", "SUCCESS", "FINISHED"),
        ("TERMINATED", "FAILED", "FAILED"),
        ("INTERNAL_ERROR", "FAILED", "FAILED"),
        ("INTERNAL_ERROR", None, "FAILED"),
        ("SKIPPED", None, "FAILED"),
        ("TERMINATED", "TIMEDOUT", "KILLED"),
        ("TERMINATED", "CANCELED", "KILLED"),
        ("TERMINATED", "UPSTREAM_FAILED", "FAILED"),
        ("TERMINATED", "UPSTREAM_CANCELED", "KILLED"),
        ("TERMINATED", "SUCCESS_WITH_FAILURES", "FAILED"),
        ("TERMINATED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "FAILED"),
        ("TERMINATED", "A_STATE_OF_THE_FUTURE", "FAILED"),
    ],
)
def test_only_success_is_success(life_cycle: str, result: str | None, status: str) -> None:
    verdict = judge(
        ORDER, ending(life_cycle, result, "the service's words"), RunOutput(), uploaded=UPLOADED
    )
    assert verdict.status == status
    if status != "FINISHED":
        assert verdict.error.endswith(": the service's words")
        assert (result or "without a result") in verdict.error


def test_the_driver_files_own_error_comes_first() -> None:
    trace = 'Traceback\n  File "projects/Churn/train.py", line 41, in main\nValueError: no rows\n'
    part = Part("", is_last=True, error="ValueError: no rows", trace=trace)
    failed = ending("INTERNAL_ERROR", "FAILED", "Task main failed", part)
    assert judge(ORDER, failed, RunOutput(error="x"), uploaded=UPLOADED) == Verdict(
        "FAILED", "ValueError: no rows (projects/Churn/train.py:41)", trace
    )


def test_without_it_the_services_trace_is_mapped_to_the_checkout() -> None:
    output = RunOutput(error_trace=f'  File "{UPLOADED}/train.py", line 4, in main\nKeyError: 1\n')
    verdict = judge(ORDER, ending("INTERNAL_ERROR", "FAILED"), output, uploaded=UPLOADED)
    assert verdict.error == "KeyError: 1 (projects/Churn/train.py:4)"
    assert 'File "projects/Churn/train.py"' in verdict.trace


def test_a_time_out_is_told_as_one_unless_the_run_was_faster() -> None:
    job = ending("TERMINATED", "CANCELED").job
    verdict = judge(ORDER, Ending(job, None, is_timed_out=True), RunOutput(), uploaded=UPLOADED)
    assert verdict.status == "KILLED"
    assert verdict.is_timed_out
    assert "longer than 1.5 minutes" in verdict.error
    done = ending("TERMINATED", "SUCCESS").job
    faster = judge(ORDER, Ending(done, None, is_timed_out=True), RunOutput(), uploaded=UPLOADED)
    assert faster == Verdict("FINISHED")
