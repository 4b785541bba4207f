"""Only one sync of a checkout is at work."""

from __future__ import annotations

from threading import Event, Thread

from mlops_core.sync.lock import locked


def test_a_second_sync_waits_for_the_first_and_says_so(tmp_path):
    is_waiting, seen = Event(), []

    def second() -> None:
        with locked(tmp_path / ".mlops", is_waiting.set):
            seen.append("second")

    other = Thread(target=second)
    with locked(tmp_path / ".mlops"):
        other.start()
        assert is_waiting.wait(60)
        seen.append("first")
    other.join(60)
    assert seen == ["first", "second"]


def test_nobody_waits_for_a_sync_that_failed(tmp_path):
    try:
        with locked(tmp_path):
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with locked(tmp_path, lambda: 1 / 0):
        pass
