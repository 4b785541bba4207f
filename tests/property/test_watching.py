"""What `--watch` promises, push by push, with real git and over real HTTP."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mlops_core.branch import current_branch, git_index
from mlops_core.cli.branch_guard import BranchGuard, GitAtWork
from mlops_core.cli.console import Console
from mlops_core.cli.sync_watch import AT_A_CHANGE, LATER, SOON, Pusher
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.http import HttpClient

REFUSED = {"kind": "status", "status": 403, "path": "workspace/list"}
HEADER = b"# Databricks notebook source\n"


@dataclass
class Watching:
    """A `--watch --overwrite` that pushes when the test says so."""

    pusher: Pusher
    out: io.StringIO

    def push(self) -> int:
        return self.pusher.push()

    def said(self) -> list[str]:
        """The lines since the last call."""
        lines = self.out.getvalue().splitlines()
        self.out.seek(0)
        self.out.truncate()
        return lines


def start(clone, branch: str = "feat", **values: str) -> Watching:
    out = io.StringIO()
    guard = guard_of(clone, branch, **values)
    return Watching(Pusher(clone.pair, guard, Console(out, out), overwrite=True), out)


def guard_of(clone, branch: str = "feat", **values: str) -> BranchGuard:
    return BranchGuard(
        branch, lambda: current_branch(values, clone.folder), git_index(clone.folder)
    )


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    """On `feat`, beside a `main` whose notebook is another."""
    clone = make_clone(tmp_path / "one")
    clone.write("a.py", HEADER + b"main\n")
    clone.commit()
    clone.git("branch", "--move", "main")
    clone.git("switch", "--quiet", "--create", "feat")
    clone.write("a.py", HEADER + b"feat\n")
    clone.commit()
    return clone


def there(clone, healthy) -> bytes:
    return healthy.read(f"{clone.pair.target}/a").removeprefix(HEADER).strip()


def test_another_branch_is_not_sent_and_said_once(clone, healthy):
    watching = start(clone)
    assert watching.push() == AT_A_CHANGE
    watching.said()
    clone.git("switch", "--quiet", "main")
    assert [watching.push() for _ in range(3)] == [SOON] * 3
    assert watching.said() == [
        "this checkout is on main now: nothing is sent until it is on feat again;"
        " to watch main, end this and start it again"
    ]
    assert there(clone, healthy) == b"feat"
    clone.git("switch", "--quiet", "feat")
    clone.write("a.py", HEADER + b"more\n")
    assert watching.push() == AT_A_CHANGE
    assert there(clone, healthy) == b"more"
    clone.git("stash", "--quiet")
    clone.git("switch", "--quiet", "main")
    assert watching.push() == SOON
    assert len(watching.said()) > 1, "it is said anew each time the branch changes"


def test_nothing_is_sent_from_a_detached_head(clone, healthy):
    watching = start(clone)
    watching.push()
    watching.said()
    clone.git("switch", "--quiet", "--detach", "main")
    assert [watching.push() for _ in range(2)] == [SOON] * 2
    assert watching.said() == [
        f"{clone.folder} is on no branch (detached HEAD): nothing is sent until it is on feat again"
    ]
    assert there(clone, healthy) == b"feat"


def test_a_branch_that_the_environment_names_stays_what_it_is(clone, healthy):
    watching = start(clone, "named", MLOPS_BRANCH="named")
    clone.git("switch", "--quiet", "main")
    assert watching.push() == AT_A_CHANGE
    assert there(clone, healthy) == b"main"


@pytest.mark.parametrize("is_worktree", [False, True])
def test_nothing_is_sent_while_git_is_at_work(clone, healthy, tmp_path, is_worktree):
    if is_worktree:
        clone.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
        pair = replace(clone.pair, project=tmp_path / "side")
        clone = replace(clone, folder=tmp_path / "side", pair=pair)
    watching = start(clone, "side" if is_worktree else "feat")
    lock = Path(clone.git("rev-parse", "--git-path", "index.lock").strip())
    (clone.folder / lock).touch()
    healthy.record()
    assert [watching.push() for _ in range(LATER - 1)] == [SOON] * (LATER - 1)
    assert watching.said() == [], "mostly it takes a moment"
    assert [watching.push() for _ in range(3)] == [SOON] * 3
    [line] = watching.said()
    assert line.startswith("git is at work (") and "index.lock" in line
    assert healthy.requests() == []
    (clone.folder / lock).unlink()
    assert watching.push() == AT_A_CHANGE
    assert there(clone, healthy) == b"feat"


def test_nothing_is_sent_when_git_moves_the_files_while_they_are_looked_at(clone, healthy):
    """git moves the files, then writes its index, then HEAD: here, just before HEAD."""
    watching = start(clone)
    watching.push()
    watching.said()
    head = (clone.folder / ".git" / "HEAD").read_text()

    class Slow(WorkspaceFiles):
        def list(self, path):
            clone.git("switch", "--quiet", "main")
            (clone.folder / ".git" / "HEAD").write_text(head)
            return super().list(path)

    clone = replace(clone, pair=replace(clone.pair, files=Slow(clone.pair.files.http)))
    watching = start(clone)
    clone.write("new.py", b"x = 1\n")
    assert watching.push() == SOON
    assert watching.said() == []
    assert there(clone, healthy) == b"feat"


def test_a_push_stops_when_the_branch_is_switched_under_it(clone, healthy):
    for number in range(8):
        clone.write(f"{number}.py", b"x = 1\n")
    healthy.fault(kind="slow", seconds=60, path="workspace/import", after=1)
    watching = start(clone)

    class Switching(Console):
        def result(self, line: str) -> None:
            super().result(line)
            clone.git("switch", "--quiet", "main")

    console = Switching(watching.out, watching.out)
    pusher = Pusher(clone.pair, guard_of(clone), console, overwrite=True)
    assert pusher.push() == SOON
    created, so_far, held = watching.said()
    assert created.startswith("created")
    assert so_far == "so far: 1 created"
    assert held.startswith("this checkout is on main now")
    healthy.heal()
    clone.git("switch", "--quiet", "feat")
    assert watching.push() == AT_A_CHANGE
    assert there(clone, healthy) == b"feat"


def test_outside_git_the_environments_branch_is_enough(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    (clone.folder / ".git").rename(tmp_path / "away")
    guard = guard_of(clone, "named", MLOPS_BRANCH="named")
    assert guard.index is None
    guard.check_since(guard.check())


def test_an_index_that_is_written_meanwhile_is_git_at_work(clone):
    guard = guard_of(clone)
    before = guard.check()
    clone.git("switch", "--quiet", "main")
    clone.git("switch", "--quiet", "feat")
    with pytest.raises(GitAtWork):
        guard.check_since(before)


def test_the_same_error_is_said_once_until_it_works_again(clone, healthy):
    healthy.fault(**REFUSED)
    watching = start(clone)
    assert [watching.push() for _ in range(3)] == [LATER] * 3
    assert len([line for line in watching.said() if line.startswith("error:")]) == 1
    healthy.heal()
    assert watching.push() == AT_A_CHANGE
    assert watching.said()[-1] == "1 created"
    healthy.fault(**REFUSED)
    assert watching.push() == LATER
    assert len([line for line in watching.said() if line.startswith("error:")]) == 1


def test_a_workspace_that_is_gone_is_said_once(clone, healthy):
    http = HttpClient("http://127.0.0.1:9", dict, workers=1)
    gone = replace(clone, pair=replace(clone.pair, files=WorkspaceFiles(http)))
    watching = start(gone)
    assert [watching.push() for _ in range(3)] == [LATER] * 3
    assert len([line for line in watching.said() if line.startswith("error:")]) == 1


def test_an_error_of_the_folder_is_said_once_and_over_when_it_is_back(clone, healthy):
    watching = start(clone)
    watching.push()
    watching.said()
    (clone.folder / "notebooks").rename(clone.folder / "away")
    assert [watching.push() for _ in range(2)] == [LATER] * 2
    assert len([line for line in watching.said() if "there is no folder" in line]) == 1
    assert there(clone, healthy) == b"feat"
    (clone.folder / "away").rename(clone.folder / "notebooks")
    assert watching.push() == AT_A_CHANGE
    assert watching.said() == ["1 unchanged"]
