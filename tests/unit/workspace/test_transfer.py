"""Steps in parallel, paced, told as they end."""

from __future__ import annotations

import threading

import pytest

from mlops_core.errors import AccessDenied, MlopsError, Unauthorized
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.transfer import Outcome, Pace, carry_out


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.time += seconds


@pytest.fixture
def http():
    client = HttpClient("http://127.0.0.1:9", dict, workers=4, clock=FakeClock())
    yield client
    client.close()


def test_every_step_is_told_from_the_calling_thread_and_a_failure_stops_no_other(http):
    told: list[tuple[Outcome[int, int], int]] = []

    def apply(step: int) -> int:
        if step == 3:
            raise AccessDenied("no")
        return step * 2

    def notify(outcome: Outcome[int, int]) -> None:
        told.append((outcome, threading.get_ident()))

    outcomes = carry_out(range(6), apply, notify, http=http)
    assert sorted((one.step, one.result) for one in outcomes if not one.error) == [
        (0, 0),
        (1, 2),
        (2, 4),
        (4, 8),
        (5, 10),
    ]
    assert [one.step for one in outcomes if one.error] == [3]
    assert [one for one, _ in told] == outcomes
    assert {thread for _, thread in told} == {threading.get_ident()}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_bug_and_ctrl_c_start_nothing_more(http, error, monkeypatch):
    started: list[int] = []
    interrupted = threading.Event()
    monkeypatch.setattr(http, "interrupt", interrupted.set)

    def apply(step: int) -> None:
        started.append(step)
        if step == 0:
            raise error
        assert interrupted.wait(60), "what is in flight is cut off"

    with pytest.raises(error):
        carry_out(range(100), apply, lambda _: None, http=http)
    assert len(started) < 10


def test_the_pace_is_given_back(http):
    seen = []
    carry_out([1], lambda _: seen.append(http.on_throttled), lambda _: None, http=http)
    assert seen[0] is not None
    assert http.on_throttled is None


def test_nobody_waits_until_the_service_asks_for_it():
    clock = FakeClock()
    pace = Pace(clock)
    for _ in range(1000):
        pace.wait()
    assert clock.now() == 100.0
    assert pace.rate is None


def test_after_a_refusal_the_rate_is_cut_once_a_burst_and_grows_again():
    clock = FakeClock()
    pace = Pace(clock)
    for _ in range(20):
        pace.slow_down()
    assert pace.rate == 30.0
    clock.time += 2
    pace.slow_down()
    assert pace.rate == 27.0
    pace.slow_down()
    assert pace.rate == 27.0
    clock.time += 6
    pace.wait()
    assert pace.rate == pytest.approx(32.0, abs=1.1)


@pytest.mark.parametrize(("allowed", "share"), [(30, 0.05), (10, 0.1)])
def test_a_limited_service_is_neither_hammered_nor_left_idle(allowed, share):
    """A model of the service: so many a second, one refusal sends the step back a second."""
    clock, recent, refused, done = FakeClock(), [], 0, 0
    pace = Pace(clock)
    clock_start = clock.now()
    while done < 600:
        pace.wait()
        clock.time += 0.001
        while True:
            recent = [moment for moment in recent if moment > clock.now() - 1]
            if len(recent) < allowed:
                recent.append(clock.now())
                done += 1
                break
            refused += 1
            pace.slow_down()
            clock.time += 1.0
    assert refused < share * 600
    assert clock.now() - clock_start < 2 * 600 / allowed


def test_nobody_waits_for_a_turn_after_ctrl_c(http):
    class Patient(FakeClock):
        def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
            assert stop
            assert stop.wait(60), "whoever waits is told to stop"

    http.clock = Patient()
    throttled = threading.Event()
    started: list[int] = []

    def apply(step: int) -> None:
        started.append(step)
        if step == 0:
            http.on_throttled()
            throttled.set()
            raise KeyboardInterrupt
        assert throttled.wait(60)

    with pytest.raises(KeyboardInterrupt):
        carry_out(range(40), apply, lambda _: None, http=http)
    assert len(started) <= http.workers


def test_one_who_is_not_known_any_more_is_told_so_once(http):
    told: list[Outcome[int, None]] = []

    def apply(step: int) -> None:
        raise Unauthorized("expired")

    with pytest.raises(Unauthorized):
        carry_out(range(100), apply, told.append, http=http)
    assert told == []


def test_an_outcome_is_a_value():
    error = MlopsError("no")
    assert Outcome(1, error=error).result is None
