"""The client's and the embedded workspace's reading of Quartz are the same; APScheduler judges."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_core.errors import UsageError
from mlops_core.local_workspace.schedules import BadSchedule, read_timetable
from mlops_core.quartz.schedule import MONTHS, WEEKDAYS, next_times, parse_quartz

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def numbers(first: int, last: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    plain = st.integers(first, last).map(str)
    value = st.one_of(plain, st.sampled_from(names)) if names else plain
    step = st.integers(1, last).map(str)
    part = st.one_of(
        value,
        st.just("*"),
        st.builds("{}-{}".format, value, value),
        st.builds("{}/{}".format, st.one_of(value, st.just("*"), st.just("")), step),
        st.builds("{}-{}/{}".format, value, value, step),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


MONTH_DAYS = st.one_of(
    numbers(1, 31),
    st.sampled_from(["L", "LW", "L-3W"]),
    st.integers(0, 30).map("L-{}".format),
    st.integers(1, 31).map("{}W".format),
)
WEEK_DAYS = st.one_of(
    numbers(1, 7, WEEKDAYS),
    st.just("L"),
    st.builds("{}{}".format, st.sampled_from([*WEEKDAYS, "1", "7"]), st.just("L")),
    st.builds("{}#{}".format, st.sampled_from([*WEEKDAYS, "3"]), st.integers(1, 5)),
)
TEXTS = st.builds(
    lambda clock, days, month, year: " ".join([*clock, days[0], month, days[1], *year]),
    st.tuples(numbers(0, 59), numbers(0, 59), numbers(0, 23)),
    st.one_of(st.tuples(MONTH_DAYS, st.just("?")), st.tuples(st.just("?"), WEEK_DAYS)),
    numbers(1, 12, MONTHS),
    st.sampled_from([(), ("*",), ("2026-2031",), ("2028/2",)]),
)
MOMENTS = st.datetimes(
    datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(timezone.utc)
)
CLOCK_CHANGES = st.sampled_from(
    [datetime(2026, 3, 29, tzinfo=timezone.utc), datetime(2026, 10, 25, tzinfo=timezone.utc)]
)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, zone=st.sampled_from(ZONES), moment=st.one_of(MOMENTS, CLOCK_CHANGES))
def test_client_and_embedded_workspace_fire_alike(text: str, zone: str, moment: datetime) -> None:
    ours = next_times(parse_quartz(text), moment.astimezone(ZoneInfo(zone)))
    theirs, after = [], moment
    timetable = read_timetable(text, zone)
    while len(theirs) < 3 and (found := timetable.next_after(after)):
        theirs.append(found)
        after = found
    assert [each.isoformat() for each in islice(ours, 3)] == [each.isoformat() for each in theirs]


NEAR_MISSES = st.text(alphabet="0123456789*/-,?LW# FRIJAN", min_size=9, max_size=24)


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(NEAR_MISSES, st.builds("0 0 0 {} * ?".format, NEAR_MISSES)))
def test_both_refuse_the_same_texts(text: str) -> None:
    try:
        parse_quartz(text)
    except UsageError:
        with pytest.raises(BadSchedule):
            read_timetable(text, "UTC")
    else:
        read_timetable(text, "UTC")


@settings(max_examples=200, deadline=None)
@given(
    clock=st.tuples(numbers(0, 59), numbers(0, 59), numbers(0, 23)),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    moment=MOMENTS,
)
def test_a_well_kept_scheduler_agrees_where_it_speaks_the_same(
    clock: tuple[str, str, str], weekdays: set[int], moment: datetime
) -> None:
    schedule = parse_quartz(f"{' '.join(clock)} ? * {','.join(map(str, sorted(weekdays)))}")
    judge = CronTrigger(
        second=",".join(map(str, schedule.seconds)),
        minute=",".join(map(str, schedule.minutes)),
        hour=",".join(map(str, schedule.hours)),
        day_of_week=",".join(WEEKDAYS[number - 1].lower() for number in weekdays),
        timezone="UTC",
    )
    assert next(next_times(schedule, moment)) == judge.get_next_fire_time(moment, moment)
