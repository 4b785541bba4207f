"""The trash of a mirror: what somebody edited is kept in the workspace, whatever it is."""

from __future__ import annotations

import tracemalloc

import pytest

from mlops_core.notebooks.digest import file_digest, identify
from mlops_core.sync.pair import prepare_state
from mlops_core.sync.store import sha256_of
from mlops_core.sync.trash import Trash

NOTEBOOK = b"# Databricks notebook source\nprint(1)\n"


@pytest.fixture
def pair(make_clone, healthy, tmp_path):
    pair = make_clone(tmp_path / "one").pair
    prepare_state(pair.state)
    return pair


@pytest.fixture
def content(tmp_path):
    """Makes a content that the trash is to keep."""

    def make(body: bytes):
        file = tmp_path / "content"
        file.write_bytes(body)
        return file

    return make


def test_a_large_file_never_lies_in_memory_as_a_whole(pair, content, healthy):
    size = 12 * 1024 * 1024
    file, trash = content(b"x" * size), Trash(pair, {})
    tracemalloc.start()
    try:
        trash.keep("workspace", "large.bin", file)
        assert tracemalloc.get_traced_memory()[1] < size // 4
    finally:
        tracemalloc.stop()
    assert healthy.sdk.workspace.get_status(f"{trash.place}/large.bin").size == size


def test_a_file_that_is_called_a_notebook_and_is_none_is_kept(pair, content, healthy):
    trash = Trash(pair, {})
    trash.keep("workspace", "x.ipynb", content(b"no notebook"))
    assert healthy.read(f"{trash.place}/x.ipynb", "AUTO") == b"no notebook"


def test_what_the_last_mirror_put_there_is_not_kept(pair, content):
    large = content(b"x" * 11 * 1024 * 1024)
    known = {"a.py": identify("a.py", NOTEBOOK).digest, "b.bin": file_digest(sha256_of(large))}
    trash = Trash(pair, known)
    trash.keep("workspace", "b.bin", large)
    trash.keep("workspace", "a.py", content(NOTEBOOK))
    assert trash.kept == []


def test_what_was_there_before_it_changed_once_more_is_kept_beside(pair, content, healthy):
    trash = Trash(pair, {})
    trash.keep("earlier", "a.txt", content(b"before"))
    trash.keep("workspace", "a.txt", content(b"after"))
    assert healthy.read(f"{trash.place}/a.txt", "AUTO") == b"after"
    assert healthy.read(f"{trash.place}-earlier/a.txt", "AUTO") == b"before"
