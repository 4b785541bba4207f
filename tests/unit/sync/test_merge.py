"""Merging cell by cell, and by lines inside a cell."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.checkout import merge_lines
from mlops_core.notebooks.formats import A_FILE, Form
from mlops_core.sync.merge import merge_cells
from mlops_core.sync.merging import merge_contents

SOURCE = Form("NOTEBOOK", "PYTHON", "SOURCE")
JUPYTER = Form("NOTEBOOK", "PYTHON", "JUPYTER")
CELLS = st.lists(st.sampled_from(["a", "b", "c", "d long cell", "d long cells"]), max_size=5)


def never(*_: str) -> None:
    return None


def merged(ours, base, theirs, merge_cell=never):
    return merge_cells(list(ours), list(base), list(theirs), merge_cell=merge_cell, text=str)


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "expected"),
    [
        ("Abc", "abc", "abC", "AbC"),
        ("abc", "abc", "aXbc", "aXbc"),
        ("aXbc", "abc", "abYc", "aXbYc"),
        ("ac", "abc", "abcd", "acd"),
        ("abc", "abc", "", ""),
        ("abX", "ab", "abX", "abX"),
        ("abX", "ab", "abY", None),
        ("aX", "ab", "aY", None),
        ("a", "ab", "aY", None),
        ("", "", "ab", "ab"),
        ("ba", "ab", "ab", "ba"),
        ("abcX", "abc", "bc", "bcX"),
    ],
)
def test_cells(ours, base, theirs, expected):
    found = merged(ours, base, theirs)
    assert found == (None if expected is None else list(expected))
    turned = merged(theirs, base, ours)
    assert turned == (None if expected is None else list(expected))


@given(CELLS, CELLS)
def test_one_side_alone_always_gets_through(base, side):
    assert merged(base, base, side) == side
    assert merged(side, base, base) == side
    assert merged(side, base, side) == side


@given(CELLS, CELLS, CELLS)
def test_no_cell_that_is_new_on_one_side_gets_lost(base, ours, theirs):
    found = merged(ours, base, theirs)
    if found is not None:
        assert {c for c in (*ours, *theirs) if c not in base} <= set(found)


def test_an_edited_cell_and_a_new_one_beside_it_are_both_kept():
    base = ["one = 1\nmore = 2", "last"]
    ours = ["one = 1\nmore = 3", "last"]
    theirs = ["one = 1\nmore = 2", "new", "last"]
    assert merged(ours, base, theirs) == ["one = 1\nmore = 3", "new", "last"]


def source(*cells: str, newline: str = "\n") -> bytes:
    body = "\n\n# COMMAND ----------\n\n".join(cells)
    return f"# Databricks notebook source\n{body}\n".replace("\n", newline).encode()


@pytest.fixture
def merge(tmp_path):
    def run(ours, base, theirs, form=SOURCE):
        def lines(mine, old, new):
            return merge_lines(mine, old, new, tmp_path)

        return merge_contents(ours, base, theirs, form=form, merge_lines=lines)

    return run


def test_source_notebooks(merge):
    base = source("a", "b\nb2\nb3", "c")
    ours = source("a ours", "b ours\nb2\nb3", "c", newline="\r\n")
    theirs = source("a", "b\nb2\nb3 theirs", "c", "d")
    expected = source("a ours", "b ours\nb2\nb3 theirs", "c", "d", newline="\r\n")
    assert merge(ours, base, theirs) == expected
    assert merge(source("x"), source("a"), source("y")) is None


def test_a_notebook_with_other_blank_lines_keeps_them(merge):
    def tight(*cells):
        return (
            "# Databricks notebook source\n\n" + "\n# COMMAND ----------\n".join(cells)
        ).encode()

    found = merge(tight("a ours", "b", "c"), tight("a", "b", "c"), tight("a", "b", "c theirs"))
    assert found == tight("a ours", "b", "c theirs")


def test_text_and_binary_files(merge):
    assert merge(b"A\nb\nc\nd\n", b"a\nb\nc\nd\n", b"a\nb\nc\nD\n", A_FILE) == b"A\nb\nc\nD\n"
    assert merge(b"A\n", b"a\n", b"B\n", A_FILE) is None
    assert merge(b"A\0", b"a\0", b"a\0", A_FILE) is None
    assert merge(b"\xff", b"a", b"a", A_FILE) is None


def jupyter(*sources, kind="code"):
    raw = [{"cell_type": kind, "metadata": {}, "source": [text]} for text in sources]
    return json.dumps({"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}).encode()


def test_jupyter_notebooks(merge):
    found = merge(jupyter("A", "b"), jupyter("a", "b"), jupyter("a", "b", "c"), JUPYTER)
    assert ["".join(cell["source"]) for cell in json.loads(found)["cells"]] == ["A", "b", "c"]
    assert merge(jupyter("A"), jupyter("a"), jupyter("B"), JUPYTER) is None
    assert merge(jupyter("A"), jupyter("a"), jupyter("B", kind="markdown"), JUPYTER) is None


def test_characters_that_are_none_get_through_a_merge(merge):
    half = "x = '\ud83d'\nb\nc\nd"  # half of a pair, as JSON can have it
    found = merge(jupyter("A" + half), jupyter(half), jupyter(half + "D"), JUPYTER)
    assert json.loads(found)["cells"][0]["source"] == [
        "Ax = '\ud83d'\n",
        "b\n",
        "c\n",
        "dD",
    ]


def test_long_cells_are_compared_quickly(merge):
    """A hundred pairs of nine kilobytes each: by characters, it takes a minute for ten."""

    def cell(number, words=1500):
        chosen = random.Random(number)
        tokens = ["df", "select", "=", "(", ")", "col", "\n", "    ", "return", "x", "1", "y"]
        return " ".join(chosen.choice(tokens) for _ in range(words)).strip()

    base = [cell(number) for number in range(10)]
    theirs = [*(cell(number) for number in range(100, 105)), *base[:5], "new"]
    assert merge(source("ours", *base), source("head", *base), source("head", *theirs)) is not None


def test_a_long_cell_that_was_edited_is_found_again():
    lines = [f"value_{number} = compute({number})" for number in range(300)]
    base = ["first", "\n".join(lines), "last"]
    ours = ["first", "\n".join(["import this", *lines[1:]]), "last"]
    theirs = ["first", "new", "\n".join([*lines[:-1], "done()"]), "last"]
    assert merged(ours, base, theirs, lambda *cells: "both") == ["first", "new", "both", "last"]
