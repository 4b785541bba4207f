"""`to_databricks.py --watch`: pushes again whenever the folder changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mlops_core.branch import git_index
from mlops_core.cli.branch_guard import BranchGuard, GitAtWork
from mlops_core.cli.console import Console
from mlops_core.cli.folder_changes import folder_changes
from mlops_core.cli.sync import locked
from mlops_core.cli.sync_lines import Screen
from mlops_core.errors import DONE, BranchError, MlopsError, Unavailable
from mlops_core.session import Session, branch_of
from mlops_core.sync.pair import Pair, check_folder
from mlops_core.sync.push import execute_push, prepare_push
from mlops_core.sync.report import Event, Report

AT_A_CHANGE: Final = 0
SOON: Final = 1
LATER: Final = 20


def watch(session: Session, pair: Pair, console: Console, *, overwrite: bool) -> int:
    """Push now and after each change, until Ctrl-C; what fails is told and tried again."""
    check_folder(pair)
    if not pair.folder.is_dir():
        prepare_push(pair)  # which says what is wrong with it
    console.progress(f"watching {pair.folder}; Ctrl-C ends this")
    if not overwrite:
        console.progress("new files are sent; to send changed ones as well, add --overwrite")
    settings = session.settings
    guard = BranchGuard(
        session.branch, lambda: branch_of(settings), git_index(settings.project_folder)
    )
    pusher = Pusher(pair, guard, console, overwrite=overwrite)
    try:
        follow(folder_changes(pair.folder), pusher.push)
    except KeyboardInterrupt:
        console.progress("no longer watching")
    return DONE


def follow(changes: Iterator[bool], push_once: Callable[[], int]) -> None:
    """Push at the first beat, at each change, and when ``push_once`` wants to be tried again.

    ``changes`` says at each beat whether there was one. The first beat comes before the first
    push, so that nothing that changes meanwhile is missed. ``push_once`` gives the number of
    beats until then, or AT_A_CHANGE.
    """
    wanted, beats = SOON, 0
    for has_changed in changes:
        beats += 1
        if has_changed or (wanted and beats >= wanted):
            wanted, beats = push_once(), 0


class Pusher:
    """Pushes what belongs to the branch; says once, not at every try, what is in the way."""

    def __init__(
        self, pair: Pair, guard: BranchGuard, console: Console, *, overwrite: bool
    ) -> None:
        self._pair = pair
        self._guard = guard
        self._console = console
        self._overwrite = overwrite
        self._said: list[str] = []
        self._waits = 0

    def push(self) -> int:
        """Push, if the checkout is on its branch; gives when to try again, see `follow`."""
        try:
            self._guard.check()
            with locked(self._pair, self._console), Screen(self._console) as screen:
                return self._tell(self._send(screen), screen)
        except GitAtWork as held:
            self._waits += 1
            return self._hold(held) if self._waits >= LATER else SOON
        except BranchError as held:
            return self._hold(held)
        except MlopsError as error:
            if self._is_news([error.message]):
                self._console.error(error)
            return LATER

    def _send(self, screen: Screen) -> Report:
        written_at = self._guard.check()
        self._waits = 0
        planned = prepare_push(self._pair, overwrite=self._overwrite, notify=screen)
        self._guard.check_since(written_at)

        is_stopped = False

        def show_and_check(event: Event) -> None:
            nonlocal is_stopped
            screen(event)
            if not is_stopped:  # else this is what was done by then, which has to be noted
                is_stopped = True
                self._guard.check()
                is_stopped = False

        return execute_push(self._pair, planned, notify=show_and_check)

    def _hold(self, held: MlopsError) -> int:
        if self._is_news([held.message]):
            self._console.progress(held.message)
        return SOON

    def _tell(self, report: Report, screen: Screen) -> int:
        cut_off = [
            one.error.message for one in report.failures if isinstance(one.error, Unavailable)
        ]
        if self._is_news(cut_off) or report.results or not cut_off:
            screen.finish(report)
        return LATER if cut_off else AT_A_CHANGE

    def _is_news(self, messages: list[str]) -> bool:
        self._said, said = messages, self._said
        return messages != said
