"""Shows a push or a pull as it happens: a bar for people, a line for every object, the counts."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Final

from mlops_core.cli.console import Advance, Console
from mlops_core.errors import MlopsError
from mlops_core.sync.obstacles import IN_VAIN
from mlops_core.sync.plan import NEWS, Action
from mlops_core.sync.report import Event, Failed, Moved, Report, Result, Started, Stopped
from mlops_core.terminal import visible

_DOWN: Final = frozenset({Action.WRITE, Action.MERGE})
_PLANNED: Final = {
    Action.CREATE: "create",
    Action.REPLACE: "replace",
    Action.DELETE: "delete",
    Action.LEFT: "leave",
}


class Screen:
    """Renders events; a context manager, since the bar has to go before an error is shown."""

    def __init__(self, console: Console, *, is_dry_run: bool = False) -> None:
        self._console = console
        self._is_dry_run = is_dry_run
        self._stack = ExitStack()
        self._advance: Advance = lambda _: None

    def __enter__(self) -> Screen:
        """Nothing is shown yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._stack.close()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Started):
            self._stack.close()
            self._advance = self._stack.enter_context(self._console.bar(event.steps))
        elif isinstance(event, Moved):
            self._advance(event.size)
        elif isinstance(event, Stopped):
            self._stop(event.report)
        else:
            self._console.result(render_result(event, is_dry_run=self._is_dry_run))
            if event.hint:
                self._console.progress(f"hint:  {event.hint}")

    def finish(self, report: Report) -> int:
        """Show what was skipped and what failed, then the counts; gives the exit code."""
        self._stack.close()
        for skip in report.skipped:
            self._console.progress(f"skipped  {skip.path}: {skip.reason}")
        for error in render_failures(report):
            self._console.error(error)
        for hint in render_hints(report):
            self._console.progress(f"hint:  {hint}")
        summary = report.summary
        self._console.result(f"would be: {summary}" if self._is_dry_run else summary)
        self._tell_backup(report)
        return report.exit_code

    def _stop(self, report: Report) -> None:
        """Show what a run had done when it was cut off."""
        self._stack.close()
        for error in render_failures(report):
            self._console.error(error)
        if report.results or report.failures:
            self._console.result(f"so far: {report.summary}")
        self._tell_backup(report)

    def _tell_backup(self, report: Report) -> None:
        if report.backup:
            self._console.result(
                f"to get back what was replaced: python -m mlops_core.cli.restore"
                f" {report.backup.name}"
            )


def render_result(result: Result, *, is_dry_run: bool = False) -> str:
    """One object's line: what happened, which file, which object, and why."""
    word = _PLANNED[result.action] if is_dry_run else result.action.value
    if result.action in _DOWN:
        moved = f"{result.remote} -> {result.local}"
    elif result.action in {Action.CREATE, Action.REPLACE}:
        moved = f"{result.local} -> {result.remote}"
    else:
        moved = result.local
    return f"{word:<9}{moved}" + (f" ({result.reason})" if result.reason else "")


def render_hints(report: Report) -> list[str]:
    """What to type about objects that were left; once, however many there are."""
    left = [
        result.reason
        for result in report.results
        if result.action is Action.LEFT and not result.hint
    ]
    theirs = ["to bring theirs here first: python databricks-sync/from_databricks.py"]
    ours = ["to have it as it is here: python databricks-sync/to_databricks.py --overwrite"]
    has_news = any(reason in NEWS for reason in left)
    can_overwrite = any(not reason.endswith(IN_VAIN) for reason in left)
    return (theirs if has_news else []) + (ours if can_overwrite else [])


def render_failures(report: Report) -> list[MlopsError]:
    """Each failure with its path; a hint that several in a row have is said after the last."""
    hints = [failed.error.hint for failed in report.failures]
    return [
        MlopsError(visible(_with_path(failed)), "" if hint == following else hint)
        for failed, hint, following in zip(report.failures, hints, [*hints, ""][1:], strict=True)
    ]


def _with_path(failed: Failed) -> str:
    message = failed.error.message
    return message if failed.path in message else f"{failed.path}: {message}"
