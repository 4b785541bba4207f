"""When `--watch` pushes."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_core.cli.sync_watch import AT_A_CHANGE, LATER, SOON, follow


def pushes(beats: list[bool], answers: list[int]) -> list[int]:
    """At which beats something was pushed, if pushing answers so."""
    at: list[int] = []
    left = iter(answers)

    def changes() -> Iterator[bool]:
        for position, beat in enumerate(beats):
            now[0] = position
            yield beat

    def push_once() -> int:
        at.append(now[0])
        return next(left, AT_A_CHANGE)

    now = [0]
    follow(changes(), push_once)
    return at


def test_it_pushes_at_first_and_at_each_change() -> None:
    assert pushes([False, False, True, False, True], []) == [0, 2, 4]


def test_after_a_failure_it_tries_again_now_and_then() -> None:
    assert pushes([False] * 45, [LATER, LATER]) == [0, 20, 40]


def test_while_git_is_at_work_or_elsewhere_it_tries_again_at_each_beat() -> None:
    assert pushes([False] * 10, [SOON, SOON, SOON]) == [0, 1, 2, 3]


def test_a_success_is_not_repeated() -> None:
    assert pushes([False] * 100, [AT_A_CHANGE]) == [0]
