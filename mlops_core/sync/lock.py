"""One sync of a checkout at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mlops_core.sync.pair import prepare_state


@contextmanager
def locked(state: Path, tell_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other sync of this clone is at work, and let none begin."""
    prepare_state(state)
    lock = FileLock(state / "sync.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell_waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
