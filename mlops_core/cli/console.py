"""The only place that prints: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from mlops_core.errors import MlopsError
from mlops_core.terminal import visible

Advance = Callable[[int], None]
"""Tells a bar that so many bytes more are done, with one step more."""


class ReaderGone(Exception):
    """Whoever read our output, `head` for one, has seen enough."""


class Console:
    """Writes what a command has to say, each line whole, with control characters as escapes."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._above_bar: Callable[[str], None] | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches: bars are for them, plain lines for pipelines."""
        return self._err.isatty()

    def result(self, line: str) -> None:
        """Write a line of the command's result, above the bar if both are on one terminal."""
        if self._above_bar and self._out.isatty():
            self._above_bar(visible(line))
        else:
            _write(self._out, visible(line))

    def progress(self, line: str) -> None:
        """Write a line about what is happening, above the bar if there is one."""
        self.relay(visible(line))

    def relay(self, line: str) -> None:
        """Write a line of a run's own output, colours and all, where `progress` goes."""
        if self._above_bar:
            self._above_bar(line)
        else:
            _write(self._err, line)

    def error(self, error: MlopsError) -> None:
        """Write an error, in as many lines as it has, and what to do about it."""
        for line in f"error: {error.message}".split("\n"):
            self.progress(line)
        if error.hint:
            self.progress(f"hint:  {error.hint}")

    @contextmanager
    def bar(self, steps: int) -> Iterator[Advance]:
        """A bar over ``steps`` steps with bytes and time left, on a terminal; else nothing."""
        if not self.is_terminal or steps == 0:
            yield lambda _: None
            return
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeft
        from rich.text import Text

        size = TextColumn("{task.fields[size]}")
        columns = (BarColumn(), MofNCompleteColumn(), size, TimeLeft())
        terminal = Terminal(file=self._err)
        with Progress(*columns, console=terminal, transient=True) as progress:
            task = progress.add_task("", total=steps, size="0 B")
            done = 0

            def advance(size: int) -> None:
                nonlocal done
                done += size
                progress.update(task, advance=1, size=render_size(done))

            self._above_bar = lambda line: terminal.print(Text(line), soft_wrap=True)
            try:
                yield advance
            finally:
                self._above_bar = None

    @contextmanager
    def ticker(self) -> Iterator[Callable[[str], None]]:
        """A line at the bottom with the time that passes, on a terminal; else nothing.

        Gives a function that says what is going on.
        """
        if not self.is_terminal:
            yield lambda _: None
            return
        from rich.console import Console as Terminal
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.text import Text

        terminal = Terminal(file=self._err)
        columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.fields[what]}"))
        with Progress(*columns, console=terminal, transient=True) as progress:
            task = progress.add_task("", total=None, what="")
            self._above_bar = lambda line: terminal.print(Text(line), soft_wrap=True)
            try:
                yield lambda what: progress.update(task, what=what.replace("[", r"\["))
            finally:
                self._above_bar = None


def render_size(size: int) -> str:
    """``size`` bytes as people say it: `17 B`, `3.2 MB`."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95 or unit == "GB":
            break
    return f"{amount:.1f} {unit}"


def _write(stream: TextIO, line: str) -> None:
    # A pipeline's stream may not know every character of a notebook's name.
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        raise ReaderGone from None
