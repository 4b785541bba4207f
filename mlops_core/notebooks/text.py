"""Source notebooks as text: line endings, final newlines, header, cells. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

from mlops_core.notebooks.formats import BOM, Language

_NEWLINES: Final = ("\r\n", "\n", "\r")


@dataclass(frozen=True, slots=True)
class Style:
    """What may differ between two copies of one text without making them differ.

    ``newline`` is the usual line ending, ``final`` the very characters at the end.
    """

    has_bom: bool
    newline: str
    final: str


def decode(content: bytes) -> str:
    """``content`` as text, without its byte order mark; any byte survives a round trip."""
    return content.removeprefix(BOM).decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The reverse of :func:`decode`."""
    return text.encode("utf-8", "surrogateescape")


def unified(text: str) -> str:
    """``text`` with `\\n` for every line ending."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def canonical(content: bytes, language: Language) -> str:
    """What two copies of one source notebook have in common.

    The service keeps line endings and final newlines or not, by its age, and always adds the
    header line (databricks_api 3).
    """
    text = unified(decode(content))
    first, newline, rest = text.partition("\n")
    body = rest if first == language.header else first + newline + rest
    return body.rstrip("\n")


def style_of(content: bytes) -> Style:
    """How ``content`` ends its lines and itself."""
    text = decode(content)
    body = text.rstrip("\r\n")
    counts = {newline: _count(body or text, newline) for newline in _NEWLINES}
    usual = max(_NEWLINES, key=lambda newline: counts[newline])
    if not counts[usual]:
        usual = "\r\n" if "\r\n" in text else "\n"
    return Style(content.startswith(BOM), usual, text[len(body) :])


def restyle(content: bytes, like: bytes) -> bytes:
    """The text of ``content`` in the style of ``like``, lines that both have kept as there."""
    style = style_of(like)
    text = unified(decode(content)).rstrip("\n")
    old = decode(like)
    if _is_mixed(old, style.newline):
        styled = _with_endings_of(text, old, style.newline)
    else:
        styled = text.replace("\n", style.newline)
    return (BOM if style.has_bom else b"") + encode(styled + style.final)


def split_cells(text: str, language: Language) -> tuple[str, ...]:
    """The cells of a canonical text, each a run of whole lines."""
    cells = [""]
    for line in text.split("\n"):
        if line == language.separator:
            cells.append("")
        else:
            cells[-1] += line + "\n"
    return tuple(cells)


def _count(text: str, newline: str) -> int:
    if newline == "\r\n":
        return text.count(newline)
    return text.count(newline) - text.count("\r\n")


def _is_mixed(text: str, usual: str) -> bool:
    body = text.rstrip("\r\n")
    return any(_count(body, newline) for newline in _NEWLINES if newline != usual)


def _with_endings_of(text: str, old: str, usual: str) -> str:
    # `str.splitlines` would also cut at characters that end no line.
    parts = re.split("(\r\n|\n|\r)", old)
    kept, lines = [*parts[1::2], ""], text.split("\n")
    endings = [usual] * (len(lines) - 1)
    for there, here in _common(parts[::2], lines):
        if kept[there] and here < len(endings):
            endings[here] = kept[there]
    for line in range(len(endings) - 1):
        if (endings[line], lines[line + 1], endings[line + 1]) == ("\r", "", "\n"):
            endings[line] = "\n"  # the two would be one
    return "".join(line + end for line, end in zip(lines, [*endings, ""], strict=True))


def _common(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    """Positions of the lines that both have. Long lists are quick where most is equal."""
    head = _count_equal(old, new)
    tail = _count_equal(old[head:][::-1], new[head:][::-1])
    yield from ((line, line) for line in range(head))
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    for there, here, size in matcher.get_matching_blocks():
        yield from ((head + there + line, head + here + line) for line in range(size))
    yield from ((len(old) - line, len(new) - line) for line in range(tail, 0, -1))


def _count_equal(old: list[str], new: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
