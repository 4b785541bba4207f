"""When `--watch` pushes."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_core.cli.sync_watch import follow


def pushes(beats: list[bool], answers: list[bool]) -> list[int]:
    """At which beats something was pushed, if pushing answers so."""
    at: list[int] = []
    left = iter(answers)

    def changes() -> Iterator[bool]:
        for position, beat in enumerate(beats):
            now[0] = position
            yield beat

    def push_once() -> bool:
        at.append(now[0])
        return next(left, True)

    now = [0]
    follow(changes(), push_once)
    return at


def test_it_pushes_at_first_and_at_each_change() -> None:
    assert pushes([False, False, True, False, True], []) == [0, 2, 4]


def test_after_a_failure_it_tries_again_now_and_then() -> None:
    assert pushes([False] * 45, [False, False, True]) == [0, 20, 40]


def test_a_success_is_not_repeated() -> None:
    assert pushes([False] * 100, [True]) == [0]
