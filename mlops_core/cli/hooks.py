"""The hooks: in a workspace they run a pipeline, elsewhere they schedule it there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mlops_core.cli import main, schedule_hook
from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.errors import RunFailed
from mlops_core.runs.events import Event, Outcome
from mlops_core.runs.plan import SCORING as SCORING_KIND
from mlops_core.runs.plan import TRAINING as TRAINING_KIND


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One hook: its kind, and the name of its notebook."""

    kind: str
    notebook: str


TRAINING = Pipeline(TRAINING_KIND, "mlflow_training_hook")
SCORING = Pipeline(SCORING_KIND, "mlflow_scoring_hook")


class Notebook(Protocol):
    """`dbutils.notebook`, as far as it is needed."""

    def exit(self, value: str) -> None:
        """End the notebook in success."""


class DbUtils(Protocol):
    """What a notebook finds under the name `dbutils`."""

    @property
    def notebook(self) -> Notebook:
        """The end of the notebook."""


def run(pipeline: Pipeline, parameters: Mapping[str, str], dbutils: DbUtils | None = None) -> None:
    """What a hook's last cell calls; without ``dbutils`` it is a script with options."""
    if dbutils is None:
        sys.exit(main.run(_command(pipeline, parameters), sys.argv[1:]))
    dbutils.notebook.exit(_run_pipeline(pipeline, parameters, Console()))


def _run_pipeline(pipeline: Pipeline, parameters: Mapping[str, str], console: Console) -> str:
    """Run the pipeline and give its result in a line; RunFailed makes the job fail, too."""
    from mlops_core.hooks.launch import HookRun, launch_hook
    from mlops_core.runs.lines import render_outcome
    from mlops_core.runs.record import FINISHED
    from mlops_core.session import open_session
    from mlops_core.settings import load_settings

    settings = load_settings()
    # A hook's folder tells no branch, and a session wants one.
    values = {**settings.values, "MLOPS_BRANCH": parameters.get("branch") or "master"}
    mine = {"values": values, "user": None, "is_user_explicit": False}
    with open_session(settings.model_copy(update=mine)) as session:
        outcome = launch_hook(session, HookRun(pipeline.kind, parameters), partial(_show, console))
    for line in render_outcome(outcome):
        console.result(line)
    if outcome.status != FINISHED:
        raise RunFailed(outcome.error, hint=f"look at the run: {outcome.run_url}")
    return _summary(outcome)


def _summary(outcome: Outcome) -> str:
    model = outcome.model
    made = f"model {model.name} version {model.version}, " if model else ""
    return f"{made}run {outcome.run_id}"


def _show(console: Console, event: Event) -> None:
    from mlops_core.runs.lines import render_event

    for line in render_event(event):
        console.relay(line)


def _command(pipeline: Pipeline, parameters: Mapping[str, str]) -> Command:
    def execute(options: argparse.Namespace, console: Console) -> int:
        return schedule_hook.execute(
            schedule_hook.Wish(pipeline.kind, pipeline.notebook, parameters), options, console
        )

    return Command(
        name=f"mlflow_hooks/{pipeline.notebook}.py",
        summary=f"Schedule {pipeline.kind} as a job of the workspace.",
        execute=execute,
        add_options=schedule_hook.add_options,
    )
