"""Which days of a month a schedule means. Pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol


class DayRule(Protocol):
    """Which days of a month are meant."""

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """The days of that month, ascending; none if it has no such day."""


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """Days by their number."""

    numbers: tuple[int, ...]

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """The numbers that the month has."""
        last = _last_day(year, month)
        return tuple(number for number in self.numbers if number <= last)


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day (`L`), some days before it (`L-3`), or the last weekday (`LW`)."""

    before: int = 0
    is_weekday: bool = False

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """That one day, if the month is long enough."""
        day = _last_day(year, month) - self.before
        if day < 1:
            return ()
        return (_nearest_weekday(year, month, day),) if self.is_weekday else (day,)


@dataclass(frozen=True, slots=True)
class NearestWeekday:
    """The weekday nearest to a day (`15W`), never in another month."""

    number: int

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """That one day, if the month has the day that it is near to."""
        if self.number > _last_day(year, month):
            return ()
        return (_nearest_weekday(year, month, self.number),)


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week, Sunday being 1."""

    numbers: tuple[int, ...]

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """Every such day of the month."""
        every = range(1, _last_day(year, month) + 1)
        return tuple(day for day in every if _weekday(year, month, day) in self.numbers)


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """One day of the week by its position in the month (`6#3`); ``nth`` 0 is the last (`6L`)."""

    weekday: int
    nth: int

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """That one day, if the month has so many of them."""
        found = Weekdays((self.weekday,)).days(year, month)
        if self.nth == 0:
            return found[-1:]
        return found[self.nth - 1 : self.nth]


def _last_day(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def _weekday(year: int, month: int, day: int) -> int:
    return date(year, month, day).isoweekday() % 7 + 1


def _nearest_weekday(year: int, month: int, day: int) -> int:
    wanted = date(year, month, day)
    shift = {6: -1, 7: 1}.get(wanted.isoweekday(), 0)
    moved = wanted + timedelta(days=shift)
    return moved.day if moved.month == month else day - 2 * shift
