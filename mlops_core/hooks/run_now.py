"""Follows a run of a saved job until it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_core.runs.lines import render_state
from mlops_core.workspace.jobs import Jobs
from mlops_core.workspace.model import JobRun
from mlops_core.workspace.retry import Clock, SystemClock

_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How the run ended; ``error`` is its notebook's, if it failed."""

    state: str
    page_url: str
    is_success: bool
    error: str = ""


def follow_run(
    jobs: Jobs, run_id: int, notify: Callable[[str], None], clock: Clock | None = None
) -> Ending:
    """Tell each change of state until the run is over. Ctrl-C leaves the run to itself."""
    clock = clock or SystemClock()
    told = ""
    while True:
        run = jobs.get_run(run_id)
        state = render_state(run.state)
        if state != told:
            told = state
            notify(f"run {run_id} {state} {run.page_url}".rstrip())
        if run.state.is_over:
            return _ending(jobs, run, state)
        clock.sleep(_EVERY)


def _ending(jobs: Jobs, run: JobRun, state: str) -> Ending:
    if run.state.is_success:
        return Ending(state, run.page_url, True)
    said = [jobs.output(task.run_id).error for task in run.tasks]
    error = next((text for text in said if text), f"the run ended {state}")
    return Ending(state, run.page_url, False, error)
