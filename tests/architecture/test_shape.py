"""The house's measures: how long files and functions are, and who may import what, and when."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
SCRIPTS = ("databricks-sync", "mlflow_triggers", "mlflow_hooks")


def sources() -> list[Path]:
    folders = ["mlops_core", "projects", *SCRIPTS]
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 40
    return [*found, ROOT / "dev.py"]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{name}": lines
        for path in sources()
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "common", "helpers", "base", "manager", "misc"}
    assert [path for path in sources() if path.stem in vague] == []


def test_packages_hold_a_docstring_and_no_code() -> None:
    packages = [path for path in sources() if path.name == "__init__.py"]
    assert len(packages) > 5
    for path in packages:
        if path.parent.name != "mlops_core":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1, f"{path} holds code"


def test_projects_run_without_mlops_core() -> None:
    projects = sorted((ROOT / "projects").rglob("*.py"))
    assert len(projects) >= 2
    for path in projects:
        assert "mlops_core" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", ["entry_point", "driver_output"])
def test_what_runs_on_the_driver_compiles_on_its_oldest_runtime(name: str) -> None:
    text = (ROOT / "mlops_core" / "runs" / f"{name}.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 9))


@pytest.mark.parametrize(
    ("script", "never"),
    [
        ("databricks-sync/to_databricks.py", {"mlflow", "databricks.sdk", "fastapi", "uvicorn"}),
        ("databricks-sync/from_databricks.py", {"mlflow", "databricks.sdk", "fastapi", "uvicorn"}),
        ("databricks-sync/sync_master.py", {"mlflow", "databricks.sdk", "fastapi", "uvicorn"}),
        ("databricks-sync/clean_branch.py", {"mlflow", "databricks.sdk", "fastapi", "uvicorn"}),
        ("mlflow_hooks/mlflow_training_hook.py", {"mlflow", "databricks.sdk", "fastapi"}),
        ("mlflow_hooks/mlflow_scoring_hook.py", {"mlflow", "databricks.sdk", "fastapi"}),
        ("mlflow_triggers/report.py", {"mlflow", "databricks.sdk", "fastapi"}),
        ("mlflow_triggers/start_training_devops.py", {"mlflow", "databricks.sdk", "fastapi"}),
        ("mlflow_triggers/start_scoring_devops.py", {"mlflow", "databricks.sdk", "fastapi"}),
    ],
)
def test_help_imports_nothing_that_a_command_does_not_need(script: str, never: set[str]) -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = [sys.argv[1], '--help']\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / script)], capture_output=True, text=True, check=True
    )
    assert "usage: python " + script in answer.stdout
    assert never.isdisjoint(answer.stdout.splitlines()[-1].split())
