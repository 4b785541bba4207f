"""The checkout as git sees it: real repositories, real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_core.checkout import Checkout, is_never, merge_lines, open_checkout
from mlops_core.errors import MlopsError


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose folder `notebooks` is looked at."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Work")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def test_git_says_which_files_there_are(repository: Path) -> None:
    write(
        repository, "tracked", "deleted", "sub/new", "ignored", "ü +#%", ".venv/x", "__pycache__/y"
    )
    (repository / ".gitignore").write_text("ignored\n", encoding="utf-8")
    git(repository, "add", "tracked", "deleted", ".gitignore")
    (repository / "deleted").unlink()
    files = open_checkout(repository).files()
    assert files.paths == (".gitignore", "sub/new", "tracked", "ü +#%")
    assert files.deleted == ("deleted",)
    assert files.skipped == ()


def test_a_plain_folder_is_walked(tmp_path: Path) -> None:
    write(tmp_path, "a", "b/c", ".git/config", "node_modules/x", ".mlops/y", "b/.databricks/z")
    checkout = Checkout(tmp_path, is_git=False)
    assert checkout.files().paths == ("a", "b/c")
    assert checkout.ignored(["a"]) == frozenset()
    assert checkout.committed(["a"]) == frozenset()
    assert checkout.history(["a"]) == {}
    assert checkout.staged("a") is None
    assert open_checkout(tmp_path / "missing").files().paths == ()


@pytest.mark.parametrize("is_git", [True, False])
def test_links_and_nested_repositories_are_skipped(repository: Path, is_git: bool) -> None:
    write(repository, "a", "nested/x")
    git(repository / "nested", "init", "--quiet")
    (repository / "link").symlink_to(repository / "a")
    (repository / "folder-link").symlink_to(repository.parent, target_is_directory=True)
    files = Checkout(repository, is_git).files()
    assert files.paths == ("a",)
    assert {skip.path: skip.reason for skip in files.skipped} == {
        "link": "a symbolic link",
        "folder-link": "a symbolic link",
        "nested": "a git repository of its own",
    }


def test_what_a_sparse_checkout_leaves_out_is_not_deleted(repository: Path) -> None:
    write(repository, "in/a", "out/b")
    commit(repository)
    git(repository.parent, "sparse-checkout", "set", "--no-cone", "notebooks/in/")
    files = open_checkout(repository).files()
    assert files.paths == ("in/a",)
    assert [skip.path for skip in files.skipped] == ["out/b"]
    assert files.deleted == ()


def test_committed_means_just_as_it_lies_here(repository: Path) -> None:
    commit(repository, a="1", b="1", c="1")
    (repository / "b").write_text("2", encoding="utf-8")
    (repository / "c").unlink()
    write(repository, "new")
    checkout = open_checkout(repository)
    assert checkout.committed(["a", "b", "c", "new", "none"]) == {"a"}


def test_line_endings_that_git_converts_are_no_difference(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.txt text eol=crlf\n", encoding="utf-8")
    commit(repository, **{"a.txt": "1\r\n2\r\n"})
    checkout = open_checkout(repository)
    assert checkout.committed(["a.txt"]) == {"a.txt"}
    assert checkout.history(["a.txt"]) == {"a.txt": [b"1\n2\n"]}
    assert checkout.staged("a.txt") == b"1\r\n2\r\n"


@pytest.mark.parametrize("others", [0, 200])
def test_history_is_newest_first_over_merges_and_for_many_paths(
    repository: Path, others: int
) -> None:
    commit(repository, a="1", b="x")
    git(repository, "branch", "side")
    commit(repository, a="2")
    git(repository, "switch", "--quiet", "side")
    commit(repository, c="side")
    git(repository, "merge", "--quiet", "--no-edit", "master")
    commit(repository, a="3")
    asked = ["a", "c", "none", *(f"n{number}" for number in range(others))]
    history = open_checkout(repository).history(asked)
    assert history["a"] == [b"3", b"2", b"1"]
    assert history["c"] == [b"side"]
    assert history["none"] == []


def test_head_and_index(repository: Path) -> None:
    checkout = open_checkout(repository)
    assert checkout.head() == {}
    assert checkout.history(["a"]) == {"a": []}
    commit(repository, a="1")
    (repository / "a").unlink()
    assert set(checkout.head()) == {"a"}
    assert checkout.staged("a") == b"1"
    assert checkout.staged("none") is None


def test_ignored_names_need_not_exist(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.log\nout/\n", encoding="utf-8")
    checkout = open_checkout(repository)
    assert checkout.ignored(["a.log", "b.py", "out/c.py"]) == {"a.log", "out/c.py"}


def test_git_s_own_words_are_passed_on(repository: Path) -> None:
    (repository.parent / ".git" / "index").write_bytes(b"broken")
    with pytest.raises(MlopsError, match="git ls-files failed"):
        open_checkout(repository).files()


def test_lines_are_merged_or_it_is_a_conflict(tmp_path: Path) -> None:
    base = b"1\n2\n3\n4\n5\n"
    assert merge_lines(b"A\n2\n3\n4\n5\n", base, b"1\n2\n3\n4\nB\n", tmp_path) == b"A\n2\n3\n4\nB\n"
    assert merge_lines(b"A\n", b"1\n", b"B\n", tmp_path) is None


@pytest.mark.parametrize(
    "name",
    [
        *(".git", ".GIT", ".Mlops", ".ENV", "Node_Modules"),
        *("git~1", "GIT~12", "MLOPS~1", "NODE_M~1"),  # Windows' short names
        *(".g\u200cit", "\ufeff.git"),  # HFS+ does not see these characters
    ],
)
def test_what_some_system_takes_for_a_name_that_never_travels_does_not(name: str) -> None:
    assert is_never(name)


@pytest.mark.parametrize("name", ["git", ".gitignore", ".env.sample", "git~", "git~a", "digit~1"])
def test_and_other_names_travel(name: str) -> None:
    assert not is_never(name)


def test_it_is_left_out_with_git_and_without(repository: Path, tmp_path: Path) -> None:
    write(repository, "a.py", ".Mlops/x.py", "sub/git~1/hooks/y")
    for checkout in (open_checkout(repository), Checkout(repository, is_git=False)):
        assert checkout.files().paths == ("a.py",)
