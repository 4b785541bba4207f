"""The report: metrics beside master's, better or worse, and what a failure leaves."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from mlops_core.runs.findings import Finding, Look
from mlops_core.runs.report_text import Site, judge, render_junit, render_markdown
from mlops_core.workspace.model import ModelVersion, TrackedRun

LOOK = Look("you@local", "feature/x", commit="0123456789abcdef")
SITE = Site("https://host")
OURS = TrackedRun(
    run_id="r1",
    experiment_id="7",
    status="FINISHED",
    name="Training",
    started_at=1_000,
    ended_at=66_000,
    metrics={"accuracy": 0.97, "log_loss": 0.2, "rows": 5, "fresh": 1.0},
    tags={"mlops.job_url": "https://host/jobs/1/runs/2"},
)
MASTER = TrackedRun(
    run_id="m1",
    experiment_id="3",
    status="FINISHED",
    started_at=1_790_000_000_000,
    metrics={"accuracy": 0.95, "log_loss": 0.1, "rows": 5, "old": 2.0},
    tags={"mlops.commit": "fedcba9876543210"},
)


def markdown(*findings: Finding) -> list[str]:
    return render_markdown(LOOK, findings, SITE).splitlines()


def test_metrics_stand_beside_masters_with_a_verdict() -> None:
    model = ModelVersion("x_model", 3)
    lines = markdown(Finding("training", OURS, MASTER, model))
    assert "# Pipelines of `feature/x`" in lines
    assert "## Training: finished" in lines
    run = "- run [Training](https://host/ml/experiments/7/runs/r1), 1 min 05 s"
    assert run in lines
    assert "- job [https://host/jobs/1/runs/2](https://host/jobs/1/runs/2)" in lines
    assert "- model `x_model` version 3" in lines
    (compared,) = [line for line in lines if line.startswith("Compared with")]
    assert "https://host/ml/experiments/3/runs/m1" in compared
    assert "2026-09-21" in compared and "fedcba9876" in compared
    assert "| accuracy | 0.97 | 0.95 | +0.02 | better |" in lines
    assert "| log_loss | 0.2 | 0.1 | +0.1 | worse |" in lines
    assert "| rows | 5 | 5 | 0 | same |" in lines
    assert "| fresh | 1 |  | | new |" in lines
    assert "| old |  | 2 | | gone |" in lines


def test_without_a_run_of_master_it_says_so() -> None:
    lines = markdown(Finding("training", OURS, None))
    assert "No run of master has finished yet, so there is nothing to compare with." in lines
    assert "| accuracy | 0.97 |" in lines


def test_a_failure_shows_its_reason_and_the_end_of_its_output() -> None:
    failed = replace(OURS, status="FAILED", tags={"mlops.reason": "ValueError: a|b"}, metrics={})
    lines = markdown(Finding("scoring", failed, None, tail=("line 1", "~~~~", "line 2")))
    assert "## Scoring: failed" in lines
    assert "- reason: ValueError: a\\|b" in lines
    fence = lines[-1]
    assert fence == "~~~~~"
    assert lines[lines.index(fence) + 1 :] == ["line 1", "~~~~", "line 2", fence]


def test_a_pipeline_that_did_not_run_is_named() -> None:
    assert "## Scoring: did not run" in markdown(Finding("scoring", None, MASTER))


def test_junit_has_a_case_for_each_pipeline() -> None:
    failed = replace(OURS, status="FAILED", tags={"mlops.reason": 'x < "y"\x00'})
    findings = [
        Finding("training", OURS, None),
        Finding("scoring", failed, None, tail=("<&>\x1b[31m",)),
        Finding("other", None, None),
    ]
    suite = ET.fromstring(render_junit(findings))
    assert suite.attrib == {"name": "mlops", "tests": "3", "failures": "2"}
    training, scoring, other = suite
    assert (training.attrib["name"], training.attrib["time"]) == ("training", "65.000")
    assert len(training) == 0
    assert scoring[0].attrib["message"] == 'x < "y"'
    assert (scoring[0].text or "").strip() == "<&>[31m"
    assert other[0].attrib["message"] == "there is no run of this commit"


@pytest.mark.parametrize(
    ("metric", "difference", "verdict"),
    [
        ("accuracy_score", 0.1, "better"),
        ("f1-score", -0.1, "worse"),
        ("roc_auc", 0.1, "better"),
        ("validation_loss", -0.1, "better"),
        ("mean_squared_error", 0.1, "worse"),
        ("RMSE", -1, "better"),
        ("r2", 0.1, "better"),
        ("customers", 3, "changed"),
        ("accuracy", 0, "same"),
    ],
)
def test_better_or_worse_by_the_metrics_name(metric: str, difference: float, verdict: str) -> None:
    assert judge(metric, difference) == verdict
