"""What a push and a pull print."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mlops_core.checkout import Skip
from mlops_core.cli.console import Console
from mlops_core.cli.sync_lines import Screen, render_hints, render_result
from mlops_core.errors import DONE, FAILED, LEFT, MlopsError
from mlops_core.sync.plan import Action, Trees, plan_push
from mlops_core.sync.report import Failed, Moved, Report, Result, Started, Stopped

CREATED = Result(Action.CREATE, "notebooks/a.py", "/Users/u/b/a")
PULLED = Result(Action.WRITE, "notebooks/a.py", "/Users/u/b/a", "new in the workspace")
LEFT_ALONE = Result(Action.LEFT, "notebooks/a.py", "/Users/u/b/a", "changed in the workspace")
CONFLICT = Result(Action.CONFLICT, "notebooks/a.py", "/Users/u/b/a", "changed on both sides", "x")
OURS = "to have it as it is here: python databricks-sync/to_databricks.py --overwrite"
THEIRS = "to bring theirs here first: python databricks-sync/from_databricks.py"


def shown(report: Report, *events: object, dry: bool = False) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with Screen(Console(out, err), is_dry_run=dry) as screen:
        for event in events:
            screen(event)
        code = screen.finish(report)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("result", "dry", "line"),
    [
        (CREATED, False, "created  notebooks/a.py -> /Users/u/b/a"),
        (CREATED, True, "create   notebooks/a.py -> /Users/u/b/a"),
        (PULLED, False, "written  /Users/u/b/a -> notebooks/a.py (new in the workspace)"),
        (LEFT_ALONE, False, "left     notebooks/a.py (changed in the workspace)"),
    ],
)
def test_a_result_is_one_line(result, dry, line):
    assert render_result(result, is_dry_run=dry) == line


def test_results_go_to_stdout_and_all_else_to_stderr():
    report = Report((CREATED, LEFT_ALONE), skipped=(Skip("link", "a symbolic link"),), unchanged=2)
    code, out, err = shown(report, Started(2), CREATED, Moved(7), LEFT_ALONE, Moved(7))
    assert code == LEFT
    assert out.splitlines()[-1] == "1 created, 1 left, 2 unchanged"
    assert err.splitlines() == [
        "skipped  link: a symbolic link",
        f"hint:  {THEIRS}",
        f"hint:  {OURS}",
    ]


def test_failures_name_the_object_and_decide_the_exit_code():
    report = Report((CONFLICT,), (Failed("a", MlopsError("no", "do this")),))
    code, out, err = shown(report, CONFLICT)
    assert code == FAILED
    assert out.splitlines()[-1] == "1 conflict, 1 failed"
    assert err.splitlines() == ["hint:  x", "error: a: no", "hint:  do this"]


def test_nothing_to_do_is_said():
    assert shown(Report()) == (DONE, "nothing to do\n", "")
    assert shown(Report(), dry=True)[1] == "would be: nothing to do\n"


def test_the_last_line_restores():
    _, out, _ = shown(Report((CREATED,), backup=Path("/x/.mlops/backup/20260101T000000Z")))
    assert out.endswith("python -m mlops_core.cli.restore 20260101T000000Z\n")


def test_a_run_that_is_cut_off_says_what_it_did_and_how_to_take_it_back():
    report = Report((CREATED,), backup=Path("/x/.mlops/backup/20260101T000000Z"))
    out = io.StringIO()
    with Screen(Console(out, io.StringIO())) as screen:
        screen(Stopped(report))
        screen(Stopped(Report()))
    assert out.getvalue().splitlines() == [
        "so far: 1 created",
        "to get back what was replaced: python -m mlops_core.cli.restore 20260101T000000Z",
    ]


def test_counts_agree_with_many():
    report = Report((CONFLICT, CONFLICT))
    assert report.summary == "2 conflicts"
    assert report.exit_code == LEFT


def test_a_hint_that_several_failures_share_is_said_once():
    failures = [Failed(name, MlopsError("gone", "start again")) for name in ("a", "b")]
    failures.append(Failed("c", MlopsError("c is too large", "make it smaller")))
    _, _, err = shown(Report((), tuple(failures)))
    assert err.splitlines() == [
        "error: a: gone",
        "error: b: gone",
        "hint:  start again",
        "error: c is too large",
        "hint:  make it smaller",
    ]


def hints(*reasons: str) -> list[str]:
    left = tuple(Result(Action.LEFT, "notebooks/a.py", "/a", reason=one) for one in reasons)
    return render_hints(Report(left))


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ("new", "old", [OURS]),
        (None, "old", [OURS]),
        ("old", "new", [THEIRS, OURS]),
        ("mine", "theirs", [THEIRS, OURS]),
        ("old", None, [THEIRS, OURS]),
        (None, "new", [THEIRS, OURS]),
    ],
)
def test_what_others_have_changed_is_to_be_pulled_first(here, there, expected):
    sides = [{"a": text} if text else {} for text in (here, there, "old")]
    (step,) = plan_push(Trees(*sides)).steps
    assert hints(step.reason) == expected


def test_overwriting_is_not_advised_where_it_has_not_helped():
    stays = "d/x is in the way in the workspace: move or delete it there"
    assert hints(stays) == []
    assert hints(stays, "changed here") == [OURS]
    assert hints("d is in the way in the workspace") == [OURS]
    assert hints() == []
