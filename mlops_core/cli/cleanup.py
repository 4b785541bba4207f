"""The command that ends a branch in the workspace."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_core.cleanup.branches import known_branches, pushed_slugs
from mlops_core.cleanup.inventory import NOTEBOOKS, Inventory, Item, Owner, find_slugs
from mlops_core.cleanup.inventory import take_inventory as take
from mlops_core.cleanup.remove import in_order, keep_notebooks, remove
from mlops_core.cli.console import Console
from mlops_core.cli.main import Command
from mlops_core.cli.mirror import MASTER
from mlops_core.errors import DONE, FAILED, MlopsError, UsageError
from mlops_core.naming import model_name, slug
from mlops_core.paths import WorkspacePath, join
from mlops_core.session import Session, open_session
from mlops_core.settings import load_settings

_PIPELINES = ("TF_BUILD", "GITHUB_ACTIONS", "CI")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("branches", nargs="*", metavar="BRANCH", help="a branch that has ended")
    parser.add_argument(
        "--merged",
        action="store_true",
        help="every branch of yours that is gone from the remote and from this clone",
    )
    parser.add_argument(
        "--fetched", action="store_true", help="with --merged: all branches were just fetched"
    )
    parser.add_argument("--yes", action="store_true", help="remove what is listed")


@dataclass(frozen=True, slots=True)
class _Cleaner:
    session: Session
    owner: Owner
    console: Console

    def inventory(self, branch: str) -> Inventory:
        """What there is of the branch, told."""
        name = model_name(branch, self.session.settings.model_schema or "")
        found = take(self.session.client, self.owner, slug(branch), model_name=name)
        for item in found.items:
            self.console.result(_line(branch, item))
        for item in found.left:
            self.console.result(f"{_line(branch, item)}: left")
        return found

    def remove(self, items: Sequence[Item]) -> int:
        """Remove all; gives how many could not be."""
        failures = 0
        is_unity = self.owner.registry_uri.startswith("databricks-uc")
        for item in in_order(items):
            try:
                if item.kind == NOTEBOOKS:
                    self._keep(WorkspacePath(item.name))
                remove(self.session.client, item, is_unity=is_unity)
            except MlopsError as error:
                failures += 1
                self.console.error(error)
        return failures

    def _keep(self, folder: WorkspacePath) -> None:
        settings = self.session.settings
        place = None
        if any(settings.values.get(variable) for variable in _PIPELINES):
            moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            home = join(WorkspacePath("/Users"), self.session.user)
            place = join(home, ".mlops", "trash", moment, folder.rpartition("/")[2])
        kept = keep_notebooks(self.session.client, folder, settings.project_folder, place=place)
        if kept.folder:
            self.console.result(f"notebooks kept in {kept.place or kept.folder}")


def _clean(options: argparse.Namespace, console: Console) -> int:
    if bool(options.branches) == options.merged:
        raise UsageError(
            "which branches have ended?", hint="name them, or give --merged (and not both)"
        )
    settings = load_settings()
    with open_session(settings, console.progress) as session:
        console.progress(session.banner)
        owner = Owner(
            identity=session.owner,
            user=session.user,
            registry_uri=settings.registry_uri or "",
            has_model=not settings.model_name,
        )
        branches = _ended(session, owner, options) if options.merged else options.branches
        for branch in branches:
            _refuse_master(branch)
        cleaner = _Cleaner(session, owner, console)
        items = [item for branch in branches for item in cleaner.inventory(branch).items]
        return _finish(cleaner, items, options, console)


def _finish(
    cleaner: _Cleaner, items: Sequence[Item], options: argparse.Namespace, console: Console
) -> int:
    if not items:
        console.result("nothing to remove")
        return DONE
    if not options.yes:
        console.result(f"{len(items)} to remove: run this again with --yes")
        return DONE
    failures = cleaner.remove(items)
    failed = f", {failures} failed" if failures else ""
    console.result(f"{len(items) - failures} removed{failed}")
    return FAILED if failures else DONE


def _ended(session: Session, owner: Owner, options: argparse.Namespace) -> list[str]:
    folder = session.settings.project_folder
    alive = known_branches(folder, is_fetched=options.fetched) | MASTER | {session.branch}
    workspace_id = session.client.workspace_id or session.client.host
    home = join(WorkspacePath("/Users"), session.user)
    pushed = pushed_slugs(folder / ".mlops", workspace_id, home)
    return sorted((find_slugs(session.client, owner) | pushed) - {slug(one) for one in alive})


def _refuse_master(branch: str) -> None:
    if slug(branch) in MASTER:
        raise UsageError(
            f"what {branch} has in the workspace is never removed", hint="name other branches"
        )


def _line(branch: str, item: Item) -> str:
    about = f" ({item.about})" if item.about else ""
    return f"{branch}: {item.kind} {item.name}{about}"


CLEAN = Command(
    "databricks-sync/clean_branch.py",
    "List what branches that have ended left in the workspace, and with --yes remove it.",
    _clean,
    _add_options,
)
