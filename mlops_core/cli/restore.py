"""`python -m mlops_core.cli.restore NAME`: takes a push or a pull back."""

from __future__ import annotations

import argparse
import sys

from mlops_core.cli.console import Console
from mlops_core.cli.main import Command, run
from mlops_core.cli.sync import alone
from mlops_core.cli.sync_lines import Screen
from mlops_core.session import open_session
from mlops_core.settings import load_settings
from mlops_core.sync.restore import find_backup, restore


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", help="a folder's name below .mlops/backup, as the run printed it")


def _restore(options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    kept = find_backup(settings.project_folder / ".mlops", options.backup)
    with (
        open_session(settings, console.progress) as session,
        alone(session, console) as pair,
        Screen(console) as screen,
    ):
        return screen.finish(restore(pair, kept, notify=screen))


RESTORE = Command(
    "-m mlops_core.cli.restore",
    "Put back what a push or a pull replaced or deleted, here and in the workspace. What is there"
    " now is kept as well, so that this can be taken back, too.",
    _restore,
    _add_options,
)

if __name__ == "__main__":
    sys.exit(run(RESTORE, sys.argv[1:]))
