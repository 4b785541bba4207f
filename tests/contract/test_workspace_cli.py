"""The `databricks` command of databricks-cli 0.18 works on the embedded workspace."""

import base64


def test_import_dir_ls_and_export_dir(databricks, site, home, tmp_path):
    local = tmp_path / "notebooks"
    (local / "sub").mkdir(parents=True)
    (local / "a.py").write_text("# Databricks notebook source\nprint(1)\n")
    (local / "sub" / "q.sql").write_text("-- Databricks notebook source\nSELECT 1\n")
    (local / "data.csv").write_text("1")
    databricks("workspace", "import_dir", local, f"{home}/all")
    assert databricks("workspace", "ls", f"{home}/all").split() == ["a", "sub"]
    assert databricks("workspace", "ls", f"{home}/all/sub").split() == ["q"]

    databricks("workspace", "export_dir", f"{home}/all", tmp_path / "back")
    back = {path.name: path.read_text() for path in (tmp_path / "back").rglob("*.*")}
    assert back == {
        "a.py": "# Databricks notebook source\nprint(1)\n",
        "q.sql": "-- Databricks notebook source\nSELECT 1\n",
    }


def test_ls_of_an_empty_folder_and_rm(databricks, home, site):
    databricks("workspace", "mkdirs", f"{home}/empty")
    assert databricks("workspace", "ls", f"{home}/empty").strip() == ""
    databricks("workspace", "rm", f"{home}/empty")
    found = site.ask("GET", "/api/2.0/workspace/get-status", path=f"{home}/empty")
    assert found.status == 404


def test_import_of_one_notebook(databricks, home, site, tmp_path):
    script = tmp_path / "x.scala"
    script.write_text("println(1)")
    databricks("workspace", "import", "-l", "SCALA", script, f"{home}/x")
    exported = site.ask("GET", "/api/2.0/workspace/export", path=f"{home}/x").json
    assert base64.b64decode(exported["content"]) == b"// Databricks notebook source\nprintln(1)"
