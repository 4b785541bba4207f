"""Puts a project into the workspace once per content; a half upload is never used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlops_core.checkout import open_checkout
from mlops_core.errors import NotFound
from mlops_core.paths import WorkspacePath, join, parent
from mlops_core.runs.project import Project
from mlops_core.workspace.files import WorkspaceFiles

DRIVER_FILES = tuple(
    Path(__file__).with_name(f"{name}.py") for name in ("entry_point", "driver_output")
)
MARKER = "complete"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes up: relative path (`/` between the parts) to local file, and its digest."""

    name: str
    digest: str
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Upload:
    """Where the project lies; ``written`` is 0 if it lay there already."""

    root: WorkspacePath
    written: int

    @property
    def project(self) -> str:
        """The project's folder as a process on the driver sees it."""
        return f"/Workspace{self.root}/project"

    @property
    def entry_point(self) -> str:
        """The driver file as the job's task names it."""
        return f"/Workspace{self.root}/entry_point.py"


def bundle_project(project: Project, files: Iterable[Path]) -> Bundle:
    """Name ``files`` of the project and the driver's own, with a digest over all of it."""
    named = {
        f"project/{file.relative_to(project.folder).as_posix()}": file for file in sorted(files)
    }
    named.update({file.name: file for file in DRIVER_FILES})
    digest = hashlib.sha256()
    for name, file in sorted(named.items()):
        digest.update(f"{name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return Bundle(re.sub(r"[^A-Za-z0-9_-]+", "-", project.name), digest.hexdigest()[:20], named)


def project_files(project: Project, wheels: Iterable[str]) -> tuple[Path, ...]:
    """The project's files as git sees them, and the ``wheels`` that it needs even if git does not.

    Outside git, all files but caches and environments.
    """
    named = [*open_checkout(project.folder).files().paths]
    # A wheel is usually built into a folder that git ignores.
    named += [PurePosixPath(wheel).as_posix() for wheel in wheels if not wheel.startswith("/")]
    return tuple(project.folder / name for name in sorted(set(named)))


def upload(files: WorkspaceFiles, bundle: Bundle, home: WorkspacePath) -> Upload:
    """Write ``bundle`` below ``home``, unless its marker shows that it is there, whole."""
    root = join(home, ".mlops", "projects", f"{bundle.name}-{bundle.digest}")
    marker = join(root, MARKER)
    if _is_there(files, marker):
        return Upload(root, 0)
    write_files(files, root, bundle.files)
    files.write(marker, bundle.digest.encode(), fmt="RAW", overwrite=True)
    return Upload(root, len(bundle.files))


def write_files(files: WorkspaceFiles, root: WorkspacePath, named: Mapping[str, Path]) -> None:
    """Write files below ``root`` by their relative paths, as they are, in parallel."""
    targets = {join(root, name): file for name, file in named.items()}
    with ThreadPoolExecutor(files.http.workers) as pool:
        list(pool.map(files.make_folder, sorted(_leaf_folders(targets))))
        # Whoever writes the same name writes the same content, so two triggers cannot collide.
        list(pool.map(lambda item: _write(files, *item), targets.items()))


def _is_there(files: WorkspaceFiles, path: WorkspacePath) -> bool:
    try:
        files.stat(path)
    except NotFound:
        return False
    return True


def _write(files: WorkspaceFiles, target: WorkspacePath, file: Path) -> None:
    # RAW, since AUTO would unpack archives and make notebooks of some scripts.
    files.write(target, file, fmt="RAW", overwrite=True)


def _leaf_folders(targets: Iterable[WorkspacePath]) -> set[WorkspacePath]:
    folders = {parent(target) for target in targets}
    inner = {
        WorkspacePath(str(above)) for folder in folders for above in PurePosixPath(folder).parents
    }
    return folders - inner
