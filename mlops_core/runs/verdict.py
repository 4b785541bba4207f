"""What a run's end means: MLflow's status, the reason in one line, and the trace. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_core.runs import record as records
from mlops_core.runs.order import Order
from mlops_core.runs.trace import find_place, last_line, map_paths
from mlops_core.runs.watch import Ending
from mlops_core.workspace.model import RunOutput, RunState

_KILLED = {"CANCELED", "TIMEDOUT", "UPSTREAM_CANCELED"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``status`` is MLflow's; ``error`` and ``trace`` have the checkout's paths, or are empty."""

    status: str
    error: str = ""
    trace: str = ""
    is_timed_out: bool = False


def judge(order: Order, ending: Ending, output: RunOutput, *, uploaded: str) -> Verdict:
    """Success only if the job says SUCCESS; ``output`` counts where the driver file said nothing.

    ``uploaded`` is the project's folder as the driver saw it.
    """
    state = ending.job.state
    if state.is_success:
        return Verdict(records.FINISHED)
    if ending.is_timed_out:
        error = f"the run took longer than {order.timeout:g} minutes and was cancelled"
        return Verdict(records.KILLED, error, is_timed_out=True)
    status = records.KILLED if state.result in _KILLED else records.FAILED
    if ending.part and ending.part.error:
        error, trace = ending.part.error, ending.part.trace
    else:
        trace = map_paths(output.error_trace, uploaded, order.source)
        error = map_paths(output.error, uploaded, order.source) or last_line(trace)
    place = find_place(trace, order.source)
    return Verdict(
        status, f"{error} ({place})" if place else error or _describe(state), trace=trace
    )


def _describe(state: RunState) -> str:
    words = f"the run ended {state.life_cycle} {state.result or 'without a result'}"
    return f"{words}: {state.message}" if state.message else words
