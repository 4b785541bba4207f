"""Puts what a scheduled job runs into its owner's folder, once per content.

Not into /Shared: everybody may edit there, and who edits what a job runs becomes its owner.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import NotFound
from mlops_core.hooks.wheel import build_wheel
from mlops_core.paths import WorkspacePath, join
from mlops_core.runs.upload import MARKER, write_files
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.model import FILE

FOLDER = ".mlops/hooks"


@dataclass(frozen=True, slots=True)
class HookBundle:
    """A hook's notebook, the projects (path to file) and mlops_core's sources, with a digest."""

    notebook: Path
    projects: Mapping[str, Path]
    sources: Mapping[str, Path]
    digest: str

    def place(self, home: WorkspacePath) -> WorkspacePath:
        """The folder below ``home`` where this content lies, or will."""
        return join(home, FOLDER, self.digest)


def bundle_hook(
    notebook: Path, projects: Mapping[str, Path], sources: Mapping[str, Path]
) -> HookBundle:
    """Name everything that a scheduled job runs, by its content."""
    digest = hashlib.sha256()
    named = {**projects, **{f"wheel/{name}": file for name, file in sources.items()}}
    for name, file in sorted({**named, notebook.name: notebook}.items()):
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return HookBundle(notebook, projects, sources, digest.hexdigest()[:20])


def upload_hook(files: WorkspaceFiles, bundle: HookBundle, home: WorkspacePath) -> WorkspacePath:
    """Write ``bundle`` below ``home`` unless it is there, whole, and give the wheel's path."""
    root = bundle.place(home)
    try:
        files.stat(join(root, MARKER))
    except NotFound:
        _write(files, bundle, root)
    return _wheel(files, root)


def _write(files: WorkspaceFiles, bundle: HookBundle, root: WorkspacePath) -> None:
    with tempfile.TemporaryDirectory(prefix="mlops-wheel-") as folder:
        wheel = build_wheel(bundle.sources, Path(folder))
        files.make_folder(root)
        files.write(
            join(root, bundle.notebook.stem),
            bundle.notebook.read_bytes(),
            fmt="SOURCE",
            language="PYTHON",
            overwrite=True,
        )
        write_files(files, root, {**bundle.projects, wheel.name: wheel})
    # Last, so that a half upload is never used.
    files.write(join(root, MARKER), bundle.digest.encode(), fmt="RAW", overwrite=True)


def _wheel(files: WorkspaceFiles, root: WorkspacePath) -> WorkspacePath:
    wheels = [one.path for one in files.list(root) if one.kind == FILE and one.path.endswith("whl")]
    if not wheels:
        raise NotFound(f"{root} has no wheel any more", hint=f"delete {root} and run this again")
    return wheels[0]
