"""Names for workspace objects on a disk that cannot hold every name. Pure."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_ILLEGAL = frozenset('<>:"\\|?*') | {chr(code) for code in range(32)}
_RESERVED = frozenset({"CON", "PRN", "AUX", "NUL"}) | {
    f"{device}{number}" for device in ("COM", "LPT") for number in range(1, 10)
}
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class DiskRules:
    """What the disk under the workspace cannot do."""

    is_windows: bool
    is_case_sensitive: bool

    def key(self, name: str) -> str:
        """Two names with one key are one file on this disk."""
        return name if self.is_case_sensitive else unicodedata.normalize("NFC", name).casefold()

    def is_plain(self, name: str) -> bool:
        """Whether the disk holds ``name`` as it is, whatever lies beside it."""
        return self.is_case_sensitive and not self.is_windows and _fit(name) == name

    def disk_name(self, name: str, others: Iterable[str]) -> str:
        """A name for the disk, beside ``others``: ``name`` itself wherever the disk can hold it."""
        taken = {self.key(other) for other in others}
        fitted = _fit(_escape(name) if self.is_windows else name)
        candidate, number = fitted, 1
        while self.key(candidate) in taken:
            number += 1
            candidate = f"{fitted}~{number}"
        return candidate


def _escape(name: str) -> str:
    text = "".join(f"%{ord(one):02X}" if one in _ILLEGAL else one for one in name)
    if text[-1] in ". ":
        text = f"{text[:-1]}%{ord(text[-1]):02X}"
    return f"%{text}" if text.split(".")[0].upper() in _RESERVED else text


def _fit(name: str) -> str:
    raw = name.encode("utf-8", "surrogatepass")
    if len(raw) <= _LONGEST:
        return name
    return raw[:200].decode("utf-8", "ignore") + "~" + hashlib.sha256(raw).hexdigest()[:12]
