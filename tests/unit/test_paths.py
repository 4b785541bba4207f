import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.errors import MlopsError
from mlops_core.paths import join, name, parent, relative_to, workspace_path

ROOT = workspace_path("/Users/jane@example.com/master")
PARTS = st.text(min_size=1).filter(lambda part: "/" not in part and part not in {".", ".."})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", "/"),
        ("/Workspace", "/"),
        ("/Users/jane", "/Users/jane"),
        ("/Workspace/Users/jane/", "/Users/jane"),
        ("//Workspace//Users/jane", "/Users/jane"),
        ("/Shared/Workspace", "/Shared/Workspace"),
        ("/Users/a b+c#d%e/ü", "/Users/a b+c#d%e/ü"),
    ],
)
def test_one_object_has_one_spelling(text: str, path: str) -> None:
    assert workspace_path(text) == path


@pytest.mark.parametrize("text", ["", "Users/jane", "/Users/../Shared", "/a/./b", "/a\0b"])
def test_what_is_no_path_is_refused_with_the_text_in_question(text: str) -> None:
    with pytest.raises(MlopsError) as caught:
        workspace_path(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint


@given(st.lists(PARTS.filter(lambda part: "\0" not in part), min_size=1))
def test_below_a_root_and_seen_from_it_are_inverse(parts: list[str]) -> None:
    path = join(ROOT, *parts)
    assert relative_to(path, ROOT) == "/".join(parts)
    assert name(path) == parts[-1]
    assert parent(path) == join(ROOT, *parts[:-1])


@given(st.text())
def test_nothing_joined_to_a_root_leaves_it(text: str) -> None:
    try:
        path = join(ROOT, text)
    except MlopsError:
        return
    assert path == ROOT or path.startswith(ROOT + "/")


def test_the_root_is_its_own_parent_and_a_sibling_is_not_below() -> None:
    assert parent(workspace_path("/")) == "/"
    assert join(workspace_path("/"), "Shared") == "/Shared"
    with pytest.raises(MlopsError, match="is not below"):
        relative_to(workspace_path("/Users/jane@example.com/master2/x"), ROOT)


def test_a_path_that_git_bash_rewrote_says_how_to_write_it() -> None:
    with pytest.raises(MlopsError, match="Git Bash rewrote it") as told:
        workspace_path("C:/Program Files/Git/Shared")
    assert "MSYS_NO_PATHCONV=1" in told.value.hint
