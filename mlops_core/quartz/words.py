"""A schedule said back in words, so that a mistake is seen before it is made. Pure."""

from __future__ import annotations

from calendar import day_name, month_name
from collections.abc import Sequence

from mlops_core.quartz.days import (
    DayRule,
    DaysOfMonth,
    LastDay,
    NearestWeekday,
    NthWeekday,
    Weekdays,
)
from mlops_core.quartz.schedule import Schedule

_MOST_TIMES = 6
_NTH = ("last", "first", "second", "third", "fourth", "fifth")


def describe(schedule: Schedule) -> str:
    """What the schedule means: `at 03:00:00 every day`, `every 15 minutes from 09:00 to 17:59`."""
    parts = [_times(schedule), _days(schedule.day_rule), _months(schedule.months)]
    parts.append(_years(schedule.years))
    return " ".join(part for part in parts if part)


def _times(schedule: Schedule) -> str:
    hours, minutes, seconds = schedule.hours, schedule.minutes, schedule.seconds
    if len(hours) * len(minutes) * len(seconds) <= _MOST_TIMES:
        return "at " + _listed(
            [f"{h:02}:{m:02}:{s:02}" for h in hours for m in minutes for s in seconds]
        )
    parts = [
        _repeated("second", seconds, 60) if seconds != (0,) else "",
        _repeated("minute", minutes, 60) if len(minutes) < 60 or seconds == (0,) else "",
        _hours(hours),
    ]
    return ", ".join(part for part in parts if part)


def _repeated(unit: str, values: Sequence[int], whole: int) -> str:
    if len(values) == whole:
        return f"every {unit}"
    step = values[1] - values[0] if len(values) > 1 else 0
    if step and values[0] == 0 and list(values) == list(range(0, whole, step)) and not whole % step:
        return f"every {step} {unit}s"
    return f"at {unit}{'s' if len(values) > 1 else ''} {_listed(values)}"


def _hours(hours: Sequence[int]) -> str:
    if len(hours) == 24:
        return "in every hour"
    if len(hours) > 1 and hours[-1] - hours[0] == len(hours) - 1:
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return "in the hours " + _listed([f"{hour:02}" for hour in hours])


def _days(rule: DayRule) -> str:
    if isinstance(rule, DaysOfMonth):
        return "every day" if len(rule.numbers) == 31 else f"on day {_listed(rule.numbers)}"
    if isinstance(rule, Weekdays):
        return _weekdays(rule.numbers)
    if isinstance(rule, NthWeekday):
        return f"on the {_NTH[rule.nth]} {_weekday(rule.weekday)} of the month"
    if isinstance(rule, NearestWeekday):
        return f"on the weekday nearest to day {rule.number}"
    return _last_day(rule) if isinstance(rule, LastDay) else str(rule)


def _last_day(rule: LastDay) -> str:
    before = f"{rule.before} day{'s' if rule.before > 1 else ''} before " if rule.before else ""
    if rule.is_weekday and rule.before:
        return f"on the weekday nearest to {before}the last day of the month"
    if rule.is_weekday:
        return "on the last weekday of the month"
    return f"{before or 'on '}the last day of the month"


def _weekdays(numbers: Sequence[int]) -> str:
    if len(numbers) == 7:
        return "every day"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{_weekday(numbers[0])} to {_weekday(numbers[-1])}"
    return "on " + _listed([_weekday(number) for number in numbers])


def _weekday(number: int) -> str:
    return str(day_name[(number - 2) % 7])


def _months(months: Sequence[int]) -> str:
    return "" if len(months) == 12 else "in " + _listed([month_name[month] for month in months])


def _years(years: Sequence[int]) -> str:
    if len(years) == 130:
        return ""
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"from {years[0]} to {years[-1]}"
    return "in " + _listed(years)


def _listed(values: Sequence[object]) -> str:
    texts = [str(value) for value in values]
    return " and ".join([*([", ".join(texts[:-1])] if texts[:-1] else []), texts[-1]])
