"""What the console lets through to a terminal."""

from __future__ import annotations

import io

from mlops_core.cli.console import Console
from mlops_core.errors import MlopsError

NAME = "a\x1b[2J\n##vso[task.complete]"
SHOWN = "a\\x1b[2J\\n##vso[task.complete]"


def test_no_name_drives_the_terminal_or_begins_a_line() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    console.result(f"written  {NAME}")
    console.progress(f"skipped  {NAME}")
    assert out.getvalue() == f"written  {SHOWN}\n"
    assert err.getvalue() == f"skipped  {SHOWN}\n"


def test_an_error_keeps_its_lines_and_nothing_else() -> None:
    err = io.StringIO()
    Console(err=err).error(MlopsError("one\n  two\x1b[2J", "try\x07 again"))
    assert err.getvalue() == "error: one\n  two\\x1b[2J\nhint:  try\\x07 again\n"


def test_a_runs_own_output_comes_as_it_is() -> None:
    err = io.StringIO()
    Console(err=err).relay("  | \x1b[32mepoch 1\x1b[0m")
    assert err.getvalue() == "  | \x1b[32mepoch 1\x1b[0m\n"
