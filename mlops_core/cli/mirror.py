"""The command that makes `/Shared/master` what master holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.cli.sync_lines import Screen
from mlops_core.errors import UsageError
from mlops_core.paths import WorkspacePath
from mlops_core.session import Session, open_session
from mlops_core.settings import load_settings
from mlops_core.sync.mirror import (
    Consent,
    MirrorPlan,
    Source,
    execute_mirror,
    open_mirror,
    prepare_mirror,
    preview_mirror,
)

MASTER = frozenset({"master", "main"})
_NOTEBOOKS = WorkspacePath("/Shared/master")
_HOOKS = WorkspacePath("/Shared/mlflow_hooks")
_HOOK_FOLDERS = {"mlflow_hooks": ".", "projects": "projects"}


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hooks",
        action="store_true",
        help="mirror mlflow_hooks/ and projects/ to /Shared/mlflow_hooks instead",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would happen, no more")
    parser.add_argument(
        "--allow-delete", action="store_true", help="even if more than half would be deleted"
    )
    parser.add_argument(
        "--force", action="store_true", help="even if the workspace holds a newer commit"
    )


def _mirror(options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    with open_session(settings, console.progress) as session:
        console.progress(session.banner)
        if session.branch not in MASTER:
            raise UsageError(
                f"this is branch {session.branch}, and only master is mirrored",
                hint="git switch master; or, to mirror this all the same, set MLOPS_BRANCH=master",
            )
        target = _HOOKS if options.hooks else _NOTEBOOKS
        folders = _HOOK_FOLDERS if options.hooks else {settings.notebook_folder: "."}
        return _carry_out(session, folders, target, options=options, console=console)


def _carry_out(
    session: Session,
    folders: Mapping[str, str],
    target: WorkspacePath,
    *,
    options: argparse.Namespace,
    console: Console,
) -> int:
    source = Source(session.settings.project_folder, folders)
    consent = Consent(to_older=options.force, to_deletions=options.allow_delete or options.dry_run)
    workspace_id = session.client.workspace_id or session.client.host
    with (
        open_mirror(session.client.files, source, target, workspace_id=workspace_id) as mirror,
        Screen(console, is_dry_run=options.dry_run) as screen,
    ):
        pair, commit = mirror
        console.progress(f"commit {commit.sha[:10]} and {target}")
        planned = prepare_mirror(pair, commit, consent, notify=screen)
        _warn(planned, console)
        carry_out = preview_mirror if options.dry_run else execute_mirror
        done = carry_out(planned, notify=screen)
        if done.trash:
            console.result(f"what others had changed there is in {done.trash}")
        return screen.finish(done.report)


def _warn(planned: MirrorPlan, console: Console) -> None:
    for path, reason in planned.secrets.items():
        console.progress(f"warning: everybody can read {planned.pair.remote(path)}: {reason}")


MIRROR = Command(
    "databricks-sync/sync_master.py",
    "Make /Shared/master exactly what master's notebooks are, deletions included.",
    _mirror,
    _add_options,
)
