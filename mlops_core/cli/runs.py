"""The commands that run a project: training and scoring."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from mlops_core.branch import current_branch
from mlops_core.cli import run_options
from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.errors import DONE, RunFailed, RunTimeout
from mlops_core.runs import plan
from mlops_core.runs.events import Event, Outcome
from mlops_core.runs.lines import render_event, render_outcome, render_seconds, render_trace
from mlops_core.runs.origin import Origin, read_origin
from mlops_core.runs.record import FINISHED, RUNNING
from mlops_core.settings import Settings, load_settings, require_registry


def _execute(kind: str, options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    run = _run_in_workspace if settings.is_databricks else _run_here
    with _terminated_like_interrupted():
        outcome = run(kind, options, settings, console)
    return _report(outcome, console)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM, which pipelines send, do what Ctrl-C does: cancel the run and say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, kept)


def _run_in_workspace(
    kind: str, options: argparse.Namespace, settings: Settings, console: Console
) -> Outcome:
    from mlops_core.registry import require_version
    from mlops_core.runs.launch import Launcher
    from mlops_core.session import open_session

    registry_uri = require_registry(settings)
    with open_session(settings, console.progress) as session:
        console.progress(session.banner)
        tracking = session.client.tracking
        origin = _origin(settings, session.user, session.branch)
        request = run_options.read_request(
            kind, options, settings, origin, registry_uri=registry_uri
        )
        find = partial(require_version, tracking, registry_uri=registry_uri)
        order = plan.plan_order(request, origin, lambda name, number: find(name, number=number))
        return Launcher(session.client, partial(_show, console)).launch(order)


def _run_here(
    kind: str, options: argparse.Namespace, settings: Settings, console: Console
) -> Outcome:
    from mlops_core.runs.local import LocalLauncher, local_environment

    branch = current_branch(settings.values, settings.project_folder)
    origin = _origin(settings, settings.user or getpass.getuser(), branch)
    request = run_options.read_request(kind, options, settings, origin)
    # MLflow, here and in the run's own process, reads nothing else.
    os.environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri
    if settings.registry_uri:
        os.environ["MLFLOW_REGISTRY_URI"] = settings.registry_uri
    console.progress(f"MLflow at {settings.tracking_uri} as {origin.user}, branch {branch}")
    launcher = LocalLauncher(
        local_environment(os.environ),
        env_manager=options.env_manager or "local",
        artifacts=run_options.artifact_folder(settings),
        url=run_options.browser_address(settings),
        notify=partial(_show, console),
    )
    return launcher.launch(plan.plan_order(request, origin, launcher.require_version))


def _origin(settings: Settings, user: str, branch: str) -> Origin:
    return read_origin(user, branch, folder=settings.project_folder, values=settings.values)


def _show(console: Console, event: Event) -> None:
    for line in render_event(event):
        console.progress(line)


def _report(outcome: Outcome, console: Console) -> int:
    """Print what came of the run; raises RunFailed or RunTimeout if it did not succeed."""
    for line in render_trace(outcome.trace):
        console.progress(line)
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
