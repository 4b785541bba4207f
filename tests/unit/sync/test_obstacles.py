"""What has to go before something else can be sent, and in which order."""

from __future__ import annotations

from mlops_core.notebooks.formats import A_FILE, Form
from mlops_core.sync.obstacles import Ground, route_push
from mlops_core.sync.plan import Action, Plan, Step

PYTHON = Form("NOTEBOOK", "PYTHON", "SOURCE")
SQL = Form("NOTEBOOK", "SQL", "SOURCE")
JUPYTER = Form("NOTEBOOK", "PYTHON", "JUPYTER")


def route(steps, local, remote, folders=(), overwrite=True):
    plan = Plan(tuple(Step(path, action) for path, action in sorted(steps.items())))
    return route_push(plan, Ground(local, remote, frozenset(folders)), overwrite=overwrite)


def paths(steps):
    return [step.path for step in steps]


def test_folders_are_made_before_and_other_deletions_done_after():
    steps = {"d/e/x": Action.CREATE, "old": Action.DELETE}
    found = route(steps, {"d/e/x": PYTHON}, {"old": PYTHON})
    assert (found.first, found.cleared, found.folders) == ((), (), ("d/e",))
    assert paths(found.uploads) == ["d/e/x"]
    assert paths(found.last) == ["old"]


def test_existing_folders_are_not_made_again():
    found = route({"d/x": Action.CREATE}, {"d/x": PYTHON}, {}, ["d"])
    assert found.folders == ()


def test_a_file_makes_room_for_the_notebook_of_its_name():
    steps = {"a": Action.CREATE, "a.py": Action.DELETE}
    found = route(steps, {"a": PYTHON}, {"a.py": A_FILE})
    assert paths(found.first) == ["a.py"]
    assert found.last == ()


def test_a_jupyter_notebook_and_a_module_of_one_stem_live_together():
    found = route({"a": Action.CREATE}, {"a": JUPYTER}, {"a.py": A_FILE})
    assert found.first == ()
    assert paths(found.uploads) == ["a"]


def test_without_overwrite_the_newcomer_is_left():
    steps = {"a": Action.CREATE, "a.py": Action.LEFT}
    found = route(steps, {"a": PYTHON}, {"a.py": A_FILE}, overwrite=False)
    assert found.uploads == ()
    (step,) = [step for step in found.plan.steps if step.path == "a"]
    assert (step.action, step.reason) == (Action.LEFT, "a.py is in the way in the workspace")


def test_with_overwrite_even_a_stranger_makes_room():
    found = route({"a": Action.CREATE}, {"a": PYTHON}, {"a.py": A_FILE})
    assert paths(found.first) == ["a.py"]
    assert found.first[0].reason == "a takes its place"


def test_a_notebook_that_gets_another_language_frees_its_name_first():
    steps = {"a": Action.REPLACE, "a.sql": Action.CREATE}
    found = route(steps, {"a": PYTHON, "a.sql": A_FILE}, {"a": SQL})
    assert [paths(wave) for wave in found.waves] == [["a"], ["a.sql"]]
    assert found.first == ()


def test_a_notebook_that_keeps_its_name_is_in_the_way():
    steps = {"a": Action.REPLACE, "a.sql": Action.CREATE}
    found = route(steps, {"a": SQL, "a.sql": A_FILE}, {"a": SQL})
    assert paths(found.uploads) == ["a"]
    assert (
        found.plan.of(Action.LEFT)[0].reason
        == "a is in the way in the workspace: move or delete it there"
    )


def test_a_notebook_makes_room_for_a_folder():
    steps = {"a": Action.DELETE, "a/x": Action.CREATE}
    found = route(steps, {"a/x": PYTHON}, {"a": PYTHON})
    assert paths(found.first) == ["a"]
    assert found.folders == ("a",)


def test_a_folder_makes_room_if_all_in_it_is_ours():
    steps = {"a": Action.CREATE, "a/b/x": Action.DELETE}
    found = route(steps, {"a": PYTHON}, {"a/b/x": PYTHON}, ["a", "a/b"])
    assert paths(found.first) == ["a/b/x"]
    assert found.cleared == ("a/b", "a")


def test_a_folder_with_something_of_others_stays():
    found = route({"a": Action.CREATE}, {"a": PYTHON}, {"a/x": PYTHON}, ["a"])
    assert found.first == ()
    assert found.plan.steps[0].action is Action.LEFT


def test_an_empty_folder_goes_only_with_overwrite():
    assert route({"a": Action.CREATE}, {"a": PYTHON}, {}, ["a"]).cleared == ("a",)
    found = route({"a": Action.CREATE}, {"a": PYTHON}, {}, ["a"], overwrite=False)
    assert found.plan.steps[0].reason == "an empty folder is in the way in the workspace"
