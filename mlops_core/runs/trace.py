"""Tracebacks with the checkout's own paths instead of the driver's. Pure."""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def map_paths(text: str, uploaded: str, source: str) -> str:
    """``text`` without colours, with ``source`` in place of the ``uploaded`` project folder."""
    plain = _COLOURS.sub("", text)
    without_mount = uploaded.removeprefix("/Workspace")
    for folder in (uploaded, without_mount):
        plain = plain.replace(f"{folder}/", f"{source}/")
    return plain


def find_place(trace: str, source: str) -> str:
    """The innermost `file.py:41` of the project in ``trace``, or nothing."""
    lines = re.findall(rf'File "({re.escape(source)}/[^"]+)", line (\d+)', trace)
    return ":".join(lines[-1]) if lines else ""


def last_line(trace: str) -> str:
    """What the traceback ends with, such as `ValueError: no rows`."""
    lines = trace.strip().splitlines()
    return lines[-1].strip() if lines else ""
