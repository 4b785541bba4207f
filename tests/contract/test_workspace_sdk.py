"""databricks-sdk finds in the embedded workspace what it would find in any."""

import io

import pytest
from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

HEADER = b"# Databricks notebook source\n"


def _names(sdk, path):
    return {(one.path.rpartition("/")[2], one.object_type) for one in sdk.workspace.list(path)}


def test_me_and_the_workspace_id(sdk, site):
    assert sdk.current_user.me().user_name == "you@local"
    assert sdk.get_workspace_id() == int(
        site.ask("GET", "/.well-known/databricks-config").json["workspace_id"]
    )


def test_auto_makes_notebooks_and_files_by_their_content(sdk, home):
    sdk.workspace.upload(f"{home}/a.py", io.BytesIO(HEADER + b"1"), format=ImportFormat.AUTO)
    sdk.workspace.upload(f"{home}/m.py", io.BytesIO(b"x = 1\r\n"), format=ImportFormat.AUTO)
    sdk.workspace.upload(f"{home}/d.csv", io.BytesIO(b"1;2"), format=ImportFormat.AUTO)
    assert _names(sdk, home) == {
        ("a", ObjectType.NOTEBOOK),
        ("m.py", ObjectType.FILE),
        ("d.csv", ObjectType.FILE),
    }
    assert sdk.workspace.get_status(f"{home}/a").language == Language.PYTHON
    assert sdk.workspace.download(f"{home}/a").read() == HEADER + b"1"
    assert sdk.workspace.download(f"{home}/m.py").read() == b"x = 1\r\n"
    with pytest.raises(NotFound):
        sdk.workspace.get_status(f"{home}/a.py")


def test_source_keeps_the_extension_and_adds_the_header(sdk, home):
    sdk.workspace.upload(
        f"{home}/x.py",
        io.BytesIO(b"print(1)"),
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
    )
    assert _names(sdk, home) == {("x.py", ObjectType.NOTEBOOK)}
    assert sdk.workspace.download(f"{home}/x.py").read() == HEADER + b"print(1)"


def test_the_second_upload_needs_overwrite(sdk, home):
    for content in (b"1", b"2"):
        sdk.workspace.upload(
            f"{home}/f", io.BytesIO(content), overwrite=True, format=ImportFormat.AUTO
        )
    with pytest.raises(ResourceAlreadyExists):
        sdk.workspace.upload(f"{home}/f", io.BytesIO(b"3"), format=ImportFormat.AUTO)
    assert sdk.workspace.download(f"{home}/f").read() == b"2"


def test_a_missing_parent_is_not_made_by_an_import(sdk, home):
    with pytest.raises(NotFound, match="parent folder"):
        sdk.workspace.upload(f"{home}/no/f", io.BytesIO(b"1"), format=ImportFormat.AUTO)
    assert list(sdk.workspace.list(home)) == []


def test_folders_are_deleted_when_empty_or_when_asked(sdk, home):
    sdk.workspace.mkdirs(f"{home}/a/b")
    with pytest.raises(BadRequest) as refusal:
        sdk.workspace.delete(f"{home}/a")
    assert refusal.value.error_code == "DIRECTORY_NOT_EMPTY"
    sdk.workspace.delete(f"{home}/a/b")
    sdk.workspace.delete(f"{home}/a", recursive=True)
    assert list(sdk.workspace.list(home)) == []


def test_an_ipynb_travels_in_both_forms(sdk, home):
    notebook = (
        b'{"cells": [{"cell_type": "code", "source": ["print(1)\\n", "2"], "metadata": {},'
        b' "outputs": [], "execution_count": null}, {"cell_type": "markdown", "metadata": {},'
        b' "source": "# Title"}], "metadata": {"language_info": {"name": "R"}},'
        b' "nbformat": 4, "nbformat_minor": 5}'
    )
    sdk.workspace.upload(f"{home}/n.ipynb", io.BytesIO(notebook), format=ImportFormat.AUTO)
    assert sdk.workspace.get_status(f"{home}/n").language == Language.R
    source = sdk.workspace.download(f"{home}/n").read().decode()
    assert source == (
        "# Databricks notebook source\nprint(1)\n2\n\n# COMMAND ----------\n\n"
        "# MAGIC %md\n# MAGIC # Title"
    )
    jupyter = sdk.workspace.download(f"{home}/n", format=ExportFormat.JUPYTER).read().decode()
    assert '"name": "r"' in jupyter and "nuid" in jupyter


def test_fifty_files_listed_and_walked(sdk, home):
    for folder in ("p", "p/q"):
        sdk.workspace.mkdirs(f"{home}/{folder}")
        for number in range(5):
            sdk.workspace.upload(
                f"{home}/{folder}/a b+c #{number}%.txt", io.BytesIO(b"1"), format=ImportFormat.AUTO
            )
    found = [one.path for one in sdk.workspace.list(home, recursive=True)]
    assert len(found) == 10
    assert f"{home}/p/q/a b+c #3%.txt" in found


def test_a_large_file_is_streamed(sdk, home, tmp_path):
    content = bytes(range(256)) * 4096 * 12  # 12 MiB: more than JSON may carry
    sdk.workspace.upload(f"{home}/big", io.BytesIO(content), format=ImportFormat.AUTO)
    assert sdk.workspace.download(f"{home}/big").read() == content
    with pytest.raises(BadRequest) as refusal:
        sdk.workspace.export(f"{home}/big")
    assert refusal.value.error_code == "MAX_READ_SIZE_EXCEEDED"
