"""`to_databricks.py --watch`: pushes again whenever the folder changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlops_core.checkout import NEVER
from mlops_core.cli.console import Console
from mlops_core.cli.sync import locked
from mlops_core.cli.sync_lines import Screen
from mlops_core.errors import DONE, MlopsError, Unavailable
from mlops_core.sync.pair import Pair
from mlops_core.sync.push import push

_BEAT_MILLISECONDS = 500
_BEATS_TO_RETRY = 20


def watch(pair: Pair, console: Console, *, overwrite: bool) -> int:
    """Push now and after each change, until Ctrl-C; what fails is told and tried again."""
    console.progress(f"watching {pair.folder}; Ctrl-C ends this")
    if not overwrite:
        console.progress("new files are sent; to send changed ones as well, add --overwrite")
    try:
        follow(_changes(pair), lambda: _push(pair, console, overwrite=overwrite))
    except KeyboardInterrupt:
        console.progress("no longer watching")
    return DONE


def follow(changes: Iterator[bool], push_once: Callable[[], bool]) -> None:
    """Push once, and at each change; after a failure now and then without one, too.

    ``changes`` says at each beat whether there was one. The first beat comes before the first
    push, so that nothing that changes meanwhile is missed.
    """
    is_done, beats = True, 0
    for number, has_changed in enumerate(changes):
        beats += 1
        if number == 0 or has_changed or (not is_done and beats >= _BEATS_TO_RETRY):
            is_done, beats = push_once(), 0


def _push(pair: Pair, console: Console, *, overwrite: bool) -> bool:
    """Whether this need not be tried again before something changes."""
    try:
        with locked(pair, console), Screen(console) as screen:
            report = push(pair, overwrite=overwrite, notify=screen)
            screen.finish(report)
    except MlopsError as error:
        console.error(error)
        return False
    return not any(isinstance(failed.error, Unavailable) for failed in report.failures)


def _changes(pair: Pair) -> Iterator[bool]:
    from watchfiles import Change, DefaultFilter
    from watchfiles import watch as watch_files

    is_plain = DefaultFilter(ignore_dirs=(*DefaultFilter.ignore_dirs, *NEVER))

    def is_ours(change: Change, path: str) -> bool:
        return is_plain(change, path)

    changes = watch_files(
        pair.folder,
        watch_filter=is_ours,
        yield_on_timeout=True,
        rust_timeout=_BEAT_MILLISECONDS,
        raise_interrupt=True,
    )
    for found in changes:
        yield bool(found)
