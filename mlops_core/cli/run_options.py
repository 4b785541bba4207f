"""The options of the commands that run a project, and what they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlops_core.naming import experiment_path, model_name
from mlops_core.paths import WorkspacePath, workspace_path
from mlops_core.runs.origin import Origin
from mlops_core.runs.parameters import parse_assignments
from mlops_core.runs.plan import SCORING, TRAINING, Request
from mlops_core.runs.tracking_server import without_login
from mlops_core.settings import Settings

_PROJECTS = {
    TRAINING: "projects/ExampleTrainingProject",
    SCORING: "projects/ExampleScoringProject",
}


def add_options(kind: str, parser: argparse.ArgumentParser) -> None:
    """Add what both triggers take."""
    parser.add_argument(
        "project",
        nargs="?",
        default=_PROJECTS[kind],
        help="folder with the MLproject, or git URI#folder (default: %(default)s)",
    )
    parser.add_argument(
        "-e", "--entry-point", default="main", metavar="NAME", help="default: %(default)s"
    )
    parser.add_argument(
        "-P",
        "--parameter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the entry point; may be repeated",
    )
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help=f"a path, or the last part of the branch's own (default: {kind})",
    )
    parser.add_argument(
        "--cluster", type=Path, metavar="FILE", help="read this instead of the cluster.json"
    )
    parser.add_argument("--backend", metavar="NAME", help="an MLflow project backend")
    parser.add_argument(
        "--env-manager", metavar="NAME", help="for MLflow's local backend (default: local)"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="submit the run and leave it to itself"
    )


def read_request(
    kind: str,
    options: argparse.Namespace,
    settings: Settings,
    origin: Origin,
    *,
    registry_uri: str = "",
) -> Request:
    """What ``options`` ask for, with the names that ``settings`` and ``origin`` give."""
    folder = _find_folder(options.project, settings.project_folder)
    schema = settings.model_schema or ""
    return Request(
        kind=kind,
        folder=folder,
        source=_source(folder, settings.project_folder),
        experiment=_experiment(options.experiment or kind, origin),
        model_name=model_name(origin.branch, schema, settings.model_name or ""),
        registry_uri=registry_uri,
        entry_point=options.entry_point,
        parameters=parse_assignments(options.parameter),
        cluster=options.cluster,
        needs_compute=options.backend != "local" and settings.is_databricks,
        timeout=settings.run_timeout,
        is_waiting=not options.no_wait,
    )


def artifact_folder(settings: Settings) -> Path | None:
    """Where artifacts go that have no server: beside the SQLite file, but never in the checkout.

    MLflow's own choice would be `mlruns` in whatever folder one happens to be.
    """
    uri = settings.tracking_uri
    if not uri.startswith("sqlite:///"):
        return None
    folder = Path(uri.removeprefix("sqlite:///").partition("?")[0]).parent
    if folder.is_relative_to(settings.project_folder):
        folder = settings.project_folder / ".mlops"
    return folder / "mlruns"


def browser_address(settings: Settings) -> str:
    """Where an MLflow server shows its experiments; empty for a file or a database."""
    uri = without_login(settings.tracking_uri)
    return f"{uri.rstrip('/')}/#" if uri.startswith(("http://", "https://")) else ""


def _find_folder(named: str, project_folder: Path) -> Path:
    here = Path(named)
    return here.resolve() if here.is_dir() else project_folder / named


def _source(folder: Path, project_folder: Path) -> str:
    if folder.is_relative_to(project_folder):
        return folder.relative_to(project_folder).as_posix()
    return folder.name


def _experiment(named: str, origin: Origin) -> WorkspacePath:
    if named.startswith("/"):
        return workspace_path(named)
    return experiment_path(origin.user, origin.branch, named)
