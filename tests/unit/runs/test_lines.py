from __future__ import annotations

import pytest

from mlops_core.runs.events import (
    Created,
    MetricsLogged,
    Outcome,
    Printed,
    Said,
    StateChanged,
    Submitted,
    Uploaded,
    Waiting,
)
from mlops_core.runs.lines import render_event, render_number, render_outcome, render_seconds
from mlops_core.workspace.model import ModelVersion, RunState


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            Created("r", "http://h/r", "/e", "http://h/e"),
            ["experiment /e http://h/e", "run r http://h/r"],
        ),
        (Created("r", "", "/e", ""), ["experiment /e", "run r"]),
        (Uploaded("/p", 3), ["project uploaded 3 files to /p"]),
        (Uploaded("/p", 0), ["project unchanged, it is in /p"]),
        (Submitted(7, "http://h/7", "serverless"), ["job run 7 on serverless http://h/7"]),
        (StateChanged(RunState("PENDING"), 2.4), ["2 s PENDING"]),
        (
            StateChanged(RunState("TERMINATED", "SUCCESS", "ok"), 65),
            ["1 min 05 s TERMINATED SUCCESS: ok"],
        ),
        (Waiting(RunState("RUNNING"), 3725), ["1 h 02 min RUNNING"]),
        (Printed(("a", "", "b")), ["  | a", "  | ", "  | b"]),
        (MetricsLogged({"loss": 0.03524, "a": 2.0}), ["metrics a 2, loss 0.03524"]),
        (Said("x"), ["x"]),
    ],
)
def test_events_become_lines(event: object, lines: list[str]) -> None:
    assert list(render_event(event)) == lines  # type: ignore[arg-type]  # a table of events


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.97368, "0.9737"), (1e-7, "1e-07"), (float("nan"), "nan"), (1e20, "1e+20")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert render_number(value) == text


def test_seconds_grow_into_minutes_and_hours() -> None:
    assert [render_seconds(s) for s in (0.9, 59, 60, 3600)] == [
        "0 s",
        "59 s",
        "1 min 00 s",
        "1 h 00 min",
    ]


def test_the_outcome_names_model_experiment_run_and_metrics() -> None:
    outcome = Outcome(
        "r",
        "http://h/r",
        "/e",
        "http://h/e",
        "FINISHED",
        3.0,
        job_url="http://h/7",
        metrics={"b": 1.0, "a": 0.5},
        model=ModelVersion("m", 4),
    )
    assert list(render_outcome(outcome)) == [
        "model m version 4",
        "experiment /e http://h/e",
        "run r http://h/r",
        "job http://h/7",
        "metric a 0.5",
        "metric b 1",
    ]


def test_a_training_that_registers_nothing_says_so() -> None:
    outcome = Outcome("r", "", "/e", "", "FINISHED", 3.0)
    assert list(render_outcome(outcome)) == ["no model was registered", "experiment /e", "run r"]
