from __future__ import annotations

import pytest

from mlops_core.runs.watch import split_lines


@pytest.mark.parametrize(
    ("text", "is_last", "expected"),
    [
        ("a\nb\n", False, (("a", "b"), "")),
        ("a\nb", False, (("a",), "b")),
        ("a\nb", True, (("a", "b"), "")),
        ("", True, ((), "")),
        ("a\r\nb\r\n", False, (("a", "b"), "")),
        ("1%\r2%\r3%\ndone", False, (("3%",), "done")),
        ("1%\r2%", False, (("2%",), "")),
        ("1%\r", False, ((), "1%\r")),
    ],
)
def test_whole_lines_are_told_and_bars_show_their_last_state(
    text: str, is_last: bool, expected: tuple[tuple[str, ...], str]
) -> None:
    assert split_lines(text, is_last=is_last) == expected
