"""What git makes of a file's line endings when it commits the file and checks it out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_LONE_CR: Final = re.compile(rb"\r(?!\n)")
_CONTROL: Final = bytes({*range(0x20), 0x7F} - set(b"\b\t\n\f\r\x1b"))
_TEXT_VALUES: Final = frozenset({"set", "unset", "auto", "input"})
_CONVERTING: Final = frozenset({"true", "input"})
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
ATTRIBUTES: Final = ("text", "crlf", "eol", "filter", "working-tree-encoding")
"""Those that say how git converts a file; `crlf` is the old name of `text`."""


@dataclass(frozen=True, slots=True)
class LineEndings:
    """How git treats one file: what of it gets LF in a commit, and CRLF in a checkout.

    ``is_guessed``: only if the content looks like text.
    """

    converts: bool = False
    is_guessed: bool = False
    has_crlf: bool = False

    def committed(self, content: bytes) -> bytes:
        """``content`` as git would commit it."""
        return content.replace(b"\r\n", b"\n") if self._applies_to(content) else content

    def checked_out(self, content: bytes, like: bytes = b"") -> bytes:
        """``content`` with the line endings of ``like``, or, where that has none, with git's."""
        if not self._applies_to(content):
            return content
        plain, windows = self.committed(content), like.count(b"\r\n")
        has_crlf = windows * 2 > like.count(b"\n") if b"\n" in like else self.has_crlf
        return plain.replace(b"\n", b"\r\n") if has_crlf else plain

    def _applies_to(self, content: bytes) -> bool:
        return self.converts and not (self.is_guessed and looks_binary(content))


AS_IS: Final = LineEndings()
"""Every byte stays what it is."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What git's configuration says: `core.autocrlf`, `core.eol`, and the system."""

    autocrlf: str = "false"
    eol: str = "native"
    is_windows: bool = False

    @property
    def has_crlf(self) -> bool:
        """Whether a text file that says nothing itself is checked out with CRLF."""
        if self.autocrlf in _CONVERTING:
            return self.autocrlf == "true"
        return self.eol == "crlf" or (self.eol != "lf" and self.is_windows)


def parse_preference(entries: Iterable[str], *, is_windows: bool) -> Preference:
    """What `git config -z` prints of the two variables; the last entry of each counts."""
    values = {"core.autocrlf": "false", "core.eol": "native"}
    for entry in entries:
        name, has_value, value = entry.partition("\n")
        values[name.lower()] = value.lower() if has_value else "true"
    autocrlf = "true" if values["core.autocrlf"] in _TRUE else values["core.autocrlf"]
    return Preference(autocrlf, values["core.eol"], is_windows)


def choose_line_endings(attributes: Mapping[str, str], preference: Preference) -> LineEndings:
    """What git does with a file that has these ATTRIBUTES, as `git check-attr` gives them.

    A file with another filter is left as it is: what that makes of it nobody here knows.
    """
    values = (attributes.get(name, "") for name in ("text", "crlf"))
    text = next((value for value in values if value in _TEXT_VALUES), "")
    if text == "unset" or _has_filter(attributes):
        return AS_IS
    eol = attributes.get("eol", "")
    if eol not in {"lf", "crlf"}:
        eol = "lf" if text == "input" else ""
    if not (text or eol):
        converts = preference.autocrlf in _CONVERTING
        return LineEndings(converts, converts, preference.has_crlf) if converts else AS_IS
    has_crlf = eol == "crlf" if eol else preference.has_crlf
    return LineEndings(True, text == "auto", has_crlf)


def looks_binary(content: bytes) -> bool:
    """Whether git takes ``content`` for binary: a NUL, a lone CR, or many control characters."""
    if b"\0" in content or (b"\r" in content and _LONE_CR.search(content)):
        return True
    control = len(content) - len(content.translate(None, _CONTROL))
    breaks = content.count(b"\n") + content.count(b"\r")
    printable = len(content) - control - breaks
    if content.endswith(b"\x1a"):
        control -= 1
    return printable // 128 < control


def _has_filter(attributes: Mapping[str, str]) -> bool:
    values = (attributes.get(name, "") for name in ("filter", "working-tree-encoding"))
    return any(value not in {"", "unset", "unspecified"} for value in values)
