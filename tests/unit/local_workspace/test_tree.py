import itertools
import shutil
import sys

import pytest

from mlops_core.local_workspace import disk, shelf
from mlops_core.local_workspace import tree as tree_module
from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.replies import ApiError
from mlops_core.local_workspace.tree import Tree


@pytest.fixture
def tree(tmp_path):
    tree = Tree(Database(tmp_path / "workspace.db"), tmp_path)
    tree.install("you@local")
    return tree


@pytest.fixture
def write(tree):
    def write(path, content=b"1"):
        return tree.write_file(path, disk.stage(content, tree.incoming))

    return write


def names(tree, path):
    return [node.name for node in tree.children(path)]


def test_a_new_workspace(tree):
    assert [node.path for node in tree.walk("/")] == [
        *("/Repos", "/Shared", "/Users", "/Users/you@local")
    ]
    assert tree.find("/Workspace/Users/you@local").path == "/Users/you@local"


def test_files_lie_where_runs_look_for_them(tree, write):
    node = write("/Workspace/Shared/a b#+%.txt", b"abc")
    assert (tree.root / "Shared" / "a b#+%.txt").read_bytes() == b"abc"
    assert tree.read_bytes(node) == b"abc"
    assert node.size == 3
    assert write("/Shared/a b#+%.txt", b"abcd").object_id == node.object_id
    assert list(tree.incoming.iterdir()) == []


def test_what_is_new_was_last_changed_when_it_was_made(tree, write, monkeypatch):
    clock = itertools.count(1_800_000_000_000)
    for module in (shelf, tree_module):
        monkeypatch.setattr(module, "now", lambda: next(clock))
    for again in (False, True):
        write("/Shared/f")
        tree.write_notebook("/Shared/n", b"x", language="PYTHON", flavour="SOURCE")
        for path in ("/Shared/f", "/Shared/n"):
            node = tree.find(path)
            assert (node.modified_at > node.created_at) is again


def test_a_look_accepts_what_the_disk_holds(tree, write):
    write("/Shared/gone.txt")
    tree.write_notebook("/Shared/n", b"x", language="PYTHON", flavour="SOURCE")
    folder = tree.root / "Shared"
    (folder / "gone.txt").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "f").write_text("12")
    assert tree.find("/Shared/new/f").size == 2
    assert tree.find("/Shared/gone.txt") is None
    assert names(tree, "/Shared") == ["n", "new"]
    (folder / "new" / "f").write_text("123")
    assert tree.find("/Shared/new/f").size == 3


def test_a_folder_that_a_process_deletes_takes_everything_along(tree):
    gone = []
    tree.on_experiment_removed.append(gone.append)
    tree.make_folder("/Shared/d/e")
    tree.write_notebook("/Shared/d/n", b"x", language="PYTHON", flavour="SOURCE")
    tree.add_experiment("/Shared/d/e/x", "17")
    shutil.rmtree(tree.root / "Shared" / "d")
    assert names(tree, "/Shared") == []
    assert gone == ["17"]
    assert list((tree.root.parent / "notebooks").iterdir()) == []


def test_a_file_that_became_a_folder(tree, write):
    old = write("/Shared/x")
    place = tree.local_path("/Shared/x")
    place.unlink()
    place.mkdir()
    new = tree.find("/Shared/x")
    assert (new.kind, new.object_id == old.object_id) == ("DIRECTORY", False)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_links_are_not_shown(tree, tmp_path):
    (tmp_path / "secret").write_text("s")
    (tree.root / "Shared" / "link").symlink_to(tmp_path / "secret")
    (tree.root / "Shared" / "links").symlink_to(tmp_path)
    assert names(tree, "/Shared") == []
    assert tree.find("/Shared/link") is None
    assert tree.find("/Shared/links/secret") is None


def test_a_notebook_keeps_a_disk_entry_of_its_name_out(tree):
    tree.write_notebook("/Shared/n", b"x", language="PYTHON", flavour="SOURCE")
    (tree.root / "Shared" / "n").write_text("file")
    assert [node.kind for node in tree.children("/Shared")] == ["NOTEBOOK"]
    tree.remove("/Shared/n")
    assert [node.kind for node in tree.children("/Shared")] == ["FILE"]


def test_names_that_no_disk_holds(tree, write):
    name = "n" * 300
    write(f"/Shared/{name}", b"1")
    write(f"/Shared/{name}2", b"2")
    assert names(tree, "/Shared") == [name, f"{name}2"]
    assert tree.read_bytes(tree.require(f"/Shared/{name}2")) == b"2"
    tree.remove(f"/Shared/{name}")
    assert names(tree, "/Shared") == [f"{name}2"]


@pytest.mark.parametrize("path", ["Shared", "/Shared/../x", "/Shared/./x", "/Shared/\0"])
def test_paths_that_are_none(tree, path):
    with pytest.raises(ApiError):
        tree.find(path)


def test_experiments(tree):
    tree.make_folder("/Shared/d")
    node = tree.add_experiment("/Shared/d/x", "3")
    assert tree.experiment_path("3") == "/Shared/d/x"
    own = tree.add_experiment("/Shared/own", "")
    assert own.experiment_id == str(own.object_id)
    for path, code in [
        ("/Shared/no/x", "RESOURCE_DOES_NOT_EXIST"),
        ("/Shared/d/x", "RESOURCE_ALREADY_EXISTS"),
        ("/Shared/d", "INVALID_PARAMETER_VALUE"),
    ]:
        with pytest.raises(ApiError) as refusal:
            tree.add_experiment(path, "4")
        assert refusal.value.code == code
    tree.rename("/Shared/d/x", "/Shared/y")
    assert tree.experiment_path("3") == "/Shared/y"
    assert tree.find("/Shared/y").object_id == node.object_id


def test_a_renamed_folder_keeps_what_is_in_it(tree, write):
    tree.make_folder("/Shared/d")
    write("/Shared/d/f", b"1")
    tree.rename("/Shared/d", "/Shared/e")
    assert tree.read_bytes(tree.require("/Shared/e/f")) == b"1"
    assert tree.find("/Shared/d") is None


def test_object_ids_are_never_used_twice(tree, write):
    first = write("/Shared/f").object_id
    tree.remove("/Shared/f")
    assert write("/Shared/f").object_id > first


def test_state_survives(tree, write, tmp_path):
    write("/Shared/f", b"1")
    again = Tree(Database(tmp_path / "workspace.db"), tmp_path)
    again.install("you@local")
    assert again.find("/Shared/f").object_id == tree.find("/Shared/f").object_id
