"""Quartz's own examples, its special characters, clock changes, and what a mistake is told."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from mlops_core.errors import UsageError
from mlops_core.quartz.schedule import next_times, parse_quartz

START = datetime(2026, 1, 1, tzinfo=timezone.utc)  # a Thursday


def times(text: str, count: int = 3, after: datetime = START) -> list[str]:
    found = islice(next_times(parse_quartz(text), after), count)
    return [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in found]


def days(text: str, count: int = 3) -> list[str]:
    return [found[:10] for found in times(f"0 15 10 {text}", count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 12 * * ?", ["2026-01-01 12:00:00", "2026-01-02 12:00:00"]),
        ("0 15 10 ? * *", ["2026-01-01 10:15:00", "2026-01-02 10:15:00"]),
        ("0 15 10 * * ?", ["2026-01-01 10:15:00", "2026-01-02 10:15:00"]),
        ("0 15 10 * * ? *", ["2026-01-01 10:15:00", "2026-01-02 10:15:00"]),
        ("0 15 10 * * ? 2005", []),
        ("0 15 10 * * ? 2027", ["2027-01-01 10:15:00", "2027-01-02 10:15:00"]),
        ("0 * 14 * * ?", ["2026-01-01 14:00:00", "2026-01-01 14:01:00"]),
        ("0 0/5 14 * * ?", ["2026-01-01 14:00:00", "2026-01-01 14:05:00"]),
        ("0 55/5 14,18 * * ?", ["2026-01-01 14:55:00", "2026-01-01 18:55:00"]),
        ("0 0-5 14 * * ?", ["2026-01-01 14:00:00", "2026-01-01 14:01:00"]),
        ("0 10,44 14 ? 3 WED", ["2026-03-04 14:10:00", "2026-03-04 14:44:00"]),
        ("0 15 10 ? * MON-FRI", ["2026-01-01 10:15:00", "2026-01-02 10:15:00"]),
        ("0 15 10 15 * ?", ["2026-01-15 10:15:00", "2026-02-15 10:15:00"]),
        ("0 15 10 L * ?", ["2026-01-31 10:15:00", "2026-02-28 10:15:00"]),
        ("0 15 10 L-2 * ?", ["2026-01-29 10:15:00", "2026-02-26 10:15:00"]),
        ("0 15 10 ? * 6L", ["2026-01-30 10:15:00", "2026-02-27 10:15:00"]),
        ("0 15 10 ? * 6L 2028-2029", ["2028-01-28 10:15:00", "2028-02-25 10:15:00"]),
        ("0 15 10 ? * 6#3", ["2026-01-16 10:15:00", "2026-02-20 10:15:00"]),
        ("0 0 12 1/5 * ?", ["2026-01-01 12:00:00", "2026-01-06 12:00:00"]),
        ("0 11 11 11 11 ?", ["2026-11-11 11:11:00", "2027-11-11 11:11:00"]),
        ("20 30 * * * ?", ["2026-01-01 00:30:20", "2026-01-01 01:30:20"]),
    ],
)
def test_the_documented_examples(text: str, expected: list[str]) -> None:
    assert times(text, 2) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("0/15", (0, 15, 30, 45)),
        ("5/15", (5, 20, 35, 50)),
        ("*/20", (0, 20, 40)),
        ("/30", (0, 30)),
        ("10-20/5", (10, 15, 20)),
        ("58-1", (0, 1, 58, 59)),
        ("7,3-4,3", (3, 4, 7)),
    ],
)
def test_lists_ranges_and_steps(field: str, expected: tuple[int, ...]) -> None:
    assert parse_quartz(f"{field} 0 0 * * ?").seconds == expected


def test_names_steps_and_ranges_of_months() -> None:
    assert parse_quartz("0 0 0 1 NOV-feb ?").months == (1, 2, 11, 12)
    assert parse_quartz("0 0 0 1 7/6 ?").months == (7,)
    assert parse_quartz("0 0 0 1 JAN/4 ?").months == (1, 5, 9)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("? * 1", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("? * SUN", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("? * L", ["2026-01-03", "2026-01-10", "2026-01-17"]),
        ("? * FRI-SUN", ["2026-01-02", "2026-01-03", "2026-01-04"]),
        ("? * FRI#5", ["2026-01-30", "2026-05-29", "2026-07-31"]),
        ("? * monl", ["2026-01-26", "2026-02-23", "2026-03-30"]),
        ("15W * ?", ["2026-01-15", "2026-02-16", "2026-03-16"]),
        ("1W 8 ?", ["2026-08-03", "2027-08-02", "2028-08-01"]),
        ("31W 5 ?", ["2026-05-29", "2027-05-31", "2028-05-31"]),
        ("31W * ?", ["2026-01-30", "2026-03-31", "2026-05-29"]),
        ("LW * ?", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("L-3W * ?", ["2026-01-28", "2026-02-25", "2026-03-27"]),
        ("L-30 * ?", ["2026-01-01", "2026-03-01", "2026-05-01"]),
        ("31 * ?", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("29 2 ?", ["2028-02-29", "2032-02-29", "2036-02-29"]),
    ],
)
def test_days(rule: str, expected: list[str]) -> None:
    assert days(rule) == expected


def test_a_time_that_never_comes_has_no_next_time() -> None:
    assert times("0 0 0 30 2 ?") == []


def test_times_follow_the_moment_and_its_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, 1, 1, 12, 0, 0, tzinfo=berlin)
    found = list(islice(next_times(parse_quartz("0 0 12,13 * * ?"), noon), 2))
    assert [moment.isoformat() for moment in found] == [
        "2026-01-01T13:00:00+01:00",
        "2026-01-02T12:00:00+01:00",
    ]


def test_a_time_that_the_clock_jumps_over_is_skipped() -> None:
    eve = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert times("0 30 2 * * ?", 2, eve) == ["2026-03-30 02:30:00", "2026-03-31 02:30:00"]


def test_a_time_that_the_clock_shows_twice_fires_once_in_standard_time() -> None:
    eve = datetime(2026, 10, 24, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    found = list(islice(next_times(parse_quartz("0 30 2 * * ?"), eve), 2))
    assert [moment.isoformat() for moment in found] == [
        "2026-10-25T02:30:00+01:00",
        "2026-10-26T02:30:00+01:00",
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("60 0 0 * * ?", "seconds cannot be '60': 60 is not between 0 and 59", "seconds takes 0-5"),
        ("0 61 0 * * ?", "minutes cannot be '61'", "minutes takes 0-59, with , - * /"),
        ("0 0 24 * * ?", "hours cannot be '24'", "hours takes 0-23"),
        ("0 0 0 32 * ?", "day-of-month cannot be '32'", "1-31, with , - * / ? L W"),
        ("0 0 0 1 13 ?", "month cannot be '13'", "1-12 or JAN-DEC"),
        ("0 0 0 ? * 0", "day-of-week cannot be '0'", "1-7 or SUN-SAT, with , - * / ? L #"),
        ("0 0 0 ? * FUNDAY", "day-of-week cannot be 'FUNDAY'", "1-7 or SUN-SAT"),
        ("0 0 0 ? * FRI#6", "at most 5 of them", "day-of-week"),
        ("0 0 0 * * ? 1969", "year cannot be '1969'", "1970-2099"),
        ("0 0 0 * * ? 2030-2027", "years do not start again", "year takes"),
        ("0 0/60 0 * * ?", "a step is between 1 and 59", "minutes"),
        ("0 */0 0 * * ?", "a step is between 1 and 59", "minutes"),
        ("0 1,,2 0 * * ?", "a value is missing beside a comma", "minutes"),
        ("0 ? 0 * * ?", "minutes cannot be '?'", "minutes"),
        ("0 0 0 1,L * ?", "L, W and # stand in one value alone", "day-of-month"),
        ("0 0 0 1-5W * ?", "L, W and # stand in one value alone", "day-of-month"),
        ("0 0 0 L-31 * ?", "at most 30 days before the last", "day-of-month"),
        ("0 0 0 * * *", "neither is ?", "? marks the day field"),
        ("0 0 0 ? * ?", "both are ?", "? marks the day field"),
        ("0 3 * * *", "has 5 fields; Quartz has 6 or 7", '"0 0 3 * * ?"'),
        ("0 3 * * 1", "has 5 fields", '"0 0 3 * * ?" for 03:00:00'),
        ("", "has 0 fields", "0 0 3"),
    ],
)
def test_a_mistake_names_the_field_and_what_it_may_hold(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_quartz(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
