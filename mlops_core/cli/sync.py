"""The commands that keep a checkout and a workspace folder in step."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.cli.signals import terminated_like_interrupted
from mlops_core.cli.sync_lines import Screen
from mlops_core.naming import notebook_folder
from mlops_core.session import Session, open_session
from mlops_core.settings import load_settings
from mlops_core.sync import lock
from mlops_core.sync.pair import Pair
from mlops_core.sync.pull import pull
from mlops_core.sync.push import execute_push, prepare_push, preview_push


def _add_push_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="also replace and delete what exists there and is not as it is here",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--dry-run", action="store_true", help="show what would happen, no more")
    either.add_argument("--watch", action="store_true", help="go on sending what changes")


def _push(options: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    with open_session(settings, console.progress) as session:
        if options.watch:
            from mlops_core.cli.sync_watch import watch

            pair = _announce(session, console)
            return watch(session, pair, console, overwrite=options.overwrite)
        with alone(session, console) as pair, Screen(console, is_dry_run=options.dry_run) as screen:
            planned = prepare_push(pair, overwrite=options.overwrite, notify=screen)
            carry_out = preview_push if options.dry_run else execute_push
            return screen.finish(carry_out(pair, planned, notify=screen))


def _pull(options: argparse.Namespace, console: Console) -> int:
    del options
    settings = load_settings()
    with (
        open_session(settings, console.progress) as session,
        alone(session, console) as pair,
        Screen(console) as screen,
    ):
        return screen.finish(pull(pair, notify=screen))


@contextmanager
def alone(session: Session, console: Console) -> Iterator[Pair]:
    """The two folders of a session, with no other sync of this clone at work."""
    pair = _announce(session, console)
    with locked(pair, console):
        yield pair


@contextmanager
def locked(pair: Pair, console: Console) -> Iterator[None]:
    """Wait until no other sync of this clone is at work, and let none begin."""
    waiting = "another sync of this checkout is at work; waiting for it"
    with lock.locked(pair.state, lambda: console.progress(waiting)), terminated_like_interrupted():
        yield


def _announce(session: Session, console: Console) -> Pair:
    console.progress(session.banner)
    pair = pair_of(session)
    console.progress(f"{pair.folder} and {pair.target}")
    return pair


def pair_of(session: Session) -> Pair:
    """The folder here and the branch's folder there."""
    settings = session.settings
    return Pair(
        files=session.client.files,
        target=notebook_folder(session.user, session.branch),
        project=Path(settings.project_folder),
        notebook_folder=settings.notebook_folder,
        workspace_id=session.client.workspace_id or session.client.host,
    )


PUSH = Command(
    "databricks-sync/to_databricks.py",
    "Send this checkout's notebooks to the workspace. Without --overwrite, nothing that exists"
    " there is changed.",
    _push,
    _add_push_options,
)
PULL = Command(
    "databricks-sync/from_databricks.py",
    "Bring the workspace's notebooks into this checkout. No edit made here is lost.",
    _pull,
)
