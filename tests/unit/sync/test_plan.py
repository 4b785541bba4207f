"""Every cell of the two tables, in the words of the plan."""

from __future__ import annotations

import pytest

from mlops_core.notebooks.digest import Digest
from mlops_core.sync.plan import Action, History, Plan, Side, Step, Trees, plan_pull, plan_push

BASE, OURS, THEIRS = Digest("base"), Digest("ours"), Digest("theirs")
LOCAL = {"absent": None, "as base": BASE, "changed": OURS, "new": OURS}
REMOTE = {"absent": None, "as base": BASE, "changed": THEIRS, "new": THEIRS}

# here, there, has base: without --overwrite, with it
PUSH = {
    ("new", "absent", False): ("created", "created"),
    ("new", "new", False): ("left", "replaced"),
    ("as base", "absent", True): ("left", "created"),
    ("as base", "as base", True): (None, None),
    ("as base", "changed", True): ("left", "replaced"),
    ("changed", "absent", True): ("left", "created"),
    ("changed", "as base", True): ("left", "replaced"),
    ("changed", "changed", True): ("left", "replaced"),
    ("absent", "absent", True): ("gone", "gone"),
    ("absent", "as base", True): ("left", "deleted"),
    ("absent", "changed", True): ("left", "deleted"),
    ("absent", "new", False): (None, None),
}
PULL = {
    ("absent", "new", False): "written",
    ("absent", "absent", True): "gone",
    ("absent", "as base", True): "left",
    ("absent", "changed", True): "written",
    ("as base", "absent", True): "deleted",
    ("as base", "as base", True): None,
    ("as base", "changed", True): "written",
    ("changed", "absent", True): "kept",
    ("changed", "as base", True): "kept",
    ("changed", "changed", True): "merged",
    ("new", "absent", False): "kept",
    ("new", "new", False): "conflict",
}


def trees(here: str, there: str, has_base: bool) -> Trees:
    local, remote = LOCAL[here], REMOTE[there]
    return Trees(
        {"p": local} if local else {},
        {"p": remote} if remote else {},
        {"p": BASE} if has_base else {},
    )


def word(plan: Plan) -> str | None:
    return plan.steps[0].action.value if plan.steps else None


def test_the_tables_are_whole() -> None:
    with_base = [(h, t) for h in ("absent", "as base", "changed") for t in REMOTE if t != "new"]
    without = [("new", "absent"), ("new", "new"), ("absent", "new")]
    cells = {(*cell, True) for cell in with_base} | {(*cell, False) for cell in without}
    assert cells == PUSH.keys() == PULL.keys()


@pytest.mark.parametrize("cell", PUSH)
def test_push(cell: tuple[str, str, bool]) -> None:
    without, forced = PUSH[cell]
    assert word(plan_push(trees(*cell))) == without
    assert word(plan_push(trees(*cell), overwrite=True)) == forced


@pytest.mark.parametrize("cell", PULL)
def test_pull(cell: tuple[str, str, bool]) -> None:
    assert word(plan_pull(trees(*cell))) == PULL[cell]


@pytest.mark.parametrize("cell", [cell for cell in PUSH if PUSH[cell][0] == "left"])
def test_what_is_left_has_a_reason(cell: tuple[str, str, bool]) -> None:
    assert plan_push(trees(*cell)).steps[0].reason


@pytest.mark.parametrize("base", [None, BASE, OURS])
def test_equal_on_both_sides_is_remembered_and_nothing_else(base: Digest | None) -> None:
    both = Trees({"p": OURS}, {"p": OURS}, {"p": base} if base else {})
    expected = () if base == OURS else (Step("p", Action.REMEMBER),)
    for plan in (plan_push(both), plan_push(both, overwrite=True), plan_pull(both)):
        assert plan.steps == expected


@pytest.mark.parametrize(
    ("committed", "stale", "expected"),
    [(True, True, "left"), (True, False, "written"), (False, True, "conflict")],
)
def test_without_a_base_git_decides(committed: bool, stale: bool, expected: str) -> None:
    history = History({"p"} if committed else set(), {"p"} if stale else set())
    assert word(plan_pull(trees("new", "new", False), history)) == expected


def test_what_git_has_deleted_is_not_brought_back() -> None:
    history = History(stale={"p"})
    assert word(plan_pull(trees("absent", "new", False), history)) == "left"


def test_an_earlier_commit_is_nothing_to_merge() -> None:
    history = History(stale={"p"})
    assert word(plan_pull(trees("changed", "changed", True), history)) == "kept"
    assert word(plan_pull(trees("as base", "changed", True), history)) == "written"


def test_a_plan_is_sorted_and_its_steps_can_be_chosen() -> None:
    plan = plan_push(Trees({"b": OURS, "a": OURS, "c": OURS}, {"c": THEIRS}, {}))
    assert [step.path for step in plan.steps] == ["a", "b", "c"]
    assert [step.path for step in plan.of(Action.LEFT)] == ["c"]


def test_sides_are_seen_from_the_base() -> None:
    assert trees("changed", "as base", True).sides("p") == (Side.CHANGED, Side.AS_BASE)
    assert trees("absent", "new", False).sides("p") == (Side.ABSENT, Side.UNKNOWN)
