"""Notebook contents on the server: their two flavours, and how one is read as the other. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from mlops_core.local_workspace.languages import JUPYTER, LANGUAGES, Language, by_name
from mlops_core.local_workspace.replies import ApiError, invalid

_DATABRICKS = "application/vnd.databricks.v1+"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: Markdown or code, without any prefix of a source script."""

    text: str
    is_markdown: bool = False


def parse_jupyter(content: bytes) -> dict[str, object]:
    """The notebook in an .ipynb; ApiError 400 for anything else."""
    try:
        document = json.loads(content)
    except ValueError:
        raise invalid("The notebook could not be imported: it is no JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise invalid("The notebook could not be imported: it has no list of cells")
    version = document.get("nbformat")
    if not isinstance(version, int) or version < 4:
        raise invalid("The notebook could not be imported: its nbformat is below 4")
    return document


def jupyter_language(document: Mapping[str, object]) -> str:
    """The API name of an .ipynb's language: `language_info.name` decides, else Python."""
    name = _mapping(_mapping(document.get("metadata")).get("language_info")).get("name")
    asked = str(name or "").lower()
    found = next((one for one in LANGUAGES if one.jupyter == asked), LANGUAGES[0])
    return found.name


def normalised(content: bytes) -> bytes:
    """What the service kept of a source notebook before 2025-12-16.

    LF only, one final newline dropped, and a newline after a header that stands alone.
    """
    text = content.replace(b"\r\n", b"\n")
    text = text.removesuffix(b"\n")
    headers = {language.header.encode() for language in LANGUAGES}
    return text + b"\n" if text in headers else text


def as_source(content: bytes, language: str, flavour: str) -> bytes:
    """The notebook as a source script: begins with the header, which is never doubled."""
    known = _language(language)
    if flavour == JUPYTER:
        return _script(known, _jupyter_cells(parse_jupyter(content))).encode()
    first = content.split(b"\n", 1)[0].rstrip(b"\r")
    if first == known.header.encode():
        return content
    return known.header.encode() + b"\n" + content


def as_jupyter(
    content: bytes, language: str, flavour: str, name: str, *, with_outputs: bool = True
) -> bytes:
    """The notebook as .ipynb, rewritten as the service does: metadata added, language lowercase."""
    known = _language(language)
    if flavour == JUPYTER:
        document = parse_jupyter(content)
    else:
        cells = script_cells(as_source(content, language, flavour).decode("utf-8"), known)
        document = {"cells": [_jupyter_cell(cell) for cell in cells], "nbformat": 4}
    document["cells"] = [_dressed(cell, with_outputs) for cell in _list(document.get("cells"))]
    document["metadata"] = _dressed_metadata(_mapping(document.get("metadata")), known, name)
    document["nbformat_minor"] = document.get("nbformat_minor", 0)
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def script_cells(script: str, language: Language) -> list[Cell]:
    """The cells of a source script that begins with its header."""
    lines = script.replace("\r\n", "\n").split("\n")[1:]
    cells: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == language.separator:
            cells.append([])
        else:
            cells[-1].append(line)
    return [_script_cell("\n".join(cell).strip("\n"), language) for cell in cells if any(cell)]


def _script_cell(text: str, language: Language) -> Cell:
    bare = language.magic.rstrip()
    lines = text.split("\n")
    if not all(line.startswith(bare) for line in lines):
        return Cell(text)
    plain = "\n".join(line.removeprefix(bare).removeprefix(" ") for line in lines)
    if plain.split(None, 1)[:1] == ["%md"]:
        return Cell(plain.removeprefix("%md").lstrip(" ").removeprefix("\n"), is_markdown=True)
    return Cell(plain)


def _script(language: Language, cells: list[Cell]) -> str:
    parts = [_cell_lines(cell, language) for cell in cells]
    return f"{language.header}\n" + f"\n\n{language.separator}\n\n".join(parts)


def _cell_lines(cell: Cell, language: Language) -> str:
    text = f"%md\n{cell.text}" if cell.is_markdown else cell.text
    if not text.startswith("%"):
        return text
    return "\n".join(f"{language.magic}{line}".rstrip() for line in text.split("\n"))


def _jupyter_cells(document: Mapping[str, object]) -> list[Cell]:
    cells = [_mapping(cell) for cell in _list(document.get("cells"))]
    return [Cell(_joined(cell), cell.get("cell_type") == "markdown") for cell in cells]


def _joined(cell: Mapping[str, object]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(str(line) for line in _list(source))


def _jupyter_cell(cell: Cell) -> dict[str, object]:
    source = cell.text.splitlines(keepends=True)
    if cell.is_markdown:
        return {"cell_type": "markdown", "metadata": {}, "source": source}
    return {
        **{"cell_type": "code", "execution_count": None, "metadata": {}},
        **{"outputs": [], "source": source},
    }


def _dressed(cell: object, with_outputs: bool) -> dict[str, object]:
    dressed = dict(_mapping(cell))
    metadata = dict(_mapping(dressed.get("metadata")))
    key = f"{_DATABRICKS}cell"
    metadata[key] = {
        **{"cellMetadata": {}, "inputWidgets": {}, "nuid": str(uuid4()), "showTitle": False},
        **_mapping(metadata.get(key)),
    }
    dressed["metadata"] = metadata
    if "outputs" in dressed and not with_outputs:
        dressed["outputs"] = []
    return dressed


def _dressed_metadata(
    metadata: Mapping[str, object], language: Language, name: str
) -> dict[str, object]:
    return {
        **metadata,
        f"{_DATABRICKS}notebook": {
            **{"dashboards": [], "language": language.jupyter, "notebookName": name},
            **{"notebookMetadata": {"pythonIndentUnit": 4}, "widgets": {}},
        },
        "language_info": {
            **_mapping(metadata.get("language_info")),
            "name": language.jupyter,
        },
    }


def _language(name: str) -> Language:
    known = by_name(name)
    if known is None:
        raise ApiError(400, "INVALID_STATE", f"a notebook has no language {name!r}")
    return known


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
