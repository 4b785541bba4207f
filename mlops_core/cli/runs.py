"""The commands that run a project: training and scoring."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from mlops_core.cli import run_options
from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.cli.run_backends import Task, run
from mlops_core.cli.signals import terminated_like_interrupted
from mlops_core.errors import DONE, RunFailed, RunTimeout
from mlops_core.runs import plan
from mlops_core.runs.events import Event, Outcome, StateChanged
from mlops_core.runs.fetch import cloned, is_remote
from mlops_core.runs.lines import (
    render_event,
    render_outcome,
    render_seconds,
    render_state,
    render_trace,
)
from mlops_core.runs.record import FINISHED, RUNNING
from mlops_core.settings import load_settings


def _execute(kind: str, options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    with terminated_like_interrupted(), console.ticker() as tick, ExitStack() as stack:
        task = Task(kind, options, settings, console, partial(_show, console, tick))
        if is_remote(options.project):
            console.progress(f"cloning {options.project}")
            options.project = str(stack.enter_context(cloned(options.project)))
        outcome = run(task)
    return _report(outcome, console)


def _show(console: Console, tick: Callable[[str], None], event: Event) -> None:
    for line in render_event(event):
        console.relay(line)
    if isinstance(event, StateChanged):
        tick(render_state(event.state))


def _report(outcome: Outcome, console: Console) -> int:
    """Print what came of the run; raises RunFailed or RunTimeout if it did not succeed."""
    for line in render_trace(outcome.trace):
        console.relay(line)
    for line in render_outcome(outcome):
        console.result(line)
    if outcome.is_timed_out:
        raise RunTimeout(outcome.error, hint="raise MLOPS_RUN_TIMEOUT, or see why it is slow")
    if outcome.status not in {FINISHED, RUNNING}:
        raise RunFailed(outcome.error, hint=f"look at the run: {outcome.run_url or outcome.run_id}")
    ending = "submitted" if outcome.status == RUNNING else "finished"
    console.result(f"run {ending} after {render_seconds(outcome.seconds)}")
    return DONE


TRAINING = Command(
    name="mlflow_triggers/start_training_devops.py",
    summary="Run the training project and register its model.",
    execute=partial(_execute, plan.TRAINING),
    add_options=partial(run_options.add_options, plan.TRAINING),
)
SCORING = Command(
    name="mlflow_triggers/start_scoring_devops.py",
    summary="Run the scoring project with the registered model.",
    execute=partial(_execute, plan.SCORING),
    add_options=partial(run_options.add_options, plan.SCORING),
)
