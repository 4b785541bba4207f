"""What an export gives: content in the form asked for, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops_core.local_workspace.archives import packed
from mlops_core.local_workspace.import_rules import MAX_NOTEBOOK
from mlops_core.local_workspace.languages import JUPYTER, SOURCE, by_name
from mlops_core.local_workspace.node import EXPERIMENT, FILE, NOTEBOOK, Node
from mlops_core.local_workspace.notebook_text import as_jupyter, as_source
from mlops_core.local_workspace.replies import ApiError, invalid
from mlops_core.local_workspace.tree import Tree

_FORMATS = frozenset({"SOURCE", "JUPYTER", "AUTO", "RAW"})


@dataclass(frozen=True, slots=True)
class Exported:
    """A content, in memory or as a file to stream, and the extension it goes by."""

    content: bytes | Path
    file_type: str


def export_object(tree: Tree, node: Node, fmt: str, *, with_outputs: bool) -> Exported:
    """One object in the form asked for; ApiError for forms and objects that cannot be had."""
    if fmt == "DBC":
        raise invalid("this workspace has no DBC export: ask for SOURCE or AUTO")
    if fmt not in _FORMATS:
        raise invalid(f"'{fmt}' is not a supported format; there are {', '.join(sorted(_FORMATS))}")
    if node.kind == NOTEBOOK:
        return _notebook(tree, node, fmt, with_outputs)
    if node.is_folder:
        return Exported(packed(_files_below(tree, node, fmt)), "zip")
    if node.kind == EXPERIMENT:
        raise ApiError(403, "PERMISSION_DENIED", f"No access to read file at {node.path}")
    if node.kind != FILE:
        raise invalid(f"{node.path} cannot be exported: it is a {node.kind}")
    return Exported(tree.content_path(node), node.name.rpartition(".")[2])


def read_limited(exported: Exported, kind: str) -> bytes:
    """The content for a JSON answer; ApiError 400 above 10 MiB."""
    content = exported.content
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    if size > MAX_NOTEBOOK:
        code = "MAX_READ_SIZE_EXCEEDED" if kind == FILE else "MAX_NOTEBOOK_SIZE_EXCEEDED"
        raise ApiError(400, code, f"Size exceeds {MAX_NOTEBOOK} bytes")
    return content.read_bytes() if isinstance(content, Path) else content


def _notebook(tree: Tree, node: Node, fmt: str, with_outputs: bool) -> Exported:
    language, flavour = node.language or "", node.flavour or SOURCE
    content = tree.read_bytes(node)
    wanted = flavour if fmt in ("AUTO", "RAW") else fmt
    if wanted == JUPYTER:
        document = as_jupyter(content, language, flavour, node.name, with_outputs=with_outputs)
        return Exported(document, "ipynb")
    known = by_name(language)
    extension = known.extension[1:] if known else ""
    return Exported(as_source(content, language, flavour), extension)


def _files_below(tree: Tree, top: Node, fmt: str) -> list[tuple[str, bytes]]:
    files = []
    for node in tree.walk(top.path):
        if node.kind == NOTEBOOK or (node.kind == FILE and fmt == "AUTO"):
            exported = export_object(tree, node, fmt, with_outputs=True)
            suffix = f".{exported.file_type}" if node.kind == NOTEBOOK else ""
            name = node.path[len(top.path.rstrip("/")) + 1 :] + suffix
            files.append((name, read_limited(exported, node.kind)))
    return files
