from pathlib import PurePosixPath, PureWindowsPath

import pytest

from mlops_core import setting_rules as rules


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///x.db", "sqlite:////home/p/x.db"),
        ("sqlite:///a/x.db?timeout=5", "sqlite:////home/p/a/x.db?timeout=5"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("sqlite:///C:/x.db", "sqlite:///C:/x.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("databricks", "databricks"),
    ],
)
def test_a_relative_sqlite_file_is_the_projects(uri: str, expected: str) -> None:
    assert rules.absolute_sqlite(uri, PurePosixPath("/home/p")) == expected


def test_a_relative_sqlite_file_is_the_projects_on_windows() -> None:
    there = rules.absolute_sqlite("sqlite:///x.db", PureWindowsPath("C:\\p"))
    assert there == "sqlite:///C:/p/x.db"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("notebooks", "notebooks"), ("./a/b/", "a/b"), ("a\\b", "a/b"), (".", ".")],
)
def test_a_notebook_folder_is_relative(folder: str, expected: str) -> None:
    assert rules.notebook_folder(folder) == expected


@pytest.mark.parametrize("folder", ["/abs", "C:/Program Files/Git/x", "\\x", "..", "a/../.."])
def test_a_notebook_folder_elsewhere_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match="project folder"):
        rules.notebook_folder(folder)
