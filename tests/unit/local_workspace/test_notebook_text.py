import json

import pytest

from mlops_core.local_workspace.languages import LANGUAGES
from mlops_core.local_workspace.notebook_text import (
    Cell,
    as_jupyter,
    as_source,
    jupyter_language,
    normalised,
    parse_jupyter,
    script_cells,
)
from mlops_core.local_workspace.replies import ApiError

PY = "# Databricks notebook source\n"


def ipynb(*cells, **metadata):
    kinds = {"md": "markdown", "code": "code"}
    return json.dumps(
        {
            "cells": [
                {"cell_type": kinds[kind], "source": text, "metadata": {}, "outputs": [1]}
                for kind, text in cells
            ],
            "metadata": metadata,
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_source_notebook_exports_with_one_header(language):
    header = language.header.encode()
    assert as_source(b"x", language.name, "SOURCE") == header + b"\nx"
    assert as_source(header + b"\r\nx", language.name, "SOURCE") == header + b"\r\nx"
    assert as_source(header, language.name, "SOURCE") == header
    assert as_source(b"", language.name, "SOURCE") == header + b"\n"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (PY + "foo\n", PY + "foo"),
        (PY + "foo\n\n", PY + "foo\n"),
        (PY + "a\r\nb\r\n", PY + "a\nb"),
        (PY.strip(), PY),
        (PY, PY),
        ("foo", "foo"),
    ],
)
def test_the_older_service_normalises(sent, kept):
    assert normalised(sent.encode()).decode() == kept


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "PYTHON"),
        ({"kernelspec": {"language": "R"}}, "PYTHON"),
        ({"language_info": {"name": "R"}}, "R"),
        ({"language_info": {"name": "scala"}}, "SCALA"),
        ({"language_info": {"name": "Sql"}}, "SQL"),
        ({"language_info": {"name": "cobol"}}, "PYTHON"),
    ],
)
def test_language_info_decides(metadata, language):
    assert jupyter_language(parse_jupyter(ipynb(**metadata))) == language


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"cells": 1, "nbformat": 4}', b'{"cells": [], "nbformat": 3}']
)
def test_what_is_no_notebook_is_refused(content):
    with pytest.raises(ApiError) as refusal:
        parse_jupyter(content)
    assert refusal.value.status == 400


def test_jupyter_as_source():
    content = ipynb(("md", "# Title\n\ntext"), ("code", ["a = 1\n", "b"]), ("code", "%sql\nSELECT"))
    assert as_source(content, "PYTHON", "JUPYTER").decode() == (
        PY + "# MAGIC %md\n# MAGIC # Title\n# MAGIC\n# MAGIC text"
        "\n\n# COMMAND ----------\n\na = 1\nb"
        "\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC SELECT"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_cells_survive_the_way_through_source(language):
    content = ipynb(("md", "# T\n\nt"), ("code", "x"), ("code", "%sh\nls -l"))
    script = as_source(content, language.name, "JUPYTER").decode()
    assert script_cells(script, language) == [
        Cell("# T\n\nt", is_markdown=True),
        Cell("x"),
        Cell("%sh\nls -l"),
    ]


def test_jupyter_round_trip_is_dressed_and_keeps_the_sources():
    content = ipynb(("code", "x"), language_info={"name": "R", "version": "4"})
    document = json.loads(as_jupyter(content, "R", "JUPYTER", "n"))
    assert document["metadata"]["language_info"] == {"name": "r", "version": "4"}
    notebook = document["metadata"]["application/vnd.databricks.v1+notebook"]
    assert (notebook["language"], notebook["notebookName"]) == ("r", "n")
    (cell,) = document["cells"]
    assert cell["source"] == "x" and cell["outputs"] == [1]
    assert cell["metadata"]["application/vnd.databricks.v1+cell"]["nuid"]
    bare = json.loads(as_jupyter(content, "R", "JUPYTER", "n", with_outputs=False))
    assert bare["cells"][0]["outputs"] == []


def test_a_source_notebook_as_jupyter():
    script = PY + "# MAGIC %md\n# MAGIC hi\n\n# COMMAND ----------\n\nx = 1\ny = 2"
    document = json.loads(as_jupyter(script.encode(), "PYTHON", "SOURCE", "n"))
    assert [(cell["cell_type"], cell["source"]) for cell in document["cells"]] == [
        ("markdown", ["hi"]),
        ("code", ["x = 1\n", "y = 2"]),
    ]
