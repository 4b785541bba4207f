"""Jupyter notebooks: what counts, and what of ours stays when theirs comes."""

from __future__ import annotations

import inspect
import json
import sys

import pytest

from mlops_core.errors import MlopsError
from mlops_core.notebooks import jupyter
from mlops_core.notebooks.digest import identify
from mlops_core.notebooks.jupyter import Cell, adopt, canonical, cells, language, parse, with_cells


def cell(source, kind="code", **more):
    raw = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        raw |= {"outputs": [], "execution_count": None}
    return raw | more


def notebook(*found, name="python", indent=1, minor=2, **metadata):
    document = {
        "cells": list(found),
        "metadata": {"language_info": {"name": name}, **metadata},
        "nbformat": 4,
        "nbformat_minor": minor,
    }
    return (json.dumps(document, indent=indent) + "\n").encode()


OUTPUT = {"output_type": "stream", "name": "stdout", "text": ["x"]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not UTF-8"),
        ("\ufeff[]".encode("utf-16-le"), "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b'{"cells": {}, "metadata": {}, "nbformat": 4}', "no list of cells"),
        (b'{"cells": [], "nbformat": 4}', "no metadata"),
        (b'{"cells": [1], "metadata": {}, "nbformat": 4}', "no list of cells"),
        (
            b'{"cells": [{"cell_type": "code", "source": 1}], "metadata": {}, "nbformat": 4}',
            "no list",
        ),
        (b'{"cells": [], "metadata": {}, "nbformat": 3}', "nbformat is 3"),
        (b'{"cells": [], "metadata": {}}', "nbformat is None"),
    ],
)
def test_what_is_no_notebook_is_told(content, why):
    with pytest.raises(MlopsError, match="no valid Jupyter notebook") as raised:
        parse(content)
    assert why in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"language_info": {"name": "R"}}, "R"),
        ({"language_info": {"name": "scala"}}, "SCALA"),
        ({"application/vnd.databricks.v1+notebook": {"language": "sql"}}, "SQL"),
        ({"kernelspec": {"language": "julia"}}, "PYTHON"),
        ({"language_info": {"name": "julia"}}, "PYTHON"),
        ({"language_info": []}, "PYTHON"),
    ],
)
def test_language(metadata, expected):
    assert language({"cells": [], "metadata": metadata, "nbformat": 4}) == expected


def test_outputs_metadata_and_formatting_are_no_content():
    one = notebook(cell(["a\n", "b"]), indent=1)
    other = notebook(
        cell("a\r\nb\n", outputs=[OUTPUT], execution_count=7, id="x", extra=1),
        indent=None,
        title="another",
    )
    assert canonical(one) == canonical(other)
    assert identify("n.ipynb", one) == identify("n.ipynb", b"\xef\xbb\xbf" + other)
    assert canonical(one) != canonical(notebook(cell(["a\n", "c"])))
    assert canonical(one) != canonical(notebook(cell(["a\n", "b"], kind="markdown")))


def test_only_the_cell_that_changed_changes():
    ours = notebook(cell(["a"], outputs=[OUTPUT], id="1"), cell(["b"], id="2"), indent=2, minor=5)
    theirs = notebook(
        cell(["a"], id="9", metadata={"application/vnd.databricks.v1+cell": {"nuid": "n"}}),
        cell(["b theirs"], id="8", outputs=[OUTPUT], execution_count=3),
    )
    adopted = adopt(ours, theirs)
    assert cells(parse(adopted)) == cells(parse(theirs))
    expected = notebook(
        cell(["a"], outputs=[OUTPUT], id="1"),
        cell(["b theirs"], id="2", outputs=[OUTPUT], execution_count=3),
        indent=2,
        minor=5,
    )
    assert json.loads(adopted) == json.loads(expected)
    assert adopted.startswith(b'{\n  "cells"')


def test_a_notebook_that_is_kept_without_outputs_gets_none():
    theirs = notebook(cell(["new"], outputs=[OUTPUT], execution_count=3))
    assert json.loads(adopt(notebook(cell(["old"])), theirs))["cells"] == [cell(["new"])]


def test_new_cells_get_ids_where_the_format_has_them_and_lose_databricks_metadata():
    ours = notebook(cell(["a"], id="1"), minor=5)
    fresh = cell(["b"], metadata={"application/vnd.databricks.v1+cell": {}, "tags": ["t"]})
    adopted = json.loads(adopt(ours, notebook(cell(["a"]), fresh)))["cells"]
    assert adopted[1]["metadata"] == {"tags": ["t"]}
    assert adopted[1]["id"] not in ("", "1")
    fresh["id"] = "theirs"
    assert "id" not in json.loads(adopt(notebook(), notebook(fresh, minor=5)))["cells"][0]
    assert (
        json.loads(adopt(notebook(minor=5), notebook(fresh, minor=5)))["cells"][0]["id"] == "theirs"
    )


@pytest.mark.parametrize("indent", [1, 2, 4, "\t", None])
@pytest.mark.parametrize("escapes", [True, False])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_the_json_is_written_as_ours_was(indent, escapes, newline, bom):
    document = json.loads(notebook(cell(["é"]), cell(["b"])))
    ours = json.dumps(document, indent=indent, ensure_ascii=escapes).replace("\n", newline)
    content = bom + ours.encode() + newline.encode()
    assert adopt(content, content) == content


def test_a_deep_notebook_is_written_or_told():
    """Which of the two, and at what depth, differs from Python to Python."""
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    ours = notebook(cell(["a"])).replace(b"{", b'{"deep": ' + deep + b",", 1)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 300)
    try:
        written = adopt(ours, notebook(cell(["b"])))
    except MlopsError as error:
        assert "nested too deeply" in error.message
    else:
        assert written.count(b'"a":') == 900
    finally:
        sys.setrecursionlimit(limit)


def shown(*names):
    return " ".join(f"![p](attachment:{name})" for name in names)


def with_images(source, **images):
    found = {name + ".png": {"image/png": content} for name, content in images.items()}
    return cell([source], "markdown", **({"attachments": found} if found else {}))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (with_images("text"), with_images(shown("p.png"), p="theirs"), {"p": "theirs"}),
        (with_images(shown("p.png"), p="1"), with_images(shown("p.png") + "!", p="2"), {"p": "2"}),
        (with_images(shown("p.png"), p="1"), with_images("removed"), {}),
        (with_images(shown("p.png"), p="1"), with_images(shown("p.png") + "!"), {"p": "1"}),
        (with_images("a"), with_images("new", unused="theirs"), {"unused": "theirs"}),
        (
            with_images(shown("a%20b.png"), **{"a b": "1"}),
            with_images(shown("a%20b.png", "c.png"), c="2"),
            {"a b": "1", "c": "2"},
        ),
    ],
)
def test_the_images_of_an_edited_cell_are_theirs_and_what_of_ours_it_still_shows(
    ours, theirs, expected
):
    (adopted,) = json.loads(adopt(notebook(ours), notebook(theirs)))["cells"]
    assert adopted.get("attachments", {}) == with_images("", **expected).get("attachments", {})
    assert "attachments" not in adopted or adopted["attachments"]


def test_a_cell_that_both_edited_keeps_the_images_of_both():
    ours = notebook(with_images("one\n" + shown("a.png"), a="ours"))
    theirs = notebook(with_images("1\n" + shown("b.png"), b="theirs"))
    wanted = [Cell("markdown", shown("a.png", "b.png"))]
    (merged,) = json.loads(with_cells(ours, wanted, theirs))["cells"]
    assert merged["attachments"] == {
        "a.png": {"image/png": "ours"},
        "b.png": {"image/png": "theirs"},
    }


def test_another_language_is_taken_over():
    adopted = parse(adopt(notebook(cell(["a"])), notebook(cell(["b"]), name="sql")))
    assert language(adopted) == "SQL"


def test_chosen_cells_come_from_either_side():
    ours, theirs = notebook(cell(["a"], extra="ours")), notebook(cell("b", extra="theirs"))
    merged = json.loads(with_cells(ours, [Cell("code", "a"), Cell("code", "b")], theirs))
    assert [raw["extra"] for raw in merged["cells"]] == ["ours", "theirs"]


def test_a_cell_without_source_is_empty():
    assert jupyter.cells({"cells": [{"cell_type": "code"}], "metadata": {}}) == (Cell("code", ""),)
