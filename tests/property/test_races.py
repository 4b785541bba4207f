"""What others do, here or in the workspace, at the very moment at which a push does its work."""

from __future__ import annotations

from collections.abc import Callable
from errno import ENOSPC
from threading import Event as Stop

import pytest

from mlops_core.errors import DONE, FAILED, LEFT, Unauthorized
from mlops_core.sync.ancestor import load_base
from mlops_core.sync.backup import Backup
from mlops_core.sync.plan import Action
from mlops_core.sync.push import execute_push, prepare_push
from mlops_core.sync.report import Event, Stopped
from mlops_core.sync.restore import find_backup, restore
from mlops_core.workspace.call import Answer, Call
from mlops_core.workspace.http import HttpClient

HEADER = b"# Databricks notebook source\n"
LATER = {"Retry-After": "60"}
LARGE = 5 * 1024 * 1024


def notebook(cell: bytes) -> bytes:
    return HEADER + cell + b"\n"


def actions(report) -> dict[str, str]:
    return {one.local.removeprefix("notebooks/"): one.action.value for one in report.results}


class Colleague:
    """A clock in whose first pause somebody else does something; nobody really waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.act: Callable[[], None] | None = None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float, stop: Stop | None = None) -> None:
        self.time += seconds
        act, self.act = self.act, None
        if act:
            act()


class Client(HttpClient):
    """Lets somebody else act just before a request is sent."""

    before: tuple[str, Callable[[], None]] | None = None

    def request(self, call: Call) -> Answer:
        if self.before and self.before[0] == call.endpoint:
            act, self.before = self.before[1], None
            act()
        return super().request(call)


@pytest.fixture
def colleague():
    return Colleague()


@pytest.fixture
def client(healthy, colleague):
    client = Client(healthy.lease.host, healthy.login, workers=2, clock=colleague)
    client.get("preview/scim/v2/Me")
    yield client
    client.close()


@pytest.fixture
def clone(client, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one", http=client)
    clone.write("a.py", notebook(b"a"))
    clone.write("b.py", notebook(b"b"))
    clone.write("m.py", b"x = 1\n")
    clone.commit()
    assert clone.push().exit_code == DONE
    return clone


@pytest.fixture
def throttled(healthy):
    """Refuses the next request to an endpoint: try again in a minute."""

    def refuse(path: str, after: int = 0) -> None:
        rule = {"path": path, "after": after, "times": 1}
        healthy.fault(kind="status", status=429, headers=LATER, **rule)

    return refuse


# -- between two tries of one request


def test_an_edit_made_while_an_overwrite_waits_is_kept(clone, colleague, there, throttled, healthy):
    clone.write("a.py", notebook(b"mine"))
    colleague.act = lambda: there("a", notebook(b"theirs"))
    throttled("workspace/import")
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert b"mine" in healthy.read(f"{clone.pair.target}/a")
    assert b"theirs" in (report.backup / "workspace" / "a.py").read_bytes()
    assert b"a\n" in (report.backup / "earlier" / "a.py").read_bytes()
    restore(clone.pair, find_backup(clone.pair.state, report.backup.name))
    assert b"theirs" in healthy.read(f"{clone.pair.target}/a")


def test_an_edit_of_what_we_have_just_sent_is_kept_though_its_answer_was_lost(
    clone, colleague, there, healthy
):
    clone.write("a.py", notebook(b"mine"))
    colleague.act = lambda: there("a", notebook(b"theirs"))
    healthy.fault(kind="drop_after", path="workspace/import", times=1)
    report = clone.push(overwrite=True)
    assert b"mine" in healthy.read(f"{clone.pair.target}/a")
    assert b"theirs" in (report.backup / "workspace" / "a.py").read_bytes()


def test_an_overwrite_whose_answer_was_lost_is_done(clone, healthy):
    clone.write("a.py", notebook(b"mine"))
    healthy.fault(kind="drop_after", path="workspace/import", times=1)
    healthy.record()
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert sum("workspace/import" in one["path"] for one in healthy.requests()) == 1
    assert b"a\n" in (report.backup / "workspace" / "a.py").read_bytes()
    assert clone.push(overwrite=True).summary == "3 unchanged"


def test_what_becomes_a_file_while_an_overwrite_waits_is_kept(
    clone, colleague, there, throttled, healthy
):
    def make_it_a_file() -> None:
        healthy.sdk.workspace.delete(f"{clone.pair.target}/a")
        there("a", b"theirs", "RAW", "")

    clone.write("a.py", notebook(b"mine"))
    colleague.act = make_it_a_file
    throttled("workspace/import")
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert b"mine" in healthy.read(f"{clone.pair.target}/a")
    assert (report.backup / "workspace" / "a").read_bytes() == b"theirs"
    assert not (report.backup / "workspace" / "a.py").exists()


@pytest.mark.parametrize("kind", ["drop_after", "status"])
def test_what_is_made_anew_while_a_delete_waits_is_kept(clone, colleague, there, healthy, kind):
    (clone.folder / "notebooks" / "b.py").unlink()
    colleague.act = lambda: there("b", notebook(b"theirs"))
    healthy.fault(kind=kind, status=429, headers=LATER, path="workspace/delete", times=1)
    report = clone.push(overwrite=True)
    assert actions(report) == {"b.py": "deleted"}
    assert b"theirs" in (report.backup / "workspace" / "b.py").read_bytes()
    assert b"b\n" in (report.backup / "earlier" / "b.py").read_bytes()


def test_a_delete_whose_answer_was_lost_is_done(clone, healthy):
    (clone.folder / "notebooks" / "b.py").unlink()
    healthy.fault(kind="drop_after", path="workspace/delete", times=1)
    report = clone.push(overwrite=True)
    assert actions(report) == {"b.py": "deleted"}
    assert b"b\n" in (report.backup / "workspace" / "b.py").read_bytes()
    assert clone.push(overwrite=True).summary == "2 unchanged"


def test_a_notebook_that_takes_an_empty_folders_name_stays(
    clone, colleague, there, throttled, healthy
):
    clone.write("sub/c.py", notebook(b"c"))
    clone.push()

    def make_it_a_notebook() -> None:
        healthy.sdk.workspace.delete(f"{clone.pair.target}/sub")
        there("sub", notebook(b"theirs"))

    (clone.folder / "notebooks" / "sub" / "c.py").unlink()
    colleague.act = make_it_a_notebook
    throttled("workspace/delete", after=1)
    assert actions(clone.push(overwrite=True)) == {"sub/c.py": "deleted"}
    assert b"theirs" in healthy.read(f"{clone.pair.target}/sub")


# -- between reading an object and replacing it


def test_what_became_a_file_is_read_before_it_is_deleted(clone, client, there, healthy):
    def make_it_a_file() -> None:
        healthy.sdk.workspace.delete(f"{clone.pair.target}/a")
        there("a", b"theirs", "RAW", "")

    clone.write("a.py", notebook(b"mine"))
    client.before = ("workspace/import", make_it_a_file)
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert b"mine" in healthy.read(f"{clone.pair.target}/a")
    assert (report.backup / "workspace" / "a").read_bytes() == b"theirs"


def test_a_create_in_the_place_of_what_was_deleted_knows_its_own_object(
    clone, client, there, healthy
):
    def make_it_a_file() -> None:
        healthy.sdk.workspace.delete(f"{clone.pair.target}/a")
        there("a", b"theirs", "RAW", "")
        client.before = ("workspace/delete", lose_the_next_answer)

    def lose_the_next_answer() -> None:
        healthy.fault(kind="drop_after", path="workspace/import", times=1)

    clone.write("a.py", notebook(b"mine"))
    client.before = ("workspace/import", make_it_a_file)
    report = clone.push(overwrite=True)
    assert (actions(report), report.exit_code) == ({"a.py": "replaced"}, DONE)


# -- between looking at a file here and sending it


@pytest.mark.parametrize("is_new", [True, False])
def test_a_large_file_that_changes_while_it_is_sent_is_not_taken_for_equal(clone, healthy, is_new):
    before, after = b"b" * LARGE, b"a" * LARGE
    if not is_new:
        clone.write("large.bin", b"x" * LARGE)
        clone.push()
    clone.write("large.bin", before)
    planned = prepare_push(clone.pair, overwrite=True)
    clone.write("large.bin", after)
    report = execute_push(clone.pair, planned)
    assert report.exit_code == FAILED
    assert "large.bin has changed meanwhile" in report.failures[0].error.message
    assert (report.backup is None) is is_new
    clone.write("large.bin", before)
    assert actions(clone.push(overwrite=True)) == {"large.bin": "replaced"}
    assert healthy.read(f"{clone.pair.target}/large.bin", "AUTO") == before


@pytest.mark.parametrize("is_gone", [True, False])
def test_nothing_makes_way_for_a_file_that_cannot_be_sent(clone, healthy, is_gone):
    file = clone.write("m.py", notebook(b"now a notebook"))
    planned = prepare_push(clone.pair, overwrite=True)
    if is_gone:
        file.unlink()
    else:
        file.write_bytes(b"being wr")
    report = execute_push(clone.pair, planned)
    assert report.exit_code == FAILED
    assert actions(report) == {"m.py": "left"}
    assert healthy.read(f"{clone.pair.target}/m.py", "AUTO") == b"x = 1\n"
    assert report.backup is None


def test_a_file_that_vanishes_before_it_is_remembered_fails_alone(clone, make_clone, tmp_path):
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    planned = prepare_push(other.pair)
    (other.folder / "notebooks" / "m.py").unlink()
    report = execute_push(other.pair, planned)
    assert [one.path for one in report.failures] == ["m.py"]
    assert "No such file" in report.failures[0].error.message
    assert load_base(other.pair.state, other.pair.scope).records.keys() == {"a", "b"}


@pytest.mark.parametrize("command", ["pull", "push"])
def test_no_room_to_put_a_settled_conflict_away_is_a_failure(clone, there, command, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    there("a", notebook(b"theirs"))
    clone.write("a.py", notebook(b"ours"))
    assert clone.pull().exit_code == LEFT
    clone.write("a.py", (clone.pair.state / "conflicts" / "a.py").read_bytes())
    with monkeypatch.context() as full:
        full.setattr(Backup, "keep", refuse)
        report = getattr(clone, command)()
    assert report.exit_code == FAILED
    assert report.failures[0].path == ".mlops/conflicts"
    assert getattr(clone, command)().exit_code == DONE
    assert not (clone.pair.state / "conflicts" / "a.py").exists()


# -- between sending an object and listing it


def test_an_edit_in_the_second_of_our_create_reaches_the_next_pull(clone, client, there):
    clone.write("new.py", notebook(b"mine"))

    def edit_after_the_create() -> None:
        client.before = ("workspace/list", lambda: there("new", notebook(b"theirs")))

    client.before = ("workspace/import", edit_after_the_create)
    assert actions(clone.push()) == {"new.py": "created"}
    assert actions(clone.pull()) == {"new.py": "written"}
    assert b"theirs" in clone.read("new.py")


# -- a credential that runs out


def test_a_token_that_expires_ends_the_run_with_one_error_and_a_right_base(clone, healthy):
    for number in range(40):
        clone.write(f"new/{number}.py", notebook(b"new"))
    told: list[Event] = []
    planned = prepare_push(clone.pair)
    healthy.fault(kind="status", status=401, body={"message": "expired"}, path="import", after=9)
    healthy.record()
    with pytest.raises(Unauthorized, match=r"\d+ of 40 objects were not done") as refused:
        execute_push(clone.pair, planned, notify=told.append)
    sent = sum("import" in one["path"] for one in healthy.requests())
    assert sent < 40
    report = next(one.report for one in told if isinstance(one, Stopped))
    done = report.count(Action.CREATE)
    assert done <= 9
    assert not report.failures
    assert f"{40 - done} of 40" in refused.value.message
    assert len(load_base(clone.pair.state, clone.pair.scope).records) == 3 + done
    healthy.heal()
    assert clone.push().exit_code == DONE
    assert clone.push().summary == "43 unchanged"
