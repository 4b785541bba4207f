"""Three-way merge of notebooks, cell by cell. Pure.

Each of our and their cells is matched with a cell of the base: kept, edited, or new. A cell that
one side edited or deleted is taken from that side; one that both edited is merged by lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final, Generic, Protocol, TypeVar

_ALIKE: Final = 0.5
_LONG: Final = 100
_WORD: Final = re.compile(r"\w+")


class _Ordered(Hashable, Protocol):
    """A cell: comparable for equality, and used as a key."""


CellT = TypeVar("CellT", bound=_Ordered)

MergeCell = Callable[[CellT, CellT, CellT], "CellT | None"]
"""Ours, base, theirs: the merged cell, or None if both changed the same lines."""


@dataclass(slots=True)
class _Aligned(Generic[CellT]):
    """One side, seen from the base: what became of each cell, and what is new before each."""

    became: list[CellT | None]
    inserted: list[list[CellT]] = field(default_factory=list)


def merge_cells(
    ours: Sequence[CellT],
    base: Sequence[CellT],
    theirs: Sequence[CellT],
    *,
    merge_cell: MergeCell[CellT],
    text: Callable[[CellT], str],
) -> list[CellT] | None:
    """The merged cells, or None if both sides changed the same thing in different ways."""
    mine, their = _align(base, ours, text), _align(base, theirs, text)
    merged: list[CellT] = []
    for position in range(len(base) + 1):
        new = _merge_inserted(mine.inserted[position], their.inserted[position])
        if new is None:
            return None
        merged += new
        if position == len(base):
            break
        found = _merge_one(
            mine.became[position], base[position], their.became[position], merge_cell
        )
        if found is None:
            return None
        merged += found
    return merged


def _merge_inserted(ours: list[CellT], theirs: list[CellT]) -> list[CellT] | None:
    if ours == theirs or not theirs:
        return ours
    return None if ours else theirs


def _merge_one(
    ours: CellT | None, base: CellT, theirs: CellT | None, merge_cell: MergeCell[CellT]
) -> list[CellT] | None:
    """The one cell, none if it was deleted, or None for a conflict."""
    if ours == theirs or theirs == base:
        return [] if ours is None else [ours]
    if ours == base:
        return [] if theirs is None else [theirs]
    if ours is None or theirs is None:
        return None
    merged = merge_cell(ours, base, theirs)
    return None if merged is None else [merged]


def _align(
    base: Sequence[CellT], side: Sequence[CellT], text: Callable[[CellT], str]
) -> _Aligned[CellT]:
    aligned: _Aligned[CellT] = _Aligned([None] * len(base), [[] for _ in range(len(base) + 1)])
    matcher = SequenceMatcher(None, base, side, autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag == "equal":
            aligned.became[start:end] = side[first:last]
        else:
            _align_changed(aligned, (start, base[start:end]), side[first:last], text)
    return aligned


def _align_changed(
    aligned: _Aligned[CellT],
    old: tuple[int, Sequence[CellT]],
    new: Sequence[CellT],
    text: Callable[[CellT], str],
) -> None:
    """Match cells that were edited; the others are deleted or inserted."""
    start, cells = old
    taken = 0
    for position, edited in _pairs([text(cell) for cell in cells], [text(cell) for cell in new]):
        aligned.inserted[start + position] += new[taken:edited]
        aligned.became[start + position] = new[edited]
        taken = edited + 1
    aligned.inserted[start + len(cells)] += new[taken:]


def _pairs(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Positions of the cells that are edits of each other, in order: the best such choice."""
    if len(old) == len(new):
        return [(position, position) for position in range(len(old))]
    best: list[list[tuple[float, list[tuple[int, int]]]]] = [
        [(0.0, []) for _ in range(len(new) + 1)] for _ in range(len(old) + 1)
    ]
    for row in range(len(old)):
        for column in range(len(new)):
            choices = [best[row][column + 1], best[row + 1][column]]
            alike = _likeness(old[row], new[column])
            if alike >= _ALIKE:
                score, chosen = best[row][column]
                choices.append((score + alike, [*chosen, (row, column)]))
            best[row + 1][column + 1] = max(choices, key=lambda choice: choice[0])
    return best[-1][-1][1]


def _likeness(one: str, other: str) -> float:
    """How much two cells have in common: by characters, or, if one is long, by words.

    The cheap upper bounds come first: to compare thousands of characters takes a second a pair.
    """
    if not one or not other:
        return 0.0
    if max(len(one), len(other)) > _LONG:
        matcher = SequenceMatcher(None, _WORD.findall(one), _WORD.findall(other))
    else:
        matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()
