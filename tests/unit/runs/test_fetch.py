from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_core.errors import ProjectError
from mlops_core.runs.fetch import cloned, is_remote


@pytest.fixture
def repository(tmp_path: Path) -> str:
    folder = tmp_path / "models.git"
    (folder / "churn").mkdir(parents=True)
    (folder / "churn" / "MLproject").write_text("name: churn\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder.as_uri()


def test_a_folder_of_a_repository_is_there_until_the_end(repository: str) -> None:
    with cloned(f"{repository}#churn") as folder:
        assert (folder / "MLproject").read_text() == "name: churn\n"
        assert folder.parent.name == "models"
    assert not folder.exists()


@pytest.mark.parametrize("inside", ["none", "../..", "churn/MLproject"])
def test_a_folder_that_it_has_not_is_named(repository: str, inside: str) -> None:
    with pytest.raises(ProjectError, match="has no folder"), cloned(f"{repository}#{inside}"):
        pass


def test_an_unreachable_repository_is_quoted_in_gits_words(tmp_path: Path) -> None:
    uri = (tmp_path / "none.git").as_uri()
    with pytest.raises(ProjectError, match="cannot be cloned") as caught, cloned(uri):
        pass
    assert caught.value.hint == f"try it by hand: git clone {uri}"


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ("projects/A", False),
        ("C:\\projects\\A", False),
        ("/abs/A", False),
        ("https://github.com/a/b#c", True),
        ("git@github.com:a/b.git", True),
        ("ssh://git@host/a", True),
    ],
)
def test_what_is_a_repository(project: str, expected: bool) -> None:
    assert is_remote(project) is expected
