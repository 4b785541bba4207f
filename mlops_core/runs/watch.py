"""Follows a job's run until it is over: states, output and metrics, as they come."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_core.runs.events import MetricsLogged, Notify, Printed, StateChanged, Waiting
from mlops_core.runs.output import OutputReader, Part
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import JobRun, RunState
from mlops_core.workspace.retry import Clock

QUICK = 1.0
SLOW = 3.0
_NEARBY = 0.2  # on loopback nobody else's quota is used up
_SIGN_OF_LIFE = 60.0
_METRICS_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job's run ended; ``part`` is the last of its output files, if there were any."""

    job: JobRun
    part: Part | None
    is_timed_out: bool = False


@dataclass(slots=True)
class Watcher:
    """One run being watched. ``deadline`` is in the clock's seconds, None for no time-out."""

    client: WorkspaceClient
    job_run_id: int
    run_id: str
    reader: OutputReader
    notify: Notify
    clock: Clock
    deadline: float | None = None
    _started: float = field(init=False)
    _told: float = field(init=False)
    _metrics_at: float = 0.0
    _state: RunState | None = None
    _metrics: dict[str, float] = field(default_factory=dict)
    _last: Part | None = None
    _rest: str = ""
    _is_cancelled: bool = False

    def __post_init__(self) -> None:
        self._started = self._told = self.clock.now()

    def watch(self) -> Ending:
        """Tell what happens until the run is over; past the deadline, cancel it."""
        pause = self._quick
        while True:
            job = self.client.jobs.get_run(self.job_run_id)
            is_news = self._tell(job)
            if job.state.is_over:
                return Ending(job, self._last, self._is_cancelled)
            if self.deadline is not None and self.clock.now() >= self.deadline:
                self._cancel_once()
            pause = self._quick if is_news else min(pause * 1.3, self._slow)
            self.clock.sleep(pause)

    def _cancel_once(self) -> None:
        if not self._is_cancelled:
            self._is_cancelled = True
            self.client.jobs.cancel(self.job_run_id)

    def _tell(self, job: JobRun) -> bool:
        has_output = self._tell_output()
        has_metrics = self._tell_metrics(is_over=job.state.is_over)
        has_state = self._state is None or (
            (job.state.life_cycle, job.state.result) != (self._state.life_cycle, self._state.result)
        )
        if has_state:
            self._state = job.state
            self.notify(StateChanged(job.state, self._elapsed))
        is_news = has_output or has_metrics or has_state
        if is_news:
            self._told = self.clock.now()
        elif self.clock.now() - self._told >= _SIGN_OF_LIFE:
            self._told = self.clock.now()
            self.notify(Waiting(job.state, self._elapsed))
        return is_news

    def _tell_output(self) -> bool:
        has_news = False
        for part in self.reader.new_parts():
            has_news = True
            self._last = part
            lines, self._rest = split_lines(self._rest + part.text, is_last=part.is_last)
            if lines:
                self.notify(Printed(lines))
        return has_news

    def _tell_metrics(self, *, is_over: bool) -> bool:
        if not is_over and self.clock.now() < self._metrics_at:
            return False
        self._metrics_at = self.clock.now() + _METRICS_EVERY
        metrics = self.client.tracking.get_run(self.run_id).metrics
        changed = {key: value for key, value in metrics.items() if self._metrics.get(key) != value}
        if changed:
            self._metrics.update(changed)
            self.notify(MetricsLogged(changed))
        return bool(changed)

    @property
    def _elapsed(self) -> float:
        return self.clock.now() - self._started

    @property
    def _quick(self) -> float:
        return _NEARBY if self._is_nearby else QUICK

    @property
    def _slow(self) -> float:
        return QUICK if self._is_nearby else SLOW

    @property
    def _is_nearby(self) -> bool:
        return self.client.host.startswith("http://")  # plain http is for loopback only


def split_lines(text: str, *, is_last: bool) -> tuple[tuple[str, ...], str]:
    """Whole lines of ``text``, and the beginning of one that is still being written. Pure.

    A progress bar returns to the beginning of its line: only what it shows last is kept.
    """
    *lines, rest = text.split("\n")
    if is_last and rest:
        lines.append(rest)
        rest = ""
    if "\r" in rest.rstrip("\r"):
        lines.append(rest)
        rest = ""
    return tuple(line.rstrip("\r").rpartition("\r")[2] for line in lines), rest
