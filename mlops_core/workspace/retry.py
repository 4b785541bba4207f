"""How long to keep trying, and how long to wait in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Protocol, TypeVar

from mlops_core.errors import WorkspaceError
from mlops_core.workspace.call import date_in_milliseconds, do_nothing

_LONGEST_PAUSE = 60.0
_LONGEST_GUESS = 10.0
_SLICE = 0.5
_random = random.SystemRandom()

Result = TypeVar("Result")


class Clock(Protocol):
    """Time as a parameter: seconds that only grow, and a sleep that ``stop`` ends early."""

    def now(self) -> float:
        """Seconds since some fixed moment."""

    def sleep(self, seconds: float, stop: Event | None = None) -> None:
        """Wait, but no longer than until ``stop`` is set."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float, stop: Event | None = None) -> None:
        """Wait, but no longer than until ``stop`` is set or Ctrl-C is pressed."""
        stop = stop or Event()
        deadline = self.now() + seconds
        # Windows delivers Ctrl-C only between two waits.
        while (left := deadline - self.now()) > 0 and not stop.wait(min(left, _SLICE)):
            pass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried: seconds in all, and at most so many tries."""

    seconds: float
    tries: int


FIRST = Patience(seconds=10, tries=2)
"""A command's first request: an unreachable workspace is soon told."""

LATER = Patience(seconds=300, tries=1000)
"""Any other request: databricks-sdk's own budget (databricks_api 0)."""


class TryAgain(Exception):
    """This try failed as ``error`` says; another one may succeed after ``pause`` seconds."""

    def __init__(self, error: WorkspaceError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


def persist(
    attempt: Callable[[int, float], Result],
    patience: Callable[[], Patience],
    clock: Clock,
    stop: Event,
    before_retry: Callable[[], None] = do_nothing,
) -> Result:
    """Call ``attempt`` with the retries so far and the seconds left, until one is no TryAgain.

    Raises the last try's error when ``patience`` is used up, or would be before the pause that
    the server asks for is over, or when ``stop`` is set. ``patience`` is asked anew after each
    try, since an answer that says "later" still shows that somebody is there. ``before_retry``
    runs after each pause; should the workspace refuse it, the try before stays the last.
    """
    start, retries, left = clock.now(), 0, patience().seconds
    while True:
        try:
            return attempt(retries, left)
        except TryAgain as again:
            retries += 1
            pause = _guess(retries) if again.pause is None else again.pause
            left = start + patience().seconds - clock.now() - pause
            if retries < patience().tries and left > 0 and not stop.is_set():
                clock.sleep(pause, stop)
                if not stop.is_set():
                    _prepare(before_retry, again)
                    continue
            raise again.error from again.__cause__


def _prepare(before_retry: Callable[[], None], again: TryAgain) -> None:
    try:
        before_retry()
    except WorkspaceError as error:
        raise again.error from error


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait from a `Retry-After` header: a number, or an HTTP date.

    A date is compared with the answer's own `Date`, so that the two clocks need not agree.
    Capped, so that no header can stop a command for hours. None if there is nothing to read.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return min(float(value), _LONGEST_PAUSE)
    until, now = date_in_milliseconds(value), date_in_milliseconds(headers.get("date", ""))
    if until is None:
        return None
    seconds = (until - (time.time() * 1000 if now is None else now)) / 1000
    return min(max(seconds, 0.0), _LONGEST_PAUSE)


def _guess(retries: int) -> float:
    # Spread, so that twenty workers that failed together do not come back together.
    longest = min(0.5 * 2.0 ** min(retries - 1, 8), _LONGEST_GUESS)
    return longest * _random.uniform(0.5, 1.0)
