"""Source notebooks as text: line endings, final newlines, header, cells. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
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
    """The cells of a canonical text, each a run of whole lines; :func:`join_cells` undoes it."""
    cells = [""]
    for line in text.split("\n"):
        if line == language.separator:
            cells.append("")
        else:
            cells[-1] += line + "\n"
    return tuple(cells)


def join_cells(cells: tuple[str, ...], language: Language) -> str:
    """The text whose cells these are."""
    return f"{language.separator}\n".join(cells)[:-1]


def _count(text: str, newline: str) -> int:
    if newline == "\r\n":
        return text.count(newline)
    return text.count(newline) - text.count("\r\n")


def _is_mixed(text: str, usual: str) -> bool:
    body = text.rstrip("\r\n")
    return any(_count(body, newline) for newline in _NEWLINES if newline != usual)


def _with_endings_of(text: str, old: str, usual: str) -> str:
    kept = _lines(old)
    lines = text.split("\n")
    endings = [usual] * (len(lines) - 1)
    matcher = SequenceMatcher(None, [line for line, _ in kept], lines, autojunk=False)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            ending = kept[block.a + offset][1]
            if ending and block.b + offset < len(endings):
                endings[block.b + offset] = ending
    return "".join(line + end for line, end in zip(lines, [*endings, ""], strict=True))


def _lines(text: str) -> list[tuple[str, str]]:
    """Each line with its ending; `str.splitlines` would also cut at characters that end none."""
    found, start, position = [], 0, 0
    while position < len(text):
        newline = next((end for end in _NEWLINES if text.startswith(end, position)), "")
        position += len(newline) or 1
        if newline:
            found.append((text[start : position - len(newline)], newline))
            start = position
    return [*found, (text[start:], "")]
