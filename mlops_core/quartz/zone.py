"""Time zones by their names."""

from __future__ import annotations

import difflib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from mlops_core.errors import UsageError


def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; UsageError with the names that come close if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = {zone.lower(): zone for zone in available_timezones()}
    last = {zone.rpartition("/")[2]: zone for zone in known}
    close = difflib.get_close_matches(name.lower(), [*known, *last], n=1, cutoff=0.7)
    hint = "give a name such as Europe/Berlin"
    if close:
        hint = f"did you mean {known[last.get(close[0], close[0])]}?"
    raise UsageError(f"{name!r} is no time zone", hint=hint)
