"""What a push or a pull did, as values: told one by one, and summed up at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_core.checkout import Skip
from mlops_core.errors import DONE, FAILED, LEFT, MlopsError
from mlops_core.sync.plan import Action

_LEFT: Final = frozenset({Action.LEFT, Action.CONFLICT})


@dataclass(frozen=True, slots=True)
class Started:
    """So many objects will now be read or written."""

    steps: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One of those objects is done, with so many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Result:
    """What happened to one object. ``hint`` says what the user can do about it."""

    action: Action
    local: str
    remote: str
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An object that could not be synced; the others were."""

    path: str
    error: MlopsError


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run did, left or could not do.

    ``backup`` is the folder with what was replaced or deleted, if anything was.
    """

    results: tuple[Result, ...] = ()
    failures: tuple[Failed, ...] = ()
    skipped: tuple[Skip, ...] = ()
    unchanged: int = 0
    backup: Path | None = None

    def count(self, *actions: Action) -> int:
        """How many objects had one of these done to them."""
        return sum(result.action in actions for result in self.results)

    @property
    def exit_code(self) -> int:
        """1 if anything failed, 3 if anything was left for the user, else 0."""
        if self.failures:
            return FAILED
        return LEFT if self.count(*_LEFT) else DONE

    @property
    def summary(self) -> str:
        """The counts, in one line that agrees with the exit code."""
        counts = Counter(result.action for result in self.results)
        parts = [f"{counts[action]} {_word(action, counts[action])}" for action in _ORDER]
        parts = [part for part in parts if not part.startswith("0 ")]
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"{self.unchanged} unchanged"] if self.unchanged else []
        return ", ".join(parts) or "nothing to do"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run is cut off, by Ctrl-C or a bug; this is what it did so far."""

    report: Report


Event = Started | Moved | Result | Stopped
Notify = Callable[[Event], None]

_ORDER: Final = (
    Action.CREATE,
    Action.WRITE,
    Action.REPLACE,
    Action.MERGE,
    Action.DELETE,
    Action.KEEP,
    Action.CONFLICT,
    Action.LEFT,
)


def ignore(_event: Event) -> None:
    """Nobody wants to know."""


def _word(action: Action, count: int) -> str:
    return "conflicts" if action is Action.CONFLICT and count != 1 else action.value
