"""Carries out an import: decide, check, write; archives object by object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.archives import entries
from mlops_core.local_workspace.import_rules import (
    Wanted,
    check_raced,
    check_replace,
    check_siblings,
    check_size,
    plan_import,
    rival_names,
)
from mlops_core.local_workspace.languages import JUPYTER, SOURCE
from mlops_core.local_workspace.node import DIRECTORY, NOTEBOOK, Node, join_path, split_path
from mlops_core.local_workspace.notebook_text import jupyter_language, normalised, parse_jupyter
from mlops_core.local_workspace.places import check_may_create
from mlops_core.local_workspace.replies import NOT_FOUND, ApiError
from mlops_core.local_workspace.services import Services


@dataclass(frozen=True, slots=True)
class Upload:
    """One import as sent; ``staged`` has the content, complete, in the tree's incoming folder."""

    path: str
    staged: Path
    fmt: str = SOURCE
    language: str | None = None
    overwrite: bool = False
    is_json: bool = False


def import_object(services: Services, upload: Upload) -> Node:
    """Create or replace one object, or unpack an archive; the staged file is used up."""
    try:
        return _import(services, upload)
    finally:
        disk.discard(upload.staged)


def _import(services: Services, upload: Upload) -> Node:
    tree = services.tree
    with upload.staged.open("rb") as file:
        head = file.read(64)
    path = join_path(split_path(upload.path))
    wanted = plan_import(path, upload.fmt, upload.language, head)
    check_may_create(wanted.path, is_folder=wanted.kind == DIRECTORY)
    parent = tree.find(wanted.path.rpartition("/")[0] or "/")
    if parent is None or not parent.is_folder:
        folder = wanted.path.rpartition("/")[0] or "/"
        raise ApiError(404, NOT_FOUND, f"The parent folder ({folder}) does not exist.")
    there = tree.find(wanted.path)
    # an occupied path is reported before a bad payload is (since 2026-03)
    check_replace(wanted, there, overwrite=upload.overwrite)
    check_size(wanted, upload.staged.stat().st_size, is_json=upload.is_json)
    if wanted.kind == DIRECTORY:
        return _unpack(services, wanted, upload)
    content, wanted = _read_notebook(services, wanted, upload.staged)
    with services.database.transaction():
        check_raced(wanted, there is not None, tree.find(wanted.path), overwrite=upload.overwrite)
        check_siblings(wanted, _siblings(services, wanted))
        if wanted.kind == NOTEBOOK:
            return tree.write_notebook(
                *(wanted.path, content),
                language=wanted.language or "PYTHON",
                flavour=wanted.flavour or SOURCE,
            )
        return tree.write_file(wanted.path, upload.staged)


def _siblings(services: Services, wanted: Wanted) -> list[Node]:
    folder = wanted.path.rpartition("/")[0]
    found = (services.tree.find(f"{folder}/{name}") for name in rival_names(wanted))
    return [node for node in found if node]


def _read_notebook(services: Services, wanted: Wanted, staged: Path) -> tuple[bytes, Wanted]:
    if wanted.kind != NOTEBOOK:
        return b"", wanted
    content = staged.read_bytes()
    if wanted.flavour == JUPYTER:
        return content, replace(wanted, language=jupyter_language(parse_jupyter(content)))
    is_normalising = services.switches.get("content") == "normalised"
    return normalised(content) if is_normalising else content, wanted


def _unpack(services: Services, wanted: Wanted, upload: Upload) -> Node:
    tree = services.tree
    found = entries(upload.staged)
    top = tree.make_folder(wanted.path)
    for name, content in found:
        target = f"{top.path}/{name}"
        tree.make_folder(target.rpartition("/")[0])
        staged = disk.stage(content, tree.incoming)
        import_object(services, Upload(target, staged, "AUTO", overwrite=True))
    return top
