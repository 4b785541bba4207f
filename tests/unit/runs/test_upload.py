from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_core.runs.project import Project, load_project
from mlops_core.runs.upload import DRIVER_FILES, bundle_project, project_files


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "My Churn"
    (folder / "lib").mkdir(parents=True)
    (folder / "MLproject").write_text("entry_points: {main: {command: python train.py}}\n")
    (folder / "train.py").write_text("import lib.rows\n")
    (folder / "lib" / "rows.py").write_text("")
    (folder / "secret.env").write_text("x")
    (folder / ".gitignore").write_text("*.env\ndist/\n")
    (folder / "dist").mkdir()
    (folder / "dist" / "a.whl").write_text("w")
    return load_project(folder)


def names(project: Project, *wheels: str) -> set[str]:
    files = project_files(project, wheels)
    return {file.relative_to(project.folder).as_posix() for file in files}


def test_the_files_are_those_that_git_sees_and_the_wheels_it_needs(project: Project) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project.folder, check=True)
    seen = {".gitignore", "MLproject", "train.py", "lib/rows.py"}
    assert names(project) == seen
    assert names(project, "./dist/a.whl", "/Workspace/b.whl") == {*seen, "dist/a.whl"}


def test_the_digest_is_of_names_and_contents_alone(project: Project) -> None:
    bundle = bundle_project(project, project_files(project, ()))
    assert bundle.name == "My-Churn"
    assert {file.name for file in DRIVER_FILES} < set(bundle.files)
    assert "project/lib/rows.py" in bundle.files
    (project.folder / "train.py").touch()
    assert bundle_project(project, project_files(project, ())).digest == bundle.digest
    (project.folder / "train.py").write_text("import lib.rows, os\n")
    changed = bundle_project(project, project_files(project, ()))
    assert changed.digest != bundle.digest
    (project.folder / "train.py").rename(project.folder / "fit.py")
    assert bundle_project(project, project_files(project, ())).digest != changed.digest
