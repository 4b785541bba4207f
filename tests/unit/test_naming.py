import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.errors import BranchError, SettingsError
from mlops_core.naming import (
    experiment_path,
    model_name,
    notebook_folder,
    slug,
    slug_of_notebook,
    unity_slug,
)

ALIKE = st.text("aB1-_./ é", min_size=1, max_size=6)
BRANCHES = ALIKE | st.text(min_size=1)


def looks_like_a_slug(branch: str) -> bool:
    """Whether somebody gave a branch the very name that another one's slug could have."""
    return re.search(r"[-_][0-9a-f]{6}$", branch) is not None


@given(BRANCHES, BRANCHES)
def test_two_branches_never_share_a_slug(one: str, other: str) -> None:
    if one != other and not looks_like_a_slug(one + other):
        assert slug(one) != slug(other)
        assert unity_slug(one) != unity_slug(other)


@given(BRANCHES)
def test_a_slug_is_safe_in_a_path_and_stays_what_it_is(branch: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", slug(branch))
    assert re.fullmatch(r"[a-z0-9_]+", unity_slug(branch))
    assert slug(slug(branch)) == slug(branch)


@given(BRANCHES)
def test_a_notebook_that_knows_only_the_slug_finds_the_branchs_names(branch: str) -> None:
    path = f"{notebook_folder('jane@x.com', branch)}/train"
    found = slug_of_notebook(path)
    assert found is not None
    assert experiment_path("j", found, "training") == experiment_path("j", branch, "training")
    assert model_name(found) == model_name(branch)
    assert model_name(found, "main.ml") == model_name(branch, "main.ml")


def test_names_as_the_documentation_has_them() -> None:
    assert slug("master") == "master"
    assert slug("feature-x") == "feature-x"
    assert slug("feature/x") == "feature-x-217d2b"
    assert unity_slug("feature/x") == "feature_x_217d2b"
    assert unity_slug("master") == "master"
    assert unity_slug("Master").startswith("master_")
    assert notebook_folder("jane@x.com", "master") == "/Users/jane@x.com/master"
    assert (
        experiment_path("jane@x.com", "a/b", "scoring")
        == f"/Shared/jane@x.com/{slug('a/b')}/scoring"
    )


@pytest.mark.parametrize(
    ("schema", "name", "expected"),
    [
        ("", "", "master_model"),
        ("", "churn", "churn"),
        ("", "a.b.churn", "a.b.churn"),
        ("main.ml", "", "main.ml.master_model"),
        ("main.ml", "churn", "main.ml.churn"),
        ("main.ml", "a.b.churn", "a.b.churn"),
    ],
)
def test_the_model_is_the_branchs_unless_it_is_named(schema: str, name: str, expected: str) -> None:
    assert model_name("master", schema, name) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Users/jane@x.com/feature-x/train", "feature-x"),
        ("/Workspace/Users/jane@x.com/feature-x/deep/train", "feature-x"),
        ("/Shared/master/train", "master"),
        ("/Shared/other/train", None),
        ("/Shared/master", None),
        ("/Users/jane@x.com/train", None),
        ("/Users/jane@x.com/.mlops/hooks/train", None),
        ("/Users/jane@x.com/My notes/train", None),
        ("", None),
    ],
)
def test_a_notebooks_path_tells_the_slug(path: str, expected: str | None) -> None:
    assert slug_of_notebook(path) == expected


def test_what_has_no_name_gets_no_folder() -> None:
    with pytest.raises(BranchError):
        notebook_folder("jane@x.com", "")
    for user in ("", "a/b"):
        with pytest.raises(SettingsError, match="is no user name"):
            notebook_folder(user, "master")
