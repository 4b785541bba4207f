"""Merges two versions of one object with their common ancestor, according to its form. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from mlops_core.notebooks import jupyter
from mlops_core.notebooks.formats import Form, Language, language_named
from mlops_core.notebooks.jupyter import Cell
from mlops_core.notebooks.text import (
    canonical,
    decode,
    encode,
    restyle,
    split_cells,
)
from mlops_core.sync.merge import merge_cells

MergeLines = Callable[[bytes, bytes, bytes], "bytes | None"]
"""Ours, base, theirs: the merged text, or None for a conflict."""


def merge_contents(
    ours: bytes, base: bytes, theirs: bytes, *, form: Form, merge_lines: MergeLines
) -> bytes | None:
    """The merge as a file in the manner of ours, or None if a person has to decide."""
    if not form.is_notebook:
        is_text = all(_is_text(content) for content in (ours, base, theirs))
        return merge_lines(ours, base, theirs) if is_text else None
    if form.is_source:
        language = language_named(form.language)
        return _merge_source(ours, base, theirs, language=language, merge_lines=merge_lines)
    return _merge_jupyter(ours, base, theirs, merge_lines=merge_lines)


def _merge_source(
    ours: bytes, base: bytes, theirs: bytes, *, language: Language, merge_lines: MergeLines
) -> bytes | None:
    def merge_cell(mine: str, old: str, their: str) -> str | None:
        merged = merge_lines(*(encode(cell + "\n") for cell in (mine, old, their)))
        return None if merged is None else decode(merged).removesuffix("\n")

    sides = [_cells(content, language) for content in (ours, base, theirs)]
    merged = merge_cells(*sides, merge_cell=merge_cell, text=str)
    if merged is None:
        return None
    before, gap = _spacing(canonical(ours, language), language)
    text = f"{language.header}\n{before}{gap.join(merged)}"
    return restyle(encode(text), ours)


def _cells(content: bytes, language: Language) -> list[str]:
    return [cell.strip("\n") for cell in split_cells(canonical(content, language), language)]


def _spacing(text: str, language: Language) -> tuple[str, str]:
    """The blank lines before the first cell, and what our notebook puts between two cells."""
    cells = split_cells(text, language)
    gaps = Counter(
        _trail(one) + language.separator + "\n" + _lead(other) for one, other in pairwise(cells)
    )
    usual = f"\n\n{language.separator}\n\n"
    return _lead(text), max(gaps, key=lambda gap: gaps[gap], default=usual)


def _trail(cell: str) -> str:
    return cell[len(cell.rstrip("\n")) :]


def _lead(cell: str) -> str:
    return cell[: len(cell) - len(cell.lstrip("\n"))]


def _merge_jupyter(
    ours: bytes, base: bytes, theirs: bytes, *, merge_lines: MergeLines
) -> bytes | None:
    def merge_cell(mine: Cell, old: Cell, their: Cell) -> Cell | None:
        if mine.type != their.type:
            return None
        sources = (one.source + "\n" for one in (mine, old, their))
        # JSON may have half of a surrogate pair, which is no character.
        merged = merge_lines(*(source.encode("utf-8", "surrogatepass") for source in sources))
        if merged is None:
            return None
        return Cell(mine.type, merged.decode("utf-8", "surrogatepass").removesuffix("\n"))

    sides = [jupyter.cells(jupyter.parse(content)) for content in (ours, base, theirs)]
    merged = merge_cells(*sides, merge_cell=merge_cell, text=lambda cell: cell.source)
    return None if merged is None else jupyter.with_cells(ours, merged, theirs)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content
