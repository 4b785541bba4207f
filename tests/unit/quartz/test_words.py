"""Schedules in words."""

from __future__ import annotations

import pytest

from mlops_core.quartz.schedule import parse_quartz
from mlops_core.quartz.words import describe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0 3 * * ?", "at 03:00:00 every day"),
        ("0 0 3 ? * *", "at 03:00:00 every day"),
        ("0 30 6,18 ? * MON-FRI", "at 06:30:00 and 18:30:00 Monday to Friday"),
        ("0 0 6 ? * SUN,WED", "at 06:00:00 on Sunday and Wednesday"),
        ("0 0/15 * * * ?", "every 15 minutes, in every hour every day"),
        ("0 0/15 9-17 * * ?", "every 15 minutes, from 09:00 to 17:59 every day"),
        ("0 5/15 8,12 * * ?", "at minutes 5, 20, 35 and 50, in the hours 08 and 12 every day"),
        ("0 10 * * * ?", "at minute 10, in every hour every day"),
        ("* * * * * ?", "every second, in every hour every day"),
        ("0/10 * * * * ?", "every 10 seconds, in every hour every day"),
        ("0 * * * * ?", "every minute, in every hour every day"),
        ("0 0 0 1,15 * ?", "at 00:00:00 on day 1 and 15"),
        ("0 0 0 L * ?", "at 00:00:00 on the last day of the month"),
        ("0 0 0 L-3 * ?", "at 00:00:00 3 days before the last day of the month"),
        ("0 0 0 LW * ?", "at 00:00:00 on the last weekday of the month"),
        (
            "0 0 0 L-1W * ?",
            "at 00:00:00 on the weekday nearest to 1 day before the last day of the month",
        ),
        ("0 0 0 15W * ?", "at 00:00:00 on the weekday nearest to day 15"),
        ("0 0 0 ? * 6L", "at 00:00:00 on the last Friday of the month"),
        ("0 0 0 ? * SUN#2", "at 00:00:00 on the second Sunday of the month"),
        ("0 0 0 1 JAN,JUL ?", "at 00:00:00 on day 1 in January and July"),
        ("0 0 0 1 1 ? 2030", "at 00:00:00 on day 1 in January in 2030"),
        ("0 0 0 1 1 ? 2030-2032", "at 00:00:00 on day 1 in January from 2030 to 2032"),
    ],
)
def test_a_schedule_is_said_in_words(text: str, words: str) -> None:
    assert describe(parse_quartz(text)) == words
