"""`python -m mlops_core.cli.restore NAME`: takes a push or a pull back."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mlops_core.cli.console import Console
from mlops_core.cli.main import Command, run
from mlops_core.cli.sync import alone
from mlops_core.cli.sync_lines import Screen
from mlops_core.errors import DONE, SyncError, UsageError
from mlops_core.session import open_session
from mlops_core.settings import load_settings
from mlops_core.sync.restore import find_backup, restore
from mlops_core.sync.versions import find_versions


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "backup", nargs="?", help="a folder's name below .mlops/backup, as the run printed it"
    )
    parser.add_argument("--versions", metavar="FILE", help="list what FILE held at earlier syncs")


def _restore(options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    if options.versions:
        return _list_versions(settings.project_folder, options.versions, console)
    if not options.backup:
        raise UsageError(
            "which backup?", hint=f"name a folder of {settings.project_folder / '.mlops/backup'}"
        )
    kept = find_backup(settings.project_folder / ".mlops", options.backup)
    with (
        open_session(settings, console.progress) as session,
        alone(session, console) as pair,
        Screen(console) as screen,
    ):
        return screen.finish(restore(pair, kept, notify=screen))


def _list_versions(project: Path, file: str, console: Console) -> int:
    local = Path(file).as_posix().removeprefix("./")
    found = find_versions(project / ".mlops", local)
    for version, path in found:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(version.moment))
        console.result(f"{moment}  {path.relative_to(project).as_posix()}")
    if not found:
        raise SyncError(
            f"no earlier version of {local} is kept",
            hint="name it as it lies in the project folder: notebooks/a.py",
        )
    return DONE


RESTORE = Command(
    "-m mlops_core.cli.restore",
    "Take a push or a pull back: what it replaced or deleted, here and in the workspace, comes back"
    ", and what it made goes. What is there now is kept, so that this can be taken back, too.",
    _restore,
    _add_options,
)

if __name__ == "__main__":
    sys.exit(run(RESTORE, sys.argv[1:]))
