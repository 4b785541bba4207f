"""What happens during a run, as values: whoever watches decides how to show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_core.workspace.model import ModelVersion, RunState


@dataclass(frozen=True, slots=True)
class Created:
    """The MLflow run is there; nothing has been submitted yet."""

    run_id: str
    run_url: str
    experiment: str
    experiment_url: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The project lies in the workspace; ``files`` is 0 if it did already."""

    path: str
    files: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job's run was accepted; ``url`` leads to it in the browser."""

    job_run_id: int
    url: str
    compute: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The job's run has another state; ``elapsed`` is in seconds since it was submitted."""

    state: RunState
    elapsed: float


@dataclass(frozen=True, slots=True)
class Printed:
    """The project printed these lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetricsLogged:
    """Metrics that are new or have another value."""

    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing else happened for a while."""

    state: RunState
    elapsed: float


@dataclass(frozen=True, slots=True)
class Said:
    """Something worth a line of its own."""

    text: str


Event = Created | Uploaded | Submitted | StateChanged | Printed | MetricsLogged | Waiting | Said
Notify = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, or that it goes on (``status`` RUNNING, if nobody waited for it).

    ``status`` is MLflow's: FINISHED, FAILED, KILLED or RUNNING. ``model`` is the version that
    the run registered (training) or used (scoring), if any; ``error`` says why it failed, and
    ``trace`` is the driver's with the checkout's own paths.
    """

    run_id: str
    run_url: str
    experiment: str
    experiment_url: str
    status: str
    seconds: float
    compute: str = ""
    job_url: str = ""
    metrics: Mapping[str, float] | None = None
    artifacts: tuple[str, ...] = ()
    model: ModelVersion | None = None
    error: str = ""
    trace: str = ""
    is_timed_out: bool = False


def ignore(event: Event) -> None:
    """A notify that shows nothing."""
    del event
