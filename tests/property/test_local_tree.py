"""The embedded workspace against a dictionary: any order of writes, by API and by processes."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.application import open_services
from mlops_core.local_workspace.imports import Upload, import_object
from mlops_core.local_workspace.replies import ApiError

HEADER = b"# Databricks notebook source\n"
FOLDERS = st.sampled_from(["/Shared", "/Shared", "/Shared", "/Shared/a", "/Shared/x.py"])
NAMES = st.sampled_from(["x", "x.py", "x.py", "X.py", "a"])
CONTENTS = st.sampled_from([b"1", HEADER + b"1", HEADER + b"2"])


class Workspace(RuleBasedStateMachine):
    """``model`` maps each path to (kind, content); a folder's content is None."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = open_services(self.folder, lambda: ("", ""))
        self.services = self.opened.__enter__()
        self.model = {}

    def teardown(self):
        self.opened.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @initialize()
    def start(self):
        self.model = {"/Shared": ("DIRECTORY", None)}

    @rule(folder=FOLDERS)
    def make_folder(self, folder):
        parts = folder.split("/")
        paths = ["/".join(parts[:count]) for count in range(2, len(parts) + 1)]
        try:
            self.services.tree.make_folder(folder)
        except ApiError:
            assert any(self.model.get(path, ("DIRECTORY",))[0] != "DIRECTORY" for path in paths)
            return
        for path in paths:
            assert self.model.setdefault(path, ("DIRECTORY", None))[0] == "DIRECTORY"

    @rule(folder=FOLDERS, name=NAMES, content=CONTENTS, overwrite=st.booleans())
    def import_auto(self, folder, name, content, overwrite):
        is_notebook = content.startswith(HEADER) and name.endswith(".py")
        path = f"{folder}/{name.removesuffix('.py') if is_notebook else name}"
        wanted = "NOTEBOOK" if is_notebook else "FILE"
        rival = f"{path}.py" if is_notebook else path.removesuffix(".py")
        there, beside = self.model.get(path), self.model.get(rival)
        is_refused = (
            self.model.get(folder, ("",))[0] != "DIRECTORY"
            or (there is not None and (there[0] != wanted or not overwrite))
            or (rival != path and beside is not None and (is_notebook or beside[0] == "NOTEBOOK"))
        )
        staged = disk.stage(content, self.services.tree.incoming)
        upload = Upload(f"{folder}/{name}", staged, "AUTO", overwrite=overwrite)
        try:
            import_object(self.services, upload)
        except ApiError:
            assert is_refused
            return
        assert not is_refused
        self.model[path] = (wanted, content)

    @rule(folder=FOLDERS, name=NAMES)
    def delete(self, folder, name):
        path = f"{folder}/{name}"
        try:
            self.services.tree.remove(path)
        except ApiError as error:
            assert error.status == 404 and path not in self.model
            return
        self._forget(path)

    @rule(folder=FOLDERS, content=CONTENTS)
    def a_process_writes(self, folder, content):
        if self.model.get(folder, ("",))[0] == "DIRECTORY":
            self.services.tree.local_path(f"{folder}/written").write_bytes(content)
            self.model[f"{folder}/written"] = ("FILE", content)

    @rule(folder=FOLDERS.filter(lambda path: path != "/Shared"))
    def a_process_deletes(self, folder):
        if self.model.get(folder, ("",))[0] == "DIRECTORY":
            shutil.rmtree(self.services.tree.local_path(folder))
            self._forget(folder)

    @invariant()
    def both_agree(self):
        tree = self.services.tree
        found = {}
        for node in tree.walk("/Shared"):
            found[node.path] = (node.kind, None if node.is_folder else tree.read_bytes(node))
        assert found == {path: one for path, one in self.model.items() if path != "/Shared"}
        kept = {path.name for path in (self.folder / "notebooks").iterdir()}
        assert len(kept) == sum(kind == "NOTEBOOK" for kind, _ in self.model.values())

    def _forget(self, top):
        assert top in self.model
        self.model = {
            path: one
            for path, one in self.model.items()
            if path != top and not path.startswith(f"{top}/")
        }


Workspace.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestWorkspace = Workspace.TestCase
