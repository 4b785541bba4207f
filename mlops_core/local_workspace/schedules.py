"""Quartz cron text as the embedded workspace understands it: does this second match?

On its own on purpose: the client has its own reader, and a test holds the two against each other.
This one walks along real instants and asks of each what its wall clock shows.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LAST_YEAR = 2099
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEK = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_QUARTER = timedelta(minutes=15)


class BadSchedule(ValueError):
    """The cron text or the time zone cannot be understood."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """One schedule: which wall-clock values match, in which zone."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    is_day: Callable[[date], bool]
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        """The first match later than an aware ``moment``, None if there is none any more."""
        now = moment.astimezone(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
        while True:
            wall = now.astimezone(self.zone)
            if wall.year > LAST_YEAR:
                return None
            leap = self._distance(wall)
            if not leap:
                return wall
            now = leap

    def _distance(self, wall: datetime) -> datetime | None:
        """The next instant worth looking at, None if this one matches."""
        now = wall.astimezone(timezone.utc)
        if not self._has_day(wall.date()):
            following = datetime.combine(wall.date() + timedelta(days=1), time(), self.zone)
            return max(following.astimezone(timezone.utc), now + timedelta(seconds=1))
        if wall.hour not in self.hours:
            # Zones are shifted by quarters of an hour, so every change of the hour is met.
            return now - timedelta(minutes=now.minute % 15, seconds=now.second) + _QUARTER
        if wall.minute not in self.minutes or self._comes_again(wall):
            return now - timedelta(seconds=now.second) + timedelta(minutes=1)
        return None if wall.second in self.seconds else now + timedelta(seconds=1)

    def _has_day(self, day: date) -> bool:
        return day.year in self.years and day.month in self.months and self.is_day(day)

    def _comes_again(self, wall: datetime) -> bool:
        return not wall.fold and wall.utcoffset() != wall.replace(fold=1).utcoffset()


def read_timetable(cron: str, zone_name: str) -> Timetable:
    """Understand a job's `quartz_cron_expression` and `timezone_id`, or raise BadSchedule."""
    fields = cron.upper().split()
    if len(fields) == 6:
        fields.append("*")
    if len(fields) != 7:
        raise BadSchedule(f"{cron!r} has not six or seven fields")
    second, minute, hour, day, month, weekday, year = fields
    if (day, weekday).count("?") != 1:
        raise BadSchedule(f"{cron!r}: exactly one of the day fields must be ?")
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule(f"{zone_name!r} is no time zone") from None
    return Timetable(
        seconds=_numbers(second, 0, 59),
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        months=_numbers(month, 1, 12, _MONTHS),
        years=_numbers(year, 1970, LAST_YEAR),
        is_day=_weekday_test(weekday) if day == "?" else _day_test(day),
        zone=zone,
    )


def _numbers(text: str, low: int, high: int, words: list[str] | None = None) -> frozenset[int]:
    numbers: set[int] = set()
    for item in text.split(","):
        span, slash, step = item.partition("/")
        begin, dash, end = span.partition("-")
        if begin in {"*", ""} and not dash and (begin or slash):
            first, last = low, high
        else:
            first = _number(begin, low, high, words)
            last = _number(end, low, high, words) if dash else high if slash else first
        width = high - low + 1
        if last < first and low != 1970:
            last += width
        stride = _number(step, 1, max(high, 1) if low != 1970 else width - 1) if slash else 1
        numbers.update((value - low) % width + low for value in range(first, last + 1, stride))
    if not numbers:
        raise BadSchedule(f"{text!r} matches nothing")
    return frozenset(numbers)


def _number(text: str, low: int, high: int, words: list[str] | None = None) -> int:
    if words and text in words:
        return words.index(text) + 1
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise BadSchedule(f"{text!r} is not between {low} and {high}")
    return int(text)


def _day_test(text: str) -> Callable[[date], bool]:
    if text.startswith("L"):
        workday = text.endswith("W")
        rest = text.removeprefix("L").removesuffix("W")
        if rest and not rest.startswith("-"):
            raise BadSchedule(f"{text!r} is no day of a month")
        early = _number(rest[1:], 0, 30) if rest else 0
        return lambda day: _is_target(day, _length(day) - early, workday)
    if text.endswith("W"):
        target = _number(text[:-1], 1, 31)
        return lambda day: _is_target(day, target, True)
    numbers = _numbers(text, 1, 31)
    return lambda day: day.day in numbers


def _is_target(day: date, target: int, workday: bool) -> bool:
    if not 1 <= target <= _length(day):
        return False
    if not workday or day.replace(day=target).weekday() < 5:
        return day.day == target
    if day.weekday() > 4:
        return False
    workdays = [n for n in range(1, _length(day) + 1) if day.replace(day=n).weekday() < 5]
    return day.day == min(workdays, key=lambda n: abs(n - target))


def _weekday_test(text: str) -> Callable[[date], bool]:
    if "#" in text:
        name, _, count = text.partition("#")
        weekday, nth = _number(name, 1, 7, _WEEK), _number(count, 1, 5)
        return lambda day: _sunday_first(day) == weekday and (day.day - 1) // 7 + 1 == nth
    if text.endswith("L") and text != "L":
        weekday = _number(text[:-1], 1, 7, _WEEK)
        return lambda day: _sunday_first(day) == weekday and day.day + 7 > _length(day)
    numbers = _numbers("SAT" if text == "L" else text, 1, 7, _WEEK)
    return lambda day: _sunday_first(day) in numbers


def _sunday_first(day: date) -> int:
    return (day.weekday() + 1) % 7 + 1


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]
