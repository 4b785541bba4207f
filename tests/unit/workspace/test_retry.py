import threading
import time

import pytest

from mlops_core.errors import NotFound, Unavailable
from mlops_core.workspace.retry import (
    FIRST,
    LATER,
    SystemClock,
    TryAgain,
    parse_retry_after,
    persist,
)


def _failing(times, pause=None):
    def attempt(retries, left):
        if retries < times:
            raise TryAgain(Unavailable(f"try {retries}"), pause)
        return retries

    return attempt


def test_it_tries_until_it_succeeds(clock):
    assert persist(_failing(5), lambda: LATER, clock, threading.Event()) == 5
    assert len(clock.naps) == 5


def test_the_pauses_grow_and_stay_bounded(clock):
    persist(_failing(12), lambda: LATER, clock, threading.Event())
    assert 0.25 <= clock.naps[0] <= 0.5
    assert 5 <= max(clock.naps) <= 10


def test_the_first_request_has_two_tries(clock):
    with pytest.raises(Unavailable, match="try 1"):
        persist(_failing(9), lambda: FIRST, clock, threading.Event())
    assert clock.time < 10


def test_five_minutes_are_the_end(clock):
    with pytest.raises(Unavailable):
        persist(_failing(10_000, pause=7), lambda: LATER, clock, threading.Event())
    assert 290 <= clock.time <= 300


def test_no_pause_is_begun_that_would_end_too_late(clock):
    with pytest.raises(Unavailable):
        persist(_failing(9, pause=10), lambda: FIRST, clock, threading.Event())
    assert clock.naps == []


def test_an_answer_that_says_later_earns_more_patience(clock):
    given = iter([FIRST, *[LATER] * 100])
    assert persist(_failing(4), lambda: next(given), clock, threading.Event()) == 4


def test_each_further_try_is_prepared_after_the_pause(clock):
    seen = []
    persist(
        _failing(2), lambda: LATER, clock, threading.Event(), lambda: seen.append(len(clock.naps))
    )
    assert seen == [1, 2]


def test_a_try_that_cannot_be_prepared_leaves_the_one_before_as_the_last(clock):
    def prepare() -> None:
        raise NotFound("gone")

    with pytest.raises(Unavailable, match="try 0"):
        persist(_failing(2), lambda: LATER, clock, threading.Event(), prepare)


def test_a_stop_ends_it(clock):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Unavailable, match="try 0"):
        persist(_failing(3), lambda: LATER, clock, stop)
    assert clock.naps == []


def test_a_stop_wakes_a_sleeping_thread():
    stop, clock = threading.Event(), SystemClock()
    sleeper = threading.Thread(target=clock.sleep, args=(600, stop), daemon=True)
    sleeper.start()
    stop.set()
    sleeper.join(30)
    assert not sleeper.is_alive()


def test_the_system_clock_only_grows():
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0)
    assert clock.now() >= before


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "86400"}, 60.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        (
            {
                "retry-after": "Mon, 01 Jan 2024 00:00:09 GMT",
                "date": "Mon, 01 Jan 2024 00:00:00 GMT",
            },
            9.0,
        ),
        (
            {
                "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT",
                "date": "Mon, 01 Jan 2024 00:00:09 GMT",
            },
            0.0,
        ),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers, seconds):
    assert parse_retry_after(headers) == seconds


def test_a_retry_date_is_compared_with_our_clock_if_the_answer_has_none(mocker):
    mocker.patch.object(time, "time", return_value=1704067200.0)
    assert parse_retry_after({"retry-after": "Mon, 01 Jan 2024 00:00:05 GMT"}) == 5.0
