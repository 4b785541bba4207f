"""Names from elsewhere on a terminal: shown without driving it, typed without a shell reading them.

Whoever makes a notebook chooses its name, and ESC, a newline or `$(…)` may be part of it.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Final

# What moves the cursor, ends a line or turns its direction, and bytes that are no UTF-8.
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]"
)
_PLAIN: Final = re.compile(r"[\w./:\\-]+", re.ASCII)
_READ_BY_POWERSHELL: Final = re.compile("[$`\u201c\u201d\u201e]")


def visible(text: str) -> str:
    """``text`` with control characters as escapes: `\\x1b`, `\\n`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def quoted(name: str, *, is_windows: bool = os.name == "nt") -> str:
    """``name`` as one word of a command line, with no control character in it.

    For POSIX shells (with control characters for bash, ksh and zsh); on Windows for PowerShell
    and, unless the name has a dollar sign or a backtick in it, for cmd, which does no harm then.
    """
    if is_windows:
        escaped = _READ_BY_POWERSHELL.sub(r"`\g<0>", name)
        return name if _PLAIN.fullmatch(name) else f'"{escaped}"'
    if _CONTROL.search(name):
        text = name.replace("\\", "\\\\").replace("'", "\\'")
        return f"$'{_CONTROL.sub(_bytes_of, text)}'"
    return shlex.quote(name)


def _bytes_of(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode("utf-8", "surrogateescape"))
