"""Whether something in a folder has changed, also after git or anyone else has replaced it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from mlops_core.checkout import NEVER

_BEAT_MILLISECONDS: Final = 500


def folder_changes(folder: Path) -> Iterator[bool]:
    """Whether something has changed, at each beat: twice a second or sooner, for ever.

    The folder may go and come back; the system's watch dies with the old one, so the new one is
    watched anew. Coming and going are changes, and so is the first beat.
    """
    while True:
        yield from _while_there(folder)
        yield from _while_gone(folder)


def _while_there(folder: Path) -> Iterator[bool]:
    from watchfiles import Change, DefaultFilter, watch

    is_plain = DefaultFilter(ignore_dirs=(*DefaultFilter.ignore_dirs, *NEVER))
    identity, is_first = _identity(folder), True
    found_at_each_beat = watch(
        folder,
        watch_filter=lambda change, path: is_plain(change, path.removeprefix(str(folder))),
        yield_on_timeout=True,
        rust_timeout=_BEAT_MILLISECONDS,
        raise_interrupt=True,
    )
    try:
        with closing(found_at_each_beat):
            for found in found_at_each_beat:
                yield is_first or bool(found)
                is_first = False
                # The new folder often gets the identity of the old one.
                if (Change.deleted, str(folder)) in found or _identity(folder) != identity:
                    return
    except FileNotFoundError:
        return


def _while_gone(folder: Path) -> Iterator[bool]:
    is_first = True
    while _identity(folder) is None:
        time.sleep(_BEAT_MILLISECONDS / 1000)
        yield is_first
        is_first = False


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells the folder from another one of its name; None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if folder.is_dir() else None
