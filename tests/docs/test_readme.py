"""The README is short, its links lead somewhere, and its commands are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
SCRIPTS = sorted(set(re.findall(r"python ((?:databricks-sync|mlflow_\w+)/\w+\.py)", README)))


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_in_the_table_says_what_it_does(script: str) -> None:
    command = [sys.executable, str(ROOT / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    assert f"usage: python {script}" in done.stdout


def test_every_script_of_the_project_is_in_the_table() -> None:
    folders = ("databricks-sync", "mlflow_triggers", "mlflow_hooks")
    found = {
        path.relative_to(ROOT).as_posix() for name in folders for path in ROOT.glob(f"{name}/*.py")
    }
    assert len(found) > 6
    assert found - set(SCRIPTS) <= {"mlflow_hooks/mlflow_scoring_hook.py"}
    assert "mlflow_scoring_hook.py" in README


def test_ci_runs_the_readmes_test_command() -> None:
    assert "$ python3 dev.py test\n" in README
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "exec python3 dev.py test"
