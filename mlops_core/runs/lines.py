"""What happens during a run, as lines for people. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from mlops_core.runs.events import (
    Created,
    Event,
    MetricsLogged,
    Outcome,
    Printed,
    Said,
    StateChanged,
    Submitted,
    Uploaded,
    Waiting,
)
from mlops_core.runs.record import FINISHED
from mlops_core.workspace.model import RunState

_OUTPUT = "  | "


def render_event(event: Event) -> Iterator[str]:
    """The lines that tell ``event``."""
    if isinstance(event, Created):
        yield f"experiment {event.experiment} {event.experiment_url}".rstrip()
        yield f"run {event.run_id} {event.run_url}".rstrip()
    elif isinstance(event, Uploaded):
        how = f"uploaded {event.files} files to" if event.files else "unchanged, it is in"
        yield f"project {how} {event.path}"
    elif isinstance(event, Submitted):
        yield f"job run {event.job_run_id} on {event.compute} {event.url}".rstrip()
    elif isinstance(event, (StateChanged, Waiting)):
        yield f"{render_seconds(event.elapsed)} {render_state(event.state)}"
    elif isinstance(event, Printed):
        yield from (_OUTPUT + line for line in event.lines)
    elif isinstance(event, MetricsLogged):
        yield "metrics " + render_metrics(event.metrics)
    elif isinstance(event, Said):
        yield event.text


def render_state(state: RunState) -> str:
    """A state in the service's words, with its message if it has one."""
    words = " ".join(word for word in (state.life_cycle, state.result) if word)
    return f"{words}: {state.message}" if state.message else words


def render_metrics(metrics: Mapping[str, float]) -> str:
    """`accuracy 0.974, loss 0.0352`, by name."""
    return ", ".join(f"{name} {render_number(metrics[name])}" for name in sorted(metrics))


def render_number(value: float) -> str:
    """Four digits that count; whole numbers whole."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}"


def render_seconds(seconds: float) -> str:
    """`7 s`, `2 min 05 s`, `1 h 02 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def render_trace(trace: str) -> Iterator[str]:
    """A driver's trace, as the project's other output is shown."""
    return (_OUTPUT + line for line in trace.rstrip().splitlines())


def render_outcome(outcome: Outcome) -> Iterator[str]:
    """The table at the end: what came of the run, and where to look."""
    if outcome.status == FINISHED and not outcome.model:
        yield "no model was registered"
    if outcome.model:
        yield f"model {outcome.model.name} version {outcome.model.version}"
    yield f"experiment {outcome.experiment} {outcome.experiment_url}".rstrip()
    yield f"run {outcome.run_id} {outcome.run_url}".rstrip()
    if outcome.job_url:
        yield f"job {outcome.job_url}"
    for name, value in sorted((outcome.metrics or {}).items()):
        yield f"metric {name} {render_number(value)}"
    if outcome.artifacts:
        yield f"artifacts {', '.join(outcome.artifacts)}"
