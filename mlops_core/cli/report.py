"""The command that reports on a pull request's pipelines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.errors import DONE, SettingsError, UsageError
from mlops_core.naming import model_name
from mlops_core.runs.findings import Finding, Look, find_pipeline
from mlops_core.runs.plan import SCORING, TRAINING
from mlops_core.runs.report_text import Site, render_junit, render_markdown
from mlops_core.session import Session, open_session
from mlops_core.settings import load_settings, require_registry


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the report to this file"
    )
    parser.add_argument(
        "--junit", type=Path, metavar="FILE", help="write the outcome of both runs as JUnit's XML"
    )


def _report(options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    if not settings.is_databricks:
        raise SettingsError(
            f"MLFLOW_TRACKING_URI is {settings.tracking_uri}: the report reads a workspace",
            hint="set MLFLOW_TRACKING_URI=databricks, or leave it out",
        )
    registry_uri = require_registry(settings)
    with open_session(settings, console.progress) as session:
        console.progress(session.banner)
        look = _look(session, registry_uri)
        findings = [_find(session, look, kind) for kind in (TRAINING, SCORING)]
        text = render_markdown(look, findings, Site(session.client.host))
    for line in text.split("\n"):
        console.result(line)
    if options.junit:
        _write(options.junit, render_junit(findings))
    if options.markdown:
        _write(options.markdown, text)
    _hand_over(text, options.markdown, settings.values, console)
    return DONE


def _look(session: Session, registry_uri: str) -> Look:
    commit = session.commit()
    return Look(
        session.user,
        session.branch,
        commit=commit.sha if commit else "",
        registry_uri=registry_uri,
    )


def _find(session: Session, look: Look, kind: str) -> Finding:
    settings = session.settings
    name = model_name(look.branch, settings.model_schema or "", settings.model_name or "")
    return find_pipeline(session.client, look, kind, model_name=name)


def _hand_over(text: str, file: Path | None, values: Mapping[str, str], console: Console) -> None:
    """Put the report where the pipeline's own page shows it."""
    if summary := values.get("GITHUB_STEP_SUMMARY"):
        _write(Path(summary), text + "\n", mode="a")
    if values.get("TF_BUILD") and file:
        console.result(f"##vso[task.uploadsummary]{file.resolve()}")


def _write(file: Path, text: str, mode: str = "w") -> None:
    try:
        with file.open(mode, encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", hint="give a file in a folder that exists"
        ) from None


REPORT = Command(
    "mlflow_triggers/report.py",
    "Report on this commit's training and scoring, beside master's newest.",
    _report,
    _add_options,
)
