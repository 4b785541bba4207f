"""Jupyter notebooks: their cells, their language, and one notebook's cells in another. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product
from typing import Final
from urllib.parse import unquote

from mlops_core.errors import MlopsError
from mlops_core.notebooks.formats import BOM, is_language
from mlops_core.notebooks.text import unified

_DATABRICKS: Final = "application/vnd.databricks.v1+"
_OLDEST: Final = 4
_WITH_IDS: Final = 5
_TOO_DEEP: Final = "it is nested too deeply"

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's type and source, without line endings' and final newlines' accidents."""

    type: str
    source: str


def parse(content: bytes) -> Document:
    """The notebook's JSON, checked as far as the service checks it; MlopsError says what is off."""
    try:
        document = json.loads(_decoded(content))
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    except ValueError as error:
        raise _invalid(f"it is not JSON ({error})") from None
    except RecursionError:
        raise _invalid(_TOO_DEEP) from None
    if not isinstance(document, dict):
        raise _invalid("it is not a JSON object")
    if not isinstance(document.get("metadata"), dict) or not _are_cells(document.get("cells")):
        raise _invalid("it has no list of cells, or no metadata")
    version = document.get("nbformat")
    if not isinstance(version, int) or version < _OLDEST:
        raise _invalid(f"nbformat is {version!r}, and must be {_OLDEST}")
    return document


def language(document: Document) -> str:
    """The service's name for the notebook's language; what names none runs as Python."""
    metadata = _mapping(document["metadata"])
    ours = _mapping(metadata.get(f"{_DATABRICKS}notebook"))
    for name in (_mapping(metadata.get("language_info")).get("name"), ours.get("language")):
        if isinstance(name, str) and is_language(name.upper()):
            return name.upper()
    return "PYTHON"


def cells(document: Document) -> tuple[Cell, ...]:
    """What the user wrote: each cell's type and source; outputs and metadata are not."""
    return tuple(_cell(raw) for raw in _raw_cells(document))


def canonical(content: bytes) -> str:
    """What two copies of one Jupyter notebook have in common."""
    document = parse(content)
    return json.dumps([[cell.type, cell.source] for cell in cells(document)])


def adopt(ours: bytes, theirs: bytes) -> bytes:
    """Our notebook with their cells: ids, metadata and the outputs of equal cells stay ours.

    Outputs of other cells come from theirs, but for a notebook that is kept without any; so do
    attachments, beside those of ours that the cell's text still shows.
    """
    return with_cells(ours, cells(parse(theirs)), theirs)


def with_cells(ours: bytes, wanted: Sequence[Cell], theirs: bytes) -> bytes:
    """Our notebook, changed to hold the cells ``wanted``, each taken from ours or theirs."""
    document, other = parse(ours), parse(theirs)
    renderer = _renderer_of(ours, document)
    minor = document.get("nbformat_minor")
    has_ids = isinstance(minor, int) and minor >= _WITH_IDS
    their_cells = _raw_cells(other) if has_ids else [_without_id(raw) for raw in _raw_cells(other)]
    grafted = list(_grafted(tuple(wanted), _raw_cells(document), their_cells))
    document["cells"] = _with_ids(grafted) if has_ids else grafted
    if language(document) != language(other):
        mine, their = _mapping(document["metadata"]), _mapping(other["metadata"])
        document["metadata"] = {**mine, "language_info": their.get("language_info", {})}
    return renderer(document)


def _decoded(content: bytes) -> str:
    return content.removeprefix(BOM).decode("utf-8", "surrogatepass")


def _invalid(why: str) -> MlopsError:
    return MlopsError(
        f"no valid Jupyter notebook: {why}",
        hint="open and save it in Jupyter, or give it another extension",
    )


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _are_cells(value: object) -> bool:
    return isinstance(value, list) and all(_is_cell(cell) for cell in value)


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source = cell.get("source", "")
    return isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    )


def _raw_cells(document: Document) -> list[dict[str, object]]:
    raw = document["cells"]
    return [_mapping(cell) for cell in raw] if isinstance(raw, list) else []


def _cell(raw: Mapping[str, object]) -> Cell:
    source = raw.get("source", "")
    text = "".join(source) if isinstance(source, list) else str(source)
    return Cell(str(raw["cell_type"]), unified(text).rstrip("\n"))


def _aligned(
    wanted: tuple[Cell, ...], ours: list[dict[str, object]]
) -> Iterator[tuple[Cell, dict[str, object] | None]]:
    """Each wanted cell with the cell of ours that it is, or that it is an edit of."""
    matcher = SequenceMatcher(None, [_cell(raw) for raw in ours], wanted, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        old = [*ours[start:end], *[None] * (last - first)]
        yield from zip(wanted[first:last], old, strict=False)


def _grafted(
    wanted: tuple[Cell, ...], ours: list[dict[str, object]], theirs: list[dict[str, object]]
) -> Iterator[dict[str, object]]:
    takes_outputs = any(raw.get("outputs") for raw in ours)
    fresh = {_cell(raw): raw for raw in theirs}
    found = zip(_aligned(wanted, ours), _aligned(wanted, theirs), strict=True)
    for (cell, old), (_, new) in found:
        if old is not None and _cell(old) == cell:
            yield old
            continue
        raw = _written(cell, old, fresh.get(cell, {}), takes_outputs=takes_outputs)
        raw.pop("attachments", None)
        attachments = _attachments(cell, old or {}, new or {})
        yield {"attachments": attachments, **raw} if attachments else raw


def _attachments(
    cell: Cell, ours: Mapping[str, object], theirs: Mapping[str, object]
) -> dict[str, object]:
    """All of theirs, and those of ours that the text still shows."""
    shown = unquote(cell.source)
    mine = _mapping(ours.get("attachments")).items()
    kept = {name: one for name, one in mine if f"attachment:{name}" in shown}
    return {**kept, **_mapping(theirs.get("attachments"))}


def _written(
    cell: Cell, old: dict[str, object] | None, fresh: Mapping[str, object], *, takes_outputs: bool
) -> dict[str, object]:
    raw = dict(old if old is not None and old["cell_type"] == cell.type else fresh)
    metadata = _mapping(raw.get("metadata"))
    raw["cell_type"] = cell.type
    raw["metadata"] = {k: v for k, v in metadata.items() if not k.startswith(_DATABRICKS)}
    is_text = isinstance((old or fresh).get("source"), str)
    raw["source"] = cell.source if is_text else cell.source.splitlines(keepends=True)
    if cell.type == "code":
        raw["execution_count"] = fresh.get("execution_count") if takes_outputs else None
        raw["outputs"] = fresh.get("outputs", []) if takes_outputs else []
    return raw


def _without_id(raw: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in raw.items() if key != "id"}


def _with_ids(grafted: list[dict[str, object]]) -> list[dict[str, object]]:
    used: set[object] = set()
    for position, raw in enumerate(grafted):
        if not raw.get("id") or raw["id"] in used:
            text = f"{position} {_cell(raw)} {sorted(map(str, used))}"
            raw["id"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        used.add(raw["id"])
    return grafted


class _Renderer:
    """Writes JSON as some notebook was written: indentation, escapes, final newline."""

    def __init__(self, indent: int | str | None, *, escapes: bool, is_tight: bool) -> None:
        self._indent = indent
        self._escapes = escapes
        self._separators = (",", ":") if is_tight else ((", " if indent is None else ","), ": ")
        self._finish = ("", "\n", "")

    def like(self, bom: str, newline: str, final: str) -> _Renderer:
        self._finish = (bom, newline, final)
        return self

    def text(self, document: Document) -> str:
        try:
            return json.dumps(
                document,
                indent=self._indent,
                ensure_ascii=self._escapes,
                separators=self._separators,
            )
        except RecursionError:  # it takes more room to write than to read
            raise _invalid(_TOO_DEEP) from None

    def __call__(self, document: Document) -> bytes:
        bom, newline, final = self._finish
        text = self.text(document).replace("\n", newline)
        return (bom + text + final).encode("utf-8", "surrogatepass")


def _renderer_of(content: bytes, document: Document) -> _Renderer:
    text = _decoded(content)
    body = text.rstrip("\r\n \t")
    finish = (
        "\ufeff" if content.startswith(BOM) else "",
        "\r\n" if "\r\n" in body else "\n",
        text[len(body) :],
    )
    renderers = [
        _Renderer(indent, escapes=escapes, is_tight=is_tight).like(*finish)
        for indent, escapes, is_tight in product(
            (1, 2, 4, "\t", 3, None), (False, True), (False, True)
        )
    ]
    written = unified(body)
    return next((one for one in renderers if one.text(document) == written), renderers[0])
