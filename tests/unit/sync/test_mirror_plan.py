"""The mirror's decisions, cell by cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.errors import UnsafeDelete
from mlops_core.notebooks.digest import Digest
from mlops_core.sync.mirror_plan import FOREIGN, check_deletions, plan_mirror
from mlops_core.sync.plan import Action, Plan, Step, Trees

A, B, C = Digest("a"), Digest("b"), Digest("c")


def step(local: Digest | None, remote: Digest | None, base: Digest | None) -> Step | None:
    trees = Trees(*({"p": one} if one else {} for one in (local, remote, base)))
    return next(iter(plan_mirror(trees).steps), None)


@pytest.mark.parametrize(
    ("local", "remote", "base", "action", "reason"),
    [
        (A, None, None, Action.CREATE, ""),
        (A, None, A, Action.CREATE, ""),
        (A, A, None, Action.REMEMBER, ""),
        (A, A, B, Action.REMEMBER, ""),
        (A, B, B, Action.REPLACE, ""),
        (A, B, None, Action.REPLACE, FOREIGN),
        (A, B, C, Action.REPLACE, FOREIGN),
        (A, B, A, Action.REPLACE, FOREIGN),
        (None, A, A, Action.DELETE, ""),
        (None, A, B, Action.DELETE, FOREIGN),
        (None, A, None, Action.DELETE, FOREIGN),
        (None, None, A, Action.FORGET, ""),
    ],
)
def test_each_cell(
    local: Digest | None, remote: Digest | None, base: Digest | None, action: Action, reason: str
) -> None:
    assert step(local, remote, base) == Step("p", action, reason)


def test_what_is_equal_and_known_needs_nothing() -> None:
    assert step(A, A, A) is None


TREES = st.dictionaries(st.sampled_from("pqrs"), st.sampled_from([A, B, C]))


@given(local=TREES, remote=TREES, base=TREES)
def test_it_converges_and_then_rests(
    local: dict[str, Digest], remote: dict[str, Digest], base: dict[str, Digest]
) -> None:
    plan = plan_mirror(Trees(local, remote, base))
    after = dict(remote)
    for each in plan.steps:
        if each.action in {Action.CREATE, Action.REPLACE}:
            after[each.path] = local[each.path]
        elif each.action is Action.DELETE:
            del after[each.path]
    assert after == local
    assert plan_mirror(Trees(local, after, local)) == Plan()


@pytest.mark.parametrize(("count", "present"), [(0, 0), (1, 2), (5, 10)])
def test_up_to_half_may_go(count: int, present: int) -> None:
    check_deletions(Plan(tuple(Step(str(n), Action.DELETE) for n in range(count))), present)


@pytest.mark.parametrize(("count", "present"), [(1, 1), (2, 3), (6, 10)])
def test_more_than_half_needs_consent(count: int, present: int) -> None:
    plan = Plan(tuple(Step(str(n), Action.DELETE) for n in range(count)))
    with pytest.raises(UnsafeDelete, match=f"would delete {count} of {present}") as caught:
        check_deletions(plan, present)
    assert "--allow-delete" in caught.value.hint
