"""The embedded workspace's answers, field by field: what databricks_api's facts say."""

import base64
import threading

import pytest

IMPORT = "/api/2.0/workspace/import"
HEADER = "# Databricks notebook source\n"


@pytest.fixture
def put(site):
    def put(path, content=HEADER, fmt="AUTO", **fields):
        raw = content if isinstance(content, bytes) else content.encode()
        body = {"path": path, "content": base64.b64encode(raw).decode(), "format": fmt, **fields}
        return site.ask("POST", IMPORT, body)

    return put


@pytest.fixture
def source(site):
    def source(path, **query):
        query = {"direct_download": "true", **query}
        return site.ask("GET", "/api/2.0/workspace/export", path=path, **query).content.decode()

    return source


def test_the_forms_of_already_exists(put, home):
    put(f"{home}/n.py"), put(f"{home}/f.txt", "1"), put(f"{home}/m.py", "1")
    notebook, file = put(f"{home}/n.py"), put(f"{home}/f.txt", "2")
    assert (notebook.status, notebook.json["error_code"]) == (400, "")
    assert notebook.json["message"] == f"Path ({home}/n) already exists."
    assert (file.status, file.json["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    for overwrite in (False, True):
        mismatch = put(f"{home}/n", "1", overwrite=overwrite)
        assert (mismatch.status, mismatch.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert mismatch.json["details"][0]["reason"] == "WORKSPACE_OBJECT_TYPE_MISMATCH"
    sibling = put(f"{home}/n.py", "no header", overwrite=True)
    assert (sibling.status, sibling.json["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert put(f"{home}/m.py", overwrite=True).status == 400  # and the reverse


def test_of_concurrent_creates_one_wins(site, put, home):
    answers = []
    threads = [
        threading.Thread(target=lambda i=i: answers.append(put(f"{home}/lock", f"{i}")))
        for i in range(5)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answer.status for answer in answers)[0] == 200
    assert [answer.status for answer in answers].count(200) == 1


def test_paths_are_echoed_as_they_were_asked(site, home, put):
    put(f"/Workspace{home}/a.txt", "1")
    for asked, told in [
        (f"{home}/a.txt", f"{home}/a.txt"),
        (f"/Workspace{home}/a.txt", f"/Workspace{home}/a.txt"),
        (f"//Workspace{home}/a.txt", f"{home}/a.txt"),
    ]:
        status = site.ask("GET", "/api/2.0/workspace/get-status", path=asked)
        assert status.json["path"] == told
    gone = site.ask("GET", "/api/2.0/workspace/get-status", path="/Workspace/no")
    assert gone.status == 404
    assert gone.json == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Path (/Workspace/no) doesn't exist.",
    }


def test_an_empty_folder_a_file_and_nothing_listed(site, home, put):
    listing = "/api/2.0/workspace/list"
    assert site.ask("GET", listing, path=home).json == {}
    put(f"{home}/a.txt", "123")
    (only,) = site.ask("GET", listing, path=f"{home}/a.txt").json["objects"]
    assert (only["path"], only["size"]) == (f"{home}/a.txt", 3)
    assert site.ask("GET", listing, path=f"{home}/no").status == 404


def test_the_flavour_is_told_when_asked(site, home, put):
    put(f"{home}/a.py")
    put(f"{home}/b.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4}')
    flavours = [
        site.ask(
            "GET", "/api/2.0/workspace/get-status", path=f"{home}/{name}", return_export_info="true"
        ).json["repos_export_format"]
        for name in "ab"
    ]
    assert flavours == ["SOURCE", "JUPYTER"]
    plain = site.ask("GET", "/api/2.0/workspace/get-status", path=f"{home}/a").json
    assert "repos_export_format" not in plain


def test_archives_explode_unless_raw(site, home, put):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sub/n.py", HEADER + "1")
        archive.writestr("m.txt", "2")
    assert put(f"{home}/x.zip", buffer.getvalue()).status == 200
    assert put(f"{home}/y.zip", buffer.getvalue(), "RAW").status == 200
    names = site.ask("GET", "/api/2.0/workspace/list", path=home).json["objects"]
    assert [(one["path"], one["object_type"]) for one in names] == [
        (f"{home}/x", "DIRECTORY"),
        (f"{home}/y.zip", "FILE"),
    ]
    status = site.ask("GET", "/api/2.0/workspace/get-status", path=f"{home}/x/sub/n")
    assert status.json["language"] == "PYTHON"


def test_source_without_language_expects_an_archive(put, home):
    refusal = put(f"{home}/a.py", "print(1)", "SOURCE")
    assert (refusal.status, refusal.json["message"]) == (
        400,
        "The zip archive contains no items.",
    )
    assert put(f"{home}/a.html", "<p>", "HTML").status == 400
    assert put(f"{home}/bad.ipynb", "{}").status == 400


def test_protected_folders(site, home):
    def code(route, path, **fields):
        return site.ask("POST", f"/api/2.0/workspace/{route}", {"path": path, **fields}).json

    for path in ("/Users/someone", "/Users/someone/x", "/Repos/you@local/x"):
        assert code("mkdirs", path)["error_code"] == "DIRECTORY_PROTECTED"
    for path in ("/Users", "/Shared", "/Users/you@local", "/"):
        assert code("delete", path, recursive=True)["error_code"] == "DIRECTORY_PROTECTED"
    assert "error_code" in code("mkdirs", f"{home}/.git")
    assert code("mkdirs", home) == {}


def test_mkdirs_through_a_file_is_refused(site, home, put):
    put(f"{home}/f", "1")
    answer = site.ask("POST", "/api/2.0/workspace/mkdirs", {"path": f"{home}/f/g"})
    assert (answer.status, answer.json["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


def test_ten_mebibytes(put, home):
    big = b"x" * (10 * 1024 * 1024 + 1)
    file, notebook = put(f"{home}/f", big), put(f"{home}/n.py", HEADER.encode() + big)
    assert (file.status, file.json["error_code"]) == (400, "BAD_REQUEST")
    assert "exceeded max size (10485760 bytes)" in file.json["message"]
    assert notebook.json["error_code"] == "MAX_NOTEBOOK_SIZE_EXCEEDED"


@pytest.mark.parametrize(
    ("sent", "kept", "normalised"),
    [
        (HEADER + "a\r\nb\r\n", HEADER + "a\r\nb\r\n", HEADER + "a\nb"),
        (HEADER + "foo\n\n", HEADER + "foo\n\n", HEADER + "foo\n"),
        (HEADER.strip(), HEADER.strip(), HEADER),
        (HEADER, HEADER, HEADER),
    ],
)
def test_both_generations_of_the_service(site, home, put, source, sent, kept, normalised):
    put(f"{home}/kept.py", sent)
    site.ask("PUT", "/local/switches", {"content": "normalised"})
    put(f"{home}/normalised.py", sent)
    put(f"{home}/file.txt", sent)
    assert source(f"{home}/kept") == kept
    assert source(f"{home}/normalised") == normalised
    assert source(f"{home}/file.txt") == sent


def test_a_folder_exports_as_an_archive_and_dbc_is_refused(site, home, put):
    put(f"{home}/n.py")
    answer = site.ask("GET", "/api/2.0/workspace/export", path=home, direct_download="true")
    assert answer.content.startswith(b"PK")
    dbc = site.ask("GET", "/api/2.0/workspace/export", path=home, format="DBC")
    assert dbc.status == 400


def test_what_a_process_writes_is_a_file_of_the_workspace(site, home, put):
    folder = site.data_folder / "root" / home[1:]
    (folder / "new.txt").write_text("hi")
    put(f"{home}/gone.txt", "1")
    (folder / "gone.txt").unlink()
    found = site.ask("GET", "/api/2.0/workspace/list", path=home).json["objects"]
    assert [one["path"] for one in found] == [f"{home}/new.txt"]
    assert site.ask("GET", "/api/2.0/workspace/get-status", path=f"{home}/gone.txt").status == 404


def test_the_older_import_route(site, home):
    target = f"/api/2.0/workspace-files/import-file/{home[1:].replace('/', '%2F')}%2Fa%20b.py"
    assert site.ask("POST", target, b"x = 1").status == 200
    assert site.ask("POST", target, b"x = 2").status == 409
    assert site.ask("POST", f"{target}?overwrite=true", b"x = 3").status == 200
    assert site.ask("GET", f"/api/2.0/workspace-files{home}/a%20b.py").content == b"x = 3"


def test_objects_of_other_kinds(site, home):
    for name, kind in (("r", "REPO"), ("d", "DASHBOARD"), ("l", "LIBRARY")):
        body = {"path": f"{home}/{name}", "object_type": kind}
        assert site.ask("POST", "/local/objects", body).status == 200
    found = site.ask("GET", "/api/2.0/workspace/list", path=home).json["objects"]
    assert [one["object_type"] for one in found] == ["DASHBOARD", "LIBRARY", "REPO"]
    assert site.ask("GET", "/api/2.0/workspace/export", path=f"{home}/l").status == 400


def test_an_unknown_route_says_what_to_add(site):
    answer = site.ask("GET", "/api/2.0/clusters/list")
    assert answer.status == 501
    assert "add it to" in answer.json["message"]
