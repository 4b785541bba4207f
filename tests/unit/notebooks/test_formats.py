"""What is a notebook, by name and first line."""

from __future__ import annotations

import pytest

from mlops_core.notebooks.formats import (
    A_FILE,
    LANGUAGES,
    Form,
    extension_of,
    import_format,
    is_designer_name,
    is_jupyter_name,
    is_language,
    is_notebook_name,
    language_named,
    source_form,
    without_extension,
)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nx", "\r\nx"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_header_and_extension_make_a_notebook(language, end, bom):
    content = f"{bom}{language.header}{end}".encode()
    form = Form("NOTEBOOK", language.name, "SOURCE")
    assert source_form("x" + language.extension, content) == form
    assert source_form("x" + language.extension.upper(), content) == form
    assert source_form("x.txt", content) == A_FILE
    assert source_form("x", content) == A_FILE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n# Databricks notebook source\n",
        b"# Databricks notebook source \n",
        b" # Databricks notebook source\n",
        b"`# Databricks notebook source\n",
        b"# Databricks notebook source\rx",
        b"# Databricks notebook sources\n",
        b"-- Databricks notebook source\n",
        b"#!/bin/python\n# Databricks notebook source\n",
    ],
)
def test_a_near_miss_is_a_file_and_sent_so_that_it_stays_one(content):
    assert source_form("x.py", content) == A_FILE
    assert import_format("x.py", content) == ("RAW" if b"Databricks" in content else "AUTO")


@pytest.mark.parametrize("name", ["a.zip", "a.DBC", "b.whl", "c.jar", "d.tar", "e.html", "f.Rmd"])
def test_archives_and_other_notebook_formats_are_sent_as_they_are(name):
    assert import_format(name, b"") == "RAW"


def test_a_zip_by_another_name_is_sent_as_it_is():
    assert import_format("model.pkl", b"PK\x03\x04rest") == "RAW"
    assert import_format("model.pkl", b"rest") == "AUTO"


def test_names():
    assert extension_of("a/b.c.py") == ".py"
    assert extension_of("a.b/c") == ""
    assert extension_of(".hidden") == ""
    assert without_extension("a.b.py") == "a.b"
    assert without_extension("a.b/c") == "a.b/c"
    assert is_jupyter_name("a.IPYNB")
    assert not is_jupyter_name("a.py")
    assert is_notebook_name("a.IPYNB")
    assert is_notebook_name("a.b.R")
    assert not is_notebook_name("py")
    assert is_designer_name("flow.designer.ipynb")
    assert is_language("SQL")
    assert not is_language(None)
    assert language_named("SCALA").separator == "// COMMAND ----------"


def test_forms():
    assert A_FILE.extension == ""
    assert Form("NOTEBOOK", "R", "SOURCE").extension == ".r"
    assert Form("NOTEBOOK", "R", "JUPYTER").extension == ".ipynb"
    assert Form("NOTEBOOK", "R", "JUPYTER").tag == "notebook-r-jupyter"
    assert A_FILE.tag == "file"
