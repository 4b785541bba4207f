"""The pipelines' files are valid, safe and thin, by the tools that know best."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
AZURE = sorted((ROOT / ".azure_pipelines").iterdir())
GITHUB = sorted((ROOT / ".github" / "workflows").iterdir())
CALL = r"python (-m pip install -r )?[\w./-]+( --?[\w.-]+( [\w.-]+)?)*"
NAMES = [
    "mlops_run_pipelines_pr.yml",
    "mlops_sync_hooks_master.yml",
    "mlops_sync_notebooks_master.yaml",
]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def job(path: Path) -> dict[str, Any]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    (only,) = jobs if isinstance(jobs, list) else jobs.values()
    assert isinstance(only, dict)
    return only


def scripts(path: Path) -> list[str]:
    steps = job(path)["steps"]
    return [text for step in steps if (text := step.get("script") or step.get("run"))]


def test_both_services_have_the_same_three() -> None:
    assert [path.name for path in AZURE] == NAMES
    assert [path.name for path in GITHUB] == NAMES
    for azure, github in zip(AZURE, GITHUB, strict=True):
        assert scripts(azure) == scripts(github)


def test_azure_files_fit_their_schema() -> None:
    options = ("--data-transform", "azure-pipelines", "--regex-variant", "nonunicode")
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.azure-pipelines", *options, *AZURE)


@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_workflows_fit_their_schemas(schema: str) -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", schema, *GITHUB)


def test_zizmor_finds_nothing_even_when_pedantic() -> None:
    said = run(BIN / "zizmor", "--offline", "--pedantic", "--no-ignores", *GITHUB)
    assert "No findings to report" in said


def test_actions_are_pinned_to_commits_with_their_version_beside() -> None:
    uses = [
        line.strip()
        for path in GITHUB
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert len(uses) >= 6
    for line in uses:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize(
    "path", [*AZURE, *GITHUB], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_step_is_one_line_that_calls_a_script(path: Path) -> None:
    found = scripts(path)
    assert len(found) >= 3
    for text in found:
        assert re.fullmatch(CALL, text)
        script = text.replace("-m pip install -r ", "").split()[1]
        assert (ROOT / script).is_file(), script


@pytest.mark.parametrize("path", [AZURE[0], GITHUB[0]], ids=["azure", "github"])
def test_both_runs_fit_into_the_limit_of_the_job(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    limit = job(path).get("timeoutInMinutes") or job(path)["timeout-minutes"]
    found = re.search(r'MLOPS_RUN_TIMEOUT(?: #.*\n\s*value)?: "?(\d+)', text)
    assert found
    triggers = [each for each in scripts(path) if "start_" in each]
    assert len(triggers) * int(found[1]) + 15 <= int(limit)


def test_every_script_that_talks_to_the_workspace_is_told_the_token_and_the_user() -> None:
    for path in AZURE:
        for step in job(path)["steps"]:
            if "script" in step and "pip" not in step["script"]:
                assert step["env"] == {
                    "DATABRICKS_TOKEN": "$(DATABRICKS_TOKEN)",
                    "USER": "$(USER)",
                }
    for path in GITHUB:
        assert job(path)["env"]["USER"] == "${{ vars.USER }}"
        for step in job(path)["steps"]:
            if "run" in step and "pip" not in step["run"]:
                assert step["env"] == {"DATABRICKS_TOKEN": "${{ secrets.DATABRICKS_TOKEN }}"}


def test_master_is_written_with_its_own_credentials() -> None:
    for path in AZURE:
        wanted = "mlops-vg-pr" if path.name.endswith("_pr.yml") else "mlops-vg"
        assert f"- group: {wanted}\n" in path.read_text(encoding="utf-8")
    for path in GITHUB:
        wanted = "mlops-vg-pr" if path.name.endswith("_pr.yml") else "mlops-vg"
        assert job(path)["environment"] == wanted
