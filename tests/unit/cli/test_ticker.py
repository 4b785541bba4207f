from __future__ import annotations

import io

from mlops_core.cli.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipeline_gets_plain_lines_only() -> None:
    err = io.StringIO()
    console = Console(err=err)
    with console.ticker() as tick:
        tick("RUNNING")
        console.progress("  | epoch 1")
    assert err.getvalue() == "  | epoch 1\n"


def test_on_a_terminal_lines_stay_above_what_is_going_on() -> None:
    err = Terminal()
    console = Console(err=err)
    with console.ticker() as tick:
        tick("RUNNING [In run]")
        console.progress("  | [b]epoch[/b] 1")
    console.progress("over")
    shown = err.getvalue()
    assert "  | [b]epoch[/b] 1" in shown
    assert "RUNNING [In run]" in shown
    assert shown.endswith("over\n")
