import pytest

from mlops_core.local_workspace.import_rules import (
    Wanted,
    check_raced,
    check_replace,
    check_siblings,
    check_size,
    plan_import,
    rival_names,
)
from mlops_core.local_workspace.node import Node
from mlops_core.local_workspace.replies import ApiError

PY = b"# Databricks notebook source\n"
MIB = 1024 * 1024


def notebook(path, language="PYTHON", flavour="SOURCE"):
    return Wanted(path, "NOTEBOOK", language, flavour)


def node(path, kind="FILE", language=None, flavour=None):
    return Node(path, kind, 7, 1, "", 0, 0, language, flavour)


@pytest.mark.parametrize(
    ("path", "head", "wanted"),
    [
        ("/d/a.py", PY, notebook("/d/a")),
        ("/d/a.PY", PY, notebook("/d/a")),
        ("/d/a.b.py", PY, notebook("/d/a.b")),
        ("/d/a.py", PY.strip(), notebook("/d/a")),
        ("/d/a.py", PY.strip() + b"\r\nx", notebook("/d/a")),
        ("/d/a.py", b"`" + PY, notebook("/d/a")),
        ("/d/a.R", PY, notebook("/d/a", "R")),
        ("/d/a.sql", b"-- Databricks notebook source\n", notebook("/d/a", "SQL")),
        ("/d/a.scala", b"// Databricks notebook source\n", notebook("/d/a", "SCALA")),
        ("/d/a.sql", PY, Wanted("/d/a.sql", "FILE")),
        ("/d/a.py", b"", Wanted("/d/a.py", "FILE")),
        ("/d/a.py", b"\n" + PY, Wanted("/d/a.py", "FILE")),
        ("/d/a.py", b"\xef\xbb\xbf" + PY, Wanted("/d/a.py", "FILE")),
        ("/d/a.py", PY.strip() + b" \n", Wanted("/d/a.py", "FILE")),
        ("/d/a", PY, Wanted("/d/a", "FILE")),
        ("/d/.py", PY, Wanted("/d/.py", "FILE")),
        ("/d/a.ipynb", b"{", Wanted("/d/a", "NOTEBOOK", None, "JUPYTER")),
        ("/d/a.zip", b"PK", Wanted("/d/a", "DIRECTORY")),
        ("/d/a.dbc", b"PK", Wanted("/d/a", "DIRECTORY")),
        ("/d/a.whl", b"PK", Wanted("/d/a.whl", "FILE")),
    ],
)
def test_auto(path, head, wanted):
    assert plan_import(path, "AUTO", None, head) == wanted


@pytest.mark.parametrize(
    ("fmt", "language", "wanted"),
    [
        ("SOURCE", "SQL", notebook("/d/a.py", "SQL")),
        ("SOURCE", None, Wanted("/d/a.py", "DIRECTORY")),
        ("RAW", None, Wanted("/d/a.py", "FILE")),
        ("JUPYTER", "PYTHON", Wanted("/d/a.py", "NOTEBOOK", None, "JUPYTER")),
        ("DBC", None, Wanted("/d/a.py", "DIRECTORY")),
    ],
)
def test_other_formats_keep_the_name(fmt, language, wanted):
    assert plan_import("/d/a.py", fmt, language, PY) == wanted


@pytest.mark.parametrize(("fmt", "language"), [("source", None), ("HTML", None), ("AUTO", "Go")])
def test_formats_and_languages_that_do_not_exist(fmt, language):
    with pytest.raises(ApiError) as refusal:
        plan_import("/d/a", fmt, language, b"")
    assert (refusal.value.status, refusal.value.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("wanted", "there", "overwrite", "code"),
    [
        (Wanted("/a", "FILE"), None, False, None),
        (Wanted("/a", "FILE"), node("/a"), True, None),
        (Wanted("/a", "FILE"), node("/a"), False, "RESOURCE_ALREADY_EXISTS"),
        (notebook("/a"), node("/a", "NOTEBOOK"), True, None),
        (notebook("/a"), node("/a", "NOTEBOOK"), False, ""),
        (notebook("/a"), node("/a"), True, "INVALID_PARAMETER_VALUE"),
        (Wanted("/a", "FILE"), node("/a", "DIRECTORY"), False, "INVALID_PARAMETER_VALUE"),
        (Wanted("/a", "DIRECTORY"), node("/a", "DIRECTORY"), True, "RESOURCE_ALREADY_EXISTS"),
    ],
)
def test_what_may_be_replaced(wanted, there, overwrite, code):
    if code is None:
        check_replace(wanted, there, overwrite=overwrite)
        return
    with pytest.raises(ApiError) as refusal:
        check_replace(wanted, there, overwrite=overwrite)
    assert (refusal.value.status, refusal.value.code) == (400, code)


def test_a_create_that_was_overtaken_is_a_conflict():
    with pytest.raises(ApiError) as refusal:
        check_raced(Wanted("/a", "FILE"), False, node("/a"), overwrite=False)
    assert (refusal.value.status, refusal.value.code) == (409, "ALREADY_EXISTS")
    check_raced(Wanted("/a", "FILE"), False, node("/a"), overwrite=True)
    check_raced(Wanted("/a", "FILE"), False, None, overwrite=False)


@pytest.mark.parametrize(
    ("wanted", "sibling", "clashes"),
    [
        (notebook("/d/a"), node("/d/a.py"), True),
        (Wanted("/d/a.py", "FILE"), node("/d/a", "NOTEBOOK", "PYTHON", "SOURCE"), True),
        (Wanted("/d/a.sql", "FILE"), node("/d/a", "NOTEBOOK", "PYTHON", "SOURCE"), False),
        (Wanted("/d/a.py", "FILE"), node("/d/a", "NOTEBOOK", "PYTHON", "JUPYTER"), False),
        (Wanted("/d/a.ipynb", "FILE"), node("/d/a", "NOTEBOOK", "PYTHON", "JUPYTER"), True),
        (notebook("/d/a", "PYTHON", "JUPYTER"), node("/d/a.py"), False),
        (notebook("/d/a.py"), node("/d/a", "NOTEBOOK", "PYTHON", "SOURCE"), False),
    ],
)
def test_full_names_are_unique_in_a_folder(wanted, sibling, clashes):
    assert not clashes or sibling.name in rival_names(wanted)
    if not clashes:
        check_siblings(wanted, [sibling])
        return
    with pytest.raises(ApiError, match="already exists"):
        check_siblings(wanted, [sibling])


@pytest.mark.parametrize(
    ("wanted", "size", "is_json", "code"),
    [
        (notebook("/a"), 10 * MIB, False, None),
        (notebook("/a"), 10 * MIB + 1, False, "MAX_NOTEBOOK_SIZE_EXCEEDED"),
        (Wanted("/a", "FILE"), 10 * MIB + 1, True, "BAD_REQUEST"),
        (Wanted("/a", "FILE"), 10 * MIB + 1, False, None),
        (Wanted("/a", "FILE"), 500 * MIB + 1, False, "BAD_REQUEST"),
    ],
)
def test_sizes(wanted, size, is_json, code):
    if code is None:
        check_size(wanted, size, is_json=is_json)
        return
    with pytest.raises(ApiError) as refusal:
        check_size(wanted, size, is_json=is_json)
    assert refusal.value.code == code
