"""Reads what we need out of a JSON answer, and says which endpoint left something out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_core.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object that ``endpoint`` sent. Unknown fields are ignored, wrong types are absent.

    The methods without a default raise WorkspaceError for a field that is not there.
    """

    endpoint: str
    values: Mapping[str, object]

    def text(self, name: str, default: str | None = None) -> str:
        """A text; a number is one too, since ids come as either."""
        value = self.values.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        return self._missing(name) if default is None else default

    def number(self, name: str) -> int:
        """A whole number, sent as one or as its digits."""
        value = self.number_or_none(name)
        return int(self._missing(name)) if value is None else value

    def number_or_none(self, name: str) -> int | None:
        """A whole number, sent as one or as its digits; None if there is none."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            return int(value)
        except (ValueError, OverflowError):
            return None

    def real(self, name: str) -> float:
        """A number; `NaN` and `Infinity` come as texts."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return float(self._missing(name))
        try:
            return float(value)
        except ValueError:
            return float(self._missing(name))

    def truth(self, name: str) -> bool:
        """Whether the field is there and true."""
        return self.values.get(name) is True

    def part(self, name: str) -> Fields:
        """An object inside this one; empty if it is not there."""
        value = self.values.get(name)
        return Fields(self.endpoint, value if isinstance(value, dict) else {})

    def required_part(self, name: str) -> Fields:
        """An object inside this one."""
        if not isinstance(self.values.get(name), dict):
            self._missing(name)
        return self.part(name)

    def items(self, name: str) -> tuple[Fields, ...]:
        """The objects of a list; the service leaves an empty list out."""
        value = self.values.get(name)
        found = value if isinstance(value, list) else []
        return tuple(Fields(self.endpoint, each) for each in found if isinstance(each, dict))

    def _missing(self, name: str) -> str:
        raise WorkspaceError(
            f"{self.endpoint} answered without a usable {name!r}",
            hint="check that DATABRICKS_HOST is a Databricks workspace; if it is, report this",
        )
