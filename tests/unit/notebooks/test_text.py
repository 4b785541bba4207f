"""Source notebooks as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.notebooks.formats import language_named
from mlops_core.notebooks.text import (
    canonical,
    decode,
    encode,
    restyle,
    split_cells,
    style_of,
    unified,
)

PYTHON = language_named("PYTHON")
HEADER = "# Databricks notebook source"
LINE = st.sampled_from(["", "x", PYTHON.separator, "é", "  y"])
LINES = st.lists(LINE, max_size=8)
ENDINGS = st.sampled_from(["\n", "\r\n"])


@given(st.binary())
def test_any_bytes_survive(content):
    assert encode(decode(content)) == content.removeprefix(b"\xef\xbb\xbf")


@given(LINES)
def test_cells_lose_nothing(lines):
    text = "\n".join(lines)
    assert f"{PYTHON.separator}\n".join(split_cells(text, PYTHON)) == text + "\n"


def test_cells_are_split_at_separator_lines_only():
    text = "a\n\n# COMMAND ----------\n\nb\n# MAGIC # COMMAND ----------"
    assert split_cells(text, PYTHON) == ("a\n\n", "\nb\n# MAGIC # COMMAND ----------\n")


@given(LINES, ENDINGS, ENDINGS, st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_what_the_service_may_change_makes_no_difference(lines, one, other, ends, more, bom):
    body = "\n".join([HEADER, *lines]).rstrip("\n")
    first = (body + "\n" * ends).replace("\n", one).encode()
    second = ("\ufeff" * bom + (body + "\n" * more).replace("\n", other)).encode()
    assert canonical(first, PYTHON) == canonical(second, PYTHON)


def test_the_header_is_no_content():
    assert canonical(b"# Databricks notebook source\nx", PYTHON) == canonical(b"x", PYTHON) == "x"
    assert canonical(b"# Databricks notebook source", PYTHON) == ""


@given(LINES, LINES, ENDINGS, st.integers(0, 3), st.booleans())
def test_theirs_in_our_manner_is_theirs(theirs, ours, newline, ends, bom):
    like = (
        "\ufeff" * bom + ("\n".join([HEADER, *ours]) + "\n" * ends).replace("\n", newline)
    ).encode()
    content = "\n".join([HEADER, *theirs]).encode()
    styled = restyle(content, like)
    assert canonical(styled, PYTHON) == canonical(content, PYTHON)
    assert style_of(styled).has_bom == bom
    assert style_of(styled).final == style_of(like).final
    assert restyle(canonical_twin(like), like) == like


@given(st.lists(st.tuples(LINE, st.sampled_from(["\n", "\r\n", "\r"])), max_size=8), LINES)
def test_mixed_endings_are_kept_and_no_line_is_lost(ours, theirs):
    like = "".join(line + end for line, end in [(HEADER, "\n"), *ours]).encode()
    content = "\n".join([HEADER, *theirs]).encode()
    assert canonical(restyle(content, like), PYTHON) == canonical(content, PYTHON)
    assert restyle(canonical_twin(like), like) == like


def test_twenty_thousand_lines_with_mixed_endings_are_quick():
    """Compared as they are, with all their equal lines, they take twelve seconds."""
    lines = [("", "y = 1", f"x = {number % 500}")[number % 3] for number in range(20_000)]
    like = "".join(line + ("\n", "\r\n")[number % 2] for number, line in enumerate(lines))
    theirs = ["new", *lines[:9_000], "new", *lines[9_001:], "new"]
    styled = restyle("\n".join(theirs).encode(), like.encode())
    assert unified(styled.decode()).rstrip("\n") == "\n".join(theirs)


def canonical_twin(content: bytes) -> bytes:
    return unified(decode(content)).rstrip("\n").encode()


@pytest.mark.parametrize(
    ("theirs", "like", "expected"),
    [
        (b"H\na\nb", b"H\r\na\r\n", b"H\r\na\r\nb\r\n"),
        (b"H\na\nnew\nb", b"H\r\na\nb\r\n", b"H\r\na\nnew\r\nb\r\n"),
        (b"H\nb", b"H", b"H\nb"),
        (b"H", b"H\r\n", b"H\r\n"),
    ],
)
def test_lines_that_stay_keep_their_own_endings(theirs, like, expected):
    assert restyle(theirs, like) == expected
