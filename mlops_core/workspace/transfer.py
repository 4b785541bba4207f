"""Carries out steps in parallel: paced, told as they end, stopped by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock
from typing import Final, Generic, TypeVar

from mlops_core.errors import MlopsError, Unauthorized
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.retry import Clock, SystemClock

Step = TypeVar("Step")
Result = TypeVar("Result")

_FIRST_RATE: Final = 30.0  # imports a second that a workspace allows (databricks_api 0)
_SLOWEST: Final = 0.5
_GROWTH: Final = 1.0
_CUT: Final = 0.9
_PAUSE: Final = 1.0
_BEAT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Step, Result]):
    """How one step ended: with a result, or with an error that does not stop the others."""

    step: Step
    result: Result | None = None
    error: MlopsError | None = None


class Pace:
    """How many steps may start in a second: any number, until the service asks for less.

    Then additive increase, multiplicative decrease. Safe under threads.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._rate: float | None = None
        self._next = 0.0
        self._changed = 0.0

    @property
    def rate(self) -> float | None:
        """Steps a second; None while nobody has asked for less."""
        return self._rate

    def wait(self, stop: Event | None = None) -> None:
        """Wait for this step's turn, but no longer than until ``stop`` is set."""
        with self._lock:
            if self._rate is None:
                return
            now = self._clock.now()
            self._rate += max(now - self._changed, 0.0) * _GROWTH
            self._changed = max(now, self._changed)
            turn = max(now, self._next)
            self._next = turn + 1 / self._rate
        if turn > now:
            self._clock.sleep(turn - now, stop)

    def slow_down(self) -> None:
        """The service refused a request for being one too many, and it will be sent again."""
        with self._lock:
            now = self._clock.now()
            if self._rate is None:
                self._rate, self._next, self._changed = _FIRST_RATE, now + _PAUSE, now + _PAUSE
            elif now >= self._changed:  # else this one belongs to the same burst
                self._rate = max(self._rate * _CUT, _SLOWEST)
                self._changed = now + _PAUSE
            self._next = max(self._next, now) + 1 / self._rate  # the turn of the second try


def carry_out(
    steps: Sequence[Step],
    apply: Callable[[Step], Result],
    notify: Callable[[Outcome[Step, Result]], None],
    *,
    http: HttpClient,
) -> list[Outcome[Step, Result]]:
    """Apply ``steps`` in parallel and notify, from this thread, as each one ends.

    A step's MlopsError is its outcome; anything else stops the run, as Ctrl-C does: nothing
    more is started then, what is in flight is cut off, and what was done by then is told. So
    does Unauthorized: whoever is not known any more fails with every step.
    """
    pace, stop = Pace(http.clock), Event()

    def paced(step: Step) -> Result:
        pace.wait(stop)
        if stop.is_set():
            raise CancelledError
        return apply(step)

    outcomes: list[Outcome[Step, Result]] = []
    told: set[Future[Result]] = set()
    with _throttling(http, pace), ThreadPoolExecutor(http.workers) as pool:
        pending = {pool.submit(paced, step): step for step in steps}
        try:
            for future in as_completed(pending):
                told.add(future)
                outcomes.append(_outcome(pending[future], future))
                notify(outcomes[-1])
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            _cut_off(pending, http)
            for future in [one for one in pending if one not in told and _has_succeeded(one)]:
                notify(_outcome(pending[future], future))
            raise
    return outcomes


def _cut_off(pending: Iterable[Future[Result]], http: HttpClient) -> None:
    """Make every step that is at work fail; one may be between two requests, and send the next."""
    while running := [future for future in pending if future.running()]:
        http.interrupt()
        wait(running, timeout=_BEAT)


def _has_succeeded(future: Future[Result]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


@contextmanager
def _throttling(http: HttpClient, pace: Pace) -> Iterator[None]:
    before, http.on_throttled = http.on_throttled, pace.slow_down
    try:
        yield
    finally:
        http.on_throttled = before


def _outcome(step: Step, future: Future[Result]) -> Outcome[Step, Result]:
    try:
        return Outcome(step, future.result())
    except Unauthorized:
        raise
    except MlopsError as error:
        return Outcome(step, error=error)
