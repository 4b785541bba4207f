"""Two clones and a workspace, edited at random, with faults and kills: nothing is ever lost.

A run of the tool may fail or be killed between any two of its writes; whatever existed anywhere
before it must exist somewhere after it. `MLOPS_HISTORIES` sets how many histories are tried.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from unittest.mock import patch
from uuid import uuid4

from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from mlops_core.errors import (
    DONE,
    Collision,
    MlopsError,
    NotFound,
    SyncError,
    UnsafeDelete,
    WorkspaceError,
)
from mlops_core.notebooks import jupyter
from mlops_core.notebooks.text import unified
from mlops_core.paths import WorkspacePath
from mlops_core.sync.restore import find_backup, restore
from mlops_core.sync.survey import UNREAD
from mlops_core.workspace.call import Call
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.http import HttpClient

HISTORIES = int(os.environ.get("MLOPS_HISTORIES", "60"))
FILES = ["a.py", "a.sql", "a.ipynb", "e.txt", "d/a.py", "d/c.txt", "a/x.py", "m.R"]
KINDS = ["notebook", "file"]
OBJECTS = [
    ("a", "SOURCE", "PYTHON"),
    ("a", "SOURCE", "SQL"),
    ("a", "JUPYTER", ""),
    ("a.py", "RAW", ""),
    ("e.txt", "RAW", ""),
    ("d/a", "SOURCE", "PYTHON"),
    ("d/c.txt", "RAW", ""),
    ("d", "RAW", ""),
    ("a/x", "SOURCE", "PYTHON"),
    ("m", "SOURCE", "R"),
]
MARKS = {".py": "#", ".sql": "--", ".R": "#"}
FAULTS = [
    {"kind": "status", "status": 503, "headers": {"Retry-After": "0"}, "times": 2},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}, "times": 3},
    {"kind": "drop_before", "times": 1},
    {"kind": "drop_after", "times": 1},
    {"kind": "drop_after", "times": 2, "path": "import"},
    {"kind": "drop_after", "times": 1, "path": "delete"},
    {"kind": "status", "status": 403, "times": 1, "path": "import"},
    {"kind": "status", "status": 403, "times": 1, "path": "export"},
    {"kind": "status", "status": 403, "times": 1, "path": "get-status"},
    {"kind": "status", "status": 404, "times": 1, "path": "list.*/d"},
    {"kind": "status", "status": 400, "times": 1, "path": "delete"},
    {"kind": "stale", "path": "list"},
]


MISHAPS = st.one_of(
    st.tuples(st.integers(0, 80), st.just(())),
    st.tuples(
        st.none(),
        st.lists(st.tuples(st.integers(0, 6), st.sampled_from(FAULTS)), min_size=1, max_size=3),
    ),
)


# Finding the shortest history takes minutes: MLOPS_SHRINK=1 asks for it.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
PHASES += (Phase.shrink,) if os.environ.get("MLOPS_SHRINK") else ()
NO_NOTEBOOK = "no valid Jupyter notebook"  # a file may be renamed to one
EXPECTED = (NotFound, UnsafeDelete)


class Killed(BaseException):
    """The process is gone; nothing of it runs any more, not even a `finally`."""


class NoWaiting:
    """A clock whose pauses take no time."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float, stop: object = None) -> None:
        self.time += seconds


@contextmanager
def killed_after(writes: int | None) -> Iterator[None]:
    """Let so many writes happen, on disk or in the workspace, and none after them."""
    if writes is None:
        yield
        return
    lock, left = Lock(), [writes]

    def guarded(function, is_write=lambda *_, **__: True):
        def call(*arguments, **named):
            with lock:
                left[0] -= bool(is_write(*arguments, **named))
                if left[0] < 0:
                    raise Killed
            return function(*arguments, **named)

        return call

    def is_post(_client: HttpClient, call: Call) -> bool:
        return call.method == "POST"

    def is_for_writing(_path: Path, mode: str = "r", **_: object) -> bool:
        return "r" not in mode  # write_bytes and write_text come here too

    with ExitStack() as stack, suppress(Killed):
        for owner, name in (
            (os, "utime"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (Path, "mkdir"),
            (shutil, "copyfile"),
        ):
            stack.enter_context(patch.object(owner, name, guarded(getattr(owner, name))))
        stack.enter_context(patch.object(Path, "open", guarded(Path.open, is_for_writing)))
        stack.enter_context(
            patch.object(HttpClient, "request", guarded(HttpClient.request, is_post))
        )
        yield


def said(name: str, content: bytes) -> str:
    """What a content says to its reader, however it is written."""
    if name.endswith(".ipynb") or content.startswith(b'{"'):
        with suppress(MlopsError):
            return "\n".join(cell.source for cell in jupyter.cells(jupyter.parse(content)))
    text = unified(content.decode())
    first, _, rest = text.partition("\n")
    return (rest if first.endswith("Databricks notebook source") else text).rstrip("\n")


def outcome(report) -> str:
    """How a run ended, and what it did, for hypothesis' statistics."""
    if report is None:
        return "refused or killed"
    return f"{report.exit_code} {sorted({one.action.value for one in report.results})}"


class Histories(RuleBasedStateMachine):
    """Two people, one branch, one workspace folder."""

    remote = None
    make_clone = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="history-"))
        self.target = f"/Users/{self.remote.lease.user}/{uuid4().hex}"
        self.clones = []
        self.https = []
        self.count = 0
        self.blobs = {}

    def teardown(self) -> None:
        self.remote.heal()
        with suppress(Exception):
            self.remote.sdk.workspace.delete(self.target, recursive=True)
        for http in self.https:
            http.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what people do

    @initialize()
    def start(self) -> None:
        one = self.clone("one", None)
        one.write("first.py", self.rendered("first.py", "notebook", [self.new() for _ in range(4)]))
        one.write("b.ipynb", self.rendered("b.ipynb", "notebook", [self.new() for _ in range(4)]))
        one.commit()
        self.clones = [one, self.clone("two", one)]
        one.push()

    def clone(self, name, origin):
        http = HttpClient(self.remote.lease.host, self.remote.login, workers=3, clock=NoWaiting())
        http.get("preview/scim/v2/Me")
        self.https.append(http)
        return self.make_clone(self.folder / name, self.target, origin, http)

    def new(self) -> str:
        self.count += 1
        return f"text {self.count}"

    def rendered(self, name: str, kind: str, cells: list[str], newline: str = "\n") -> bytes:
        suffix = Path(name).suffix
        if suffix == ".ipynb":
            raw = [
                {
                    "cell_type": "code",
                    "metadata": {},
                    "source": [cell],
                    "outputs": [],
                    "execution_count": None,
                }
                for cell in cells
            ]
            document = {
                "cells": raw,
                "metadata": {"language_info": {"name": "python"}},
                "nbformat": 4,
                "nbformat_minor": 2,
            }
            return json.dumps(document, indent=1).encode()
        if kind == "notebook" and suffix in MARKS:
            mark = MARKS[suffix]
            text = (
                f"{mark} Databricks notebook source\n"
                + f"\n\n{mark} COMMAND ----------\n\n".join(cells)
            )
        else:
            text = "\n".join(cells)
        return (text + "\n").replace("\n", newline).encode()

    @rule(
        who=st.integers(0, 1),
        name=st.sampled_from(FILES),
        kind=st.sampled_from(KINDS),
        cells=st.integers(1, 3),
        newline=st.sampled_from(["\n", "\r\n"]),
    )
    def write_here(self, who, name, kind, cells, newline) -> None:
        clone = self.clones[who]
        content = self.rendered(name, kind, [self.new() for _ in range(cells)], newline)
        with suppress(OSError):
            clone.write(name, content)

    @rule(who=st.integers(0, 1), pick=st.integers(0, 20), where=st.integers(0, 5))
    def edit_here(self, who, pick, where) -> None:
        file = self.a_file(who, pick)
        if file:
            file.write_bytes(self.edited(file.read_bytes(), where))

    def edited(self, content: bytes, where: int) -> bytes:
        """The content with one cell or line changed."""
        if content.startswith(b"{"):
            document = json.loads(content)
            cells = document["cells"]
            cells[where % len(cells)]["source"] = [self.new()]
            return json.dumps(document, indent=1).encode()
        lines = content.split(b"\n")
        texts = [at for at, line in enumerate(lines) if line.startswith(b"text")] or [
            len(lines) - 1
        ]
        lines[texts[where % len(texts)]] = self.new().encode() + b" instead"
        return b"\n".join(lines)

    @rule(who=st.integers(0, 1), pick=st.integers(0, 20))
    def delete_here(self, who, pick) -> None:
        file = self.a_file(who, pick)
        if file:
            file.unlink()

    @rule(who=st.integers(0, 1), pick=st.integers(0, 20), name=st.sampled_from(FILES))
    def rename_here(self, who, pick, name) -> None:
        file, to = self.a_file(who, pick), self.clones[who].folder / "notebooks" / name
        if file and not to.exists():
            with suppress(OSError):
                to.parent.mkdir(parents=True, exist_ok=True)
                file.rename(to)

    @rule(who=st.integers(0, 1))
    def commit(self, who) -> None:
        self.clones[who].commit()

    @rule(who=st.integers(0, 1))
    def take_over_commits(self, who) -> None:
        mine, other = self.clones[who], self.clones[1 - who]
        with suppress(Exception):
            mine.git("fetch", "--quiet", str(other.folder), "HEAD")
            mine.git("merge", "--quiet", "--no-edit", "-X", "ours", "FETCH_HEAD")
        with suppress(Exception):
            mine.git("merge", "--abort")

    @rule(which=st.sampled_from(OBJECTS), cells=st.integers(1, 3))
    def write_there(self, which, cells) -> None:
        path, fmt, language = which
        name = path + {"PYTHON": ".py", "SQL": ".sql", "R": ".R", "": ".txt"}[language]
        name = path + ".ipynb" if fmt == "JUPYTER" else name
        content = self.rendered(name, "notebook", [self.new() for _ in range(cells)])
        with suppress(Exception):
            self.remote.sdk.workspace.mkdirs(f"{self.target}/{path}".rpartition("/")[0])
            self.remote.write(f"{self.target}/{path}", content, fmt, language)

    @rule(pick=st.integers(0, 20), where=st.integers(0, 5))
    def edit_there(self, pick, where) -> None:
        objects = sorted(self.objects())
        if not objects:
            return
        path, kind, language, content = objects[pick % len(objects)]
        is_jupyter = kind == "NOTEBOOK" and content.startswith(b"{")
        fmt = "JUPYTER" if is_jupyter else "SOURCE" if kind == "NOTEBOOK" else "RAW"
        text = self.edited(content, where)
        self.remote.write(path, text, fmt, language if fmt == "SOURCE" else "")

    @rule(pick=st.integers(0, 20))
    def delete_there(self, pick) -> None:
        objects = sorted(self.objects())
        if objects:
            self.remote.sdk.workspace.delete(objects[pick % len(objects)][0])

    @rule(generation=st.sampled_from(["kept", "normalised"]))
    def another_generation(self, generation) -> None:
        self.remote.generation(generation)

    # -- what the tool does

    @rule(who=st.integers(0, 1), overwrite=st.booleans(), mishap=MISHAPS)
    def push(self, who, overwrite, mishap) -> None:
        clone = self.clones[who]
        report = self.run(clone, lambda: clone.push(overwrite=overwrite), mishap)
        if report and overwrite and report.exit_code == DONE:
            self.check_that_the_workspace_agrees(clone)

    @rule(who=st.integers(0, 1), mishap=MISHAPS)
    def pull(self, who, mishap) -> None:
        clone = self.clones[who]
        self.run(clone, clone.pull, mishap)

    @rule(who=st.integers(0, 1), overwrite=st.booleans())
    def push_undisturbed(self, who, overwrite) -> None:
        self.push(who, overwrite, (None, ()))

    @rule(who=st.integers(0, 1))
    def pull_undisturbed(self, who) -> None:
        self.pull(who, (None, ()))

    @rule(who=st.integers(0, 1), pick=st.integers(0, 20), mishap=MISHAPS)
    def take_back(self, who, pick, mishap) -> None:
        clone = self.clones[who]
        names = sorted(path.parent.name for path in clone.pair.state.glob("backup/*/about.json"))
        if not names:
            return
        try:
            kept = find_backup(clone.pair.state, names[pick % len(names)])
        except SyncError:  # killed before it said what it is of, and so before it kept anything
            return
        self.run(clone, lambda: restore(clone.pair, kept), mishap)

    def run(self, clone, action, mishap):
        """Run the tool; then nothing is missing, and, if it could do its work, nothing is left."""
        kill, faults = mishap
        before, report = self.contents(), None
        for after, fault in faults:
            self.remote.fault(**{**fault, "after": 0 if fault["kind"] == "stale" else after})
        try:
            with killed_after(kill):
                report = action()
        except (NotFound, SyncError, WorkspaceError) as refused:
            is_expected = isinstance(refused, EXPECTED) or "NOTEBOOK_FOLDER" in refused.message
            assert faults or is_expected, refused
        self.remote.heal()
        event(f"a run of the tool: {outcome(report)}")
        after = self.contents()
        assert before <= after, f"lost: {before - after}"
        if not report or faults:
            return None
        unexpected = [
            one.error
            for one in report.failures
            if not isinstance(one.error, Collision)
            and NO_NOTEBOOK not in one.error.message
            and UNREAD not in one.error.message
        ]
        assert not unexpected, unexpected
        self.check_that_nothing_is_left_to_do(clone, action, report)
        assert self.contents() >= after
        return report

    def check_that_nothing_is_left_to_do(self, clone, action, report) -> None:
        files = self.files(clone)
        self.remote.record()
        again = action()
        assert again.exit_code == report.exit_code, (report, again)
        assert self.files(clone) == files
        assert [one for one in self.remote.requests() if one["method"] != "GET"] == []
        self.remote.heal()

    def check_that_the_workspace_agrees(self, clone) -> None:
        there = {
            (path.removeprefix(self.target + "/"), said(path, content))
            for path, _, _, content in self.objects()
        }
        for name, content in self.files(clone).items():
            stem = name.rpartition(".")[0]
            wanted = said(name, content)
            assert (name, wanted) in there or (stem, wanted) in there, (name, there)

    # -- what there is

    def a_file(self, who: int, pick: int) -> Path | None:
        folder = self.clones[who].folder / "notebooks"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return files[pick % len(files)] if files else None

    def files(self, clone) -> dict[str, bytes]:
        folder = clone.folder / "notebooks"
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    def objects(self) -> list[tuple[str, str, str, bytes]]:
        files, found = WorkspaceFiles(self.remote.http), []
        try:
            below = files.walk(WorkspacePath(self.target))
        except MlopsError:
            return []
        for one in below:
            if one.kind == "DIRECTORY":
                continue
            info = files.stat(one.path, flavour=True)
            content = files.read(one.path, info.flavour or "AUTO")
            found.append((one.path, one.kind, one.language or "", content))
        return found

    def contents(self) -> set[str]:
        """What every text anywhere says: in both clones, git, backups, conflicts, the workspace."""
        found = {said(path, content) for path, _, _, content in self.objects()}
        for clone in self.clones:
            kept = [clone.folder / "notebooks"]
            kept += [clone.pair.state / name for name in ("backup", "conflicts")]
            for folder in kept:
                for path in folder.rglob("*"):
                    if path.is_file() and path.suffix not in {".new", ".json", ".jsonl"}:
                        found.add(said(path.name, path.read_bytes()))
            found |= self.committed(clone)
        return found

    def committed(self, clone) -> set[str]:
        found = set()
        listed = clone.git("rev-list", "--objects", "--all", "--", "notebooks")
        for line in listed.splitlines():
            oid, _, path = line.partition(" ")
            if Path(path).suffix and oid not in self.blobs:
                self.blobs[oid] = said(path, clone.git("cat-file", "blob", oid).encode())
            found.add(self.blobs.get(oid, ""))
        return found


def test_no_history_loses_anything(remote, make_clone):
    Histories.remote, Histories.make_clone = remote, staticmethod(make_clone)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            derandomize=False,  # new histories each time, in a pipeline as well
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
            report_multiple_bugs=False,
        ),
    )
