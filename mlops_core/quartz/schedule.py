"""Quartz cron text, as Databricks jobs are scheduled: read, checked, and turned into times. Pure.

Rules as in Quartz's own documentation of CronExpression: seconds come first, Sunday is 1, and
one of the two day fields is `?`. A clock change follows Quartz too: a time that the clock jumps
over is skipped, one that it shows twice fires once, in standard time (java.util.Calendar).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone

from mlops_core.errors import UsageError
from mlops_core.quartz.days import (
    DayRule,
    DaysOfMonth,
    LastDay,
    NearestWeekday,
    NthWeekday,
    Weekdays,
)

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
HINT = 'write it as Quartz does, such as "0 0 3 * * ?" for 03:00:00 every day'


@dataclass(frozen=True, slots=True)
class Schedule:
    """A Quartz text, understood. All values ascend."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_rule: DayRule
    months: tuple[int, ...]
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    special: str = ""

    @property
    def allowed(self) -> str:
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.first}-{self.last}{named}, with , - * /{self.special}"

    @property
    def everything(self) -> tuple[int, ...]:
        return tuple(range(self.first, self.last + 1))

    def wrong(self, part: str, reason: str) -> UsageError:
        return UsageError(
            f"the cron text's {self.name} cannot be {part!r}: {reason}",
            hint=f"{self.name} takes {self.allowed}",
        )


_SECONDS = _Field("seconds", 0, 59)
_MINUTES = _Field("minutes", 0, 59)
_HOURS = _Field("hours", 0, 23)
_DAY = _Field("day-of-month", 1, 31, special=" ? L W")
_MONTH = _Field("month", 1, 12, MONTHS)
_WEEKDAY = _Field("day-of-week", 1, 7, WEEKDAYS, special=" ? L #")
_YEAR = _Field("year", 1970, 2099)

_PART = re.compile(r"(?P<all>\*)?(?P<first>\w+)?(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_LAST = re.compile(r"L(?:-(?P<before>\d{1,2}))?(?P<weekday>W)?", re.ASCII)
_NEAREST = re.compile(r"(?P<day>\d{1,2})W", re.ASCII)
_LAST_WEEKDAY = re.compile(r"(?P<weekday>\w+?)L", re.ASCII)
_NTH_WEEKDAY = re.compile(r"(?P<weekday>\w+)#(?P<nth>\w+)", re.ASCII)


def parse_quartz(text: str) -> Schedule:
    """Read a Quartz text of six or seven fields; upper and lower case are alike.

    Raises UsageError that names the field and what it may hold.
    """
    parts = text.upper().split()
    if len(parts) not in {6, 7}:
        raise UsageError(
            f"the cron text {text!r} has {len(parts)} fields; Quartz has 6 or 7: seconds minutes"
            " hours day-of-month month day-of-week [year]",
            hint=_unix_hint(parts) or HINT,
        )
    year = parts[6] if len(parts) == 7 else "*"
    return Schedule(
        text=" ".join(text.split()),
        seconds=_parse_values(_SECONDS, parts[0]),
        minutes=_parse_values(_MINUTES, parts[1]),
        hours=_parse_values(_HOURS, parts[2]),
        day_rule=_parse_days(parts[3], parts[5]),
        months=_parse_values(_MONTH, parts[4]),
        years=_parse_values(_YEAR, year),
    )


def next_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """When the schedule fires after an aware moment, ascending, in that moment's time zone."""
    zone = after.tzinfo
    for day in _days(schedule, after.date()):
        earliest = after.hour if day == after.date() else 0
        for hour in (hour for hour in schedule.hours if hour >= earliest):
            for minute in schedule.minutes:
                for second in schedule.seconds:
                    wall = datetime(day.year, day.month, day.day, hour, minute, second)
                    moment = wall.replace(tzinfo=zone, fold=1)
                    instant = moment.astimezone(timezone.utc)
                    exists = instant.astimezone(zone).replace(tzinfo=None) == wall
                    if exists and instant > after.astimezone(timezone.utc):
                        yield moment


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    for year in (year for year in schedule.years if year >= first.year):
        for month in schedule.months:
            if (year, month) < (first.year, first.month):
                continue
            for day in schedule.day_rule.days(year, month):
                found = date(year, month, day)
                if found >= first:
                    yield found


def _parse_values(field: _Field, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _parse_part(field, part)
    return tuple(sorted(found))


def _parse_part(field: _Field, part: str) -> set[int]:
    match = _PART.fullmatch(part)
    if not match or not part or (match["all"] and (match["first"] or match["last"])):
        raise field.wrong(part, _why(field, part))
    if match["last"] and not match["first"]:
        raise field.wrong(part, "a range needs a beginning")
    step = _parse_step(field, part, match["step"])
    if not match["first"]:
        return set(field.everything[::step])
    first = _parse_number(field, match["first"], part)
    if match["last"]:
        last = _parse_number(field, match["last"], part)
        return set(_between(field, part, first, last)[::step])
    return set(range(first, field.last + 1, step)) if match["step"] else {first}


def _between(field: _Field, part: str, first: int, last: int) -> list[int]:
    if first <= last:
        return list(range(first, last + 1))
    if field is _YEAR:
        raise field.wrong(part, "years do not start again at the first")
    return [*range(first, field.last + 1), *range(field.first, last + 1)]


def _parse_step(field: _Field, part: str, text: str | None) -> int:
    step = 1 if text is None else int(text)
    largest = field.last - field.first if field is _YEAR else field.last
    if not 1 <= step <= largest:
        raise field.wrong(part, f"a step is between 1 and {largest}")
    return step


def _parse_number(field: _Field, text: str, part: str) -> int:
    if text in field.names:
        return field.names.index(text) + 1
    if not text.isdecimal():
        raise field.wrong(part, _why(field, part))
    if not field.first <= int(text) <= field.last:
        raise field.wrong(part, f"{text} is not between {field.first} and {field.last}")
    return int(text)


def _why(field: _Field, part: str) -> str:
    if not part:
        return "a value is missing beside a comma"
    if "?" in part and field.special:
        return "? stands alone"
    if field.special and any(mark in part for mark in field.special.split()):
        return "L, W and # stand in one value alone, not in lists or ranges"
    return "that is no value of this field"


def _parse_days(day: str, weekday: str) -> DayRule:
    if (day == "?") == (weekday == "?"):
        both = "both are ?" if day == "?" else "neither is ?"
        raise UsageError(
            f"the cron text needs ? in day-of-month or in day-of-week, and {both}",
            hint=HINT + "; ? marks the day field that does not matter",
        )
    return _parse_weekday_rule(weekday) if day == "?" else _parse_day_rule(day)


def _parse_day_rule(text: str) -> DayRule:
    if match := _LAST.fullmatch(text):
        before = int(match["before"] or 0)
        if before > 30:
            raise _DAY.wrong(text, "at most 30 days before the last")
        return LastDay(before, is_weekday=bool(match["weekday"]))
    if match := _NEAREST.fullmatch(text):
        return NearestWeekday(_parse_number(_DAY, match["day"], text))
    return DaysOfMonth(_parse_values(_DAY, text))


def _parse_weekday_rule(text: str) -> DayRule:
    if match := _NTH_WEEKDAY.fullmatch(text):
        if match["nth"] not in {"1", "2", "3", "4", "5"}:
            raise _WEEKDAY.wrong(text, "a month has at most 5 of them, counted from #1")
        return NthWeekday(_parse_number(_WEEKDAY, match["weekday"], text), int(match["nth"]))
    if match := _LAST_WEEKDAY.fullmatch(text):
        return NthWeekday(_parse_number(_WEEKDAY, match["weekday"], text), 0)
    return Weekdays(_parse_values(_WEEKDAY, "7" if text == "L" else text))


def _unix_hint(parts: list[str]) -> str:
    """For the five fields of a Unix crontab, the same as Quartz, if no weekday must be counted."""
    if len(parts) != 5 or parts[4] != "*":
        return ""
    return f'put the seconds first and ? last: "0 {" ".join(parts[:4])} ?"'
