"""Every kind of notebook goes to the workspace and back without a byte of difference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlops_core.errors import DONE
from mlops_core.notebooks import jupyter
from mlops_core.notebooks.digest import identify

DATA = Path(__file__).resolve().parents[1] / "data" / "notebooks"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
ENDINGS = {"lf": b"\n", "crlf": b"\r\n"}
FINALS = {"as is": None, "none": 0, "one": 1, "three": 3}
GENERATIONS = ["kept", "normalised"]


def variant(content: bytes, ending: bytes, final: int | None) -> bytes:
    text = content.replace(b"\r\n", b"\n")
    if final is not None:
        text = text.rstrip(b"\n") + b"\n" * final
    return text.replace(b"\n", ending)


def fill(clone, how=None):
    for name in EXPECTED:
        content = (DATA / "inputs" / name).read_bytes()
        is_notebook = EXPECTED[name]["kind"] == "NOTEBOOK"
        clone.write(name, how(content) if how and is_notebook else content)
    clone.commit()


def test_the_corpus_is_whole():
    inputs = {
        path.relative_to(DATA / "inputs").as_posix()
        for path in (DATA / "inputs").rglob("*")
        if path.is_file()
    }
    assert inputs == EXPECTED.keys()
    assert len(inputs) > 40


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_input_is_taken_for_what_it_is(name):
    content = (DATA / "inputs" / name).read_bytes()
    expected = EXPECTED[name]
    form = identify(name, content).form
    assert form.kind == expected["kind"]
    assert form.language == expected.get("language", "")
    assert form.flavour == expected.get("flavour", "")
    if form.flavour == "JUPYTER":
        cells = [[cell.type, cell.source] for cell in jupyter.cells(jupyter.parse(content))]
        assert cells == expected["cells"]


def test_the_official_client_sees_what_was_meant(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "clone")
    fill(clone)
    assert clone.push().exit_code == DONE
    root = clone.pair.target
    seen = {}
    for one in healthy.sdk.workspace.list(root, recursive=True):
        path = one.path.removeprefix(root + "/")
        seen[path] = (one.object_type.value, one.language.value if one.language else None)
    wanted = {each["path"]: (each["kind"], each.get("language")) for each in EXPECTED.values()}
    assert seen == wanted


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("final", FINALS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_push_then_pull_leaves_git_status_clean(
    healthy, make_clone, tmp_path, generation, ending, final, bom
):
    healthy.generation(generation)
    clone = make_clone(tmp_path / "clone")
    fill(clone, lambda content: bom + variant(content, ENDINGS[ending], FINALS[final]))
    pushed = clone.push()
    assert pushed.exit_code == DONE
    assert pushed.failures == ()
    pulled = clone.pull()
    assert (pulled.exit_code, pulled.results, pulled.failures) == (DONE, (), ())
    assert clone.status() == ""
    # another clone, which has no base, reads it all and finds nothing to change
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    assert other.pull().results == ()
    assert other.status() == ""
    # and one that has lost its files gets them back as git has them
    shutil.rmtree(other.folder / "notebooks")
    shutil.rmtree(other.pair.state)
    again = other.pull()
    assert again.exit_code == DONE
    assert other.status() == ""


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("ending", ["lf", "crlf"])
def test_an_edit_in_the_workspace_is_all_that_git_shows(
    healthy, make_clone, tmp_path, generation, ending
):
    healthy.generation(generation)
    clone = make_clone(tmp_path / "clone")
    fill(clone, lambda content: variant(content, ENDINGS[ending], None))
    clone.push()
    names = [n for n, e in EXPECTED.items() if e["kind"] == "NOTEBOOK" and n != "mixed_endings.py"]
    for name in names:
        edit(healthy, f"{clone.pair.target}/{EXPECTED[name]['path']}", EXPECTED[name])
    pulled = clone.pull()
    assert pulled.failures == ()
    assert len(pulled.results) == len(names)
    changed = clone.git("diff", "--numstat", "--ignore-cr-at-eol").splitlines()
    assert len(changed) == len(names)
    for line in changed:
        added, removed, name = line.split("\t")
        limits = (14, 2) if "ipynb" in name else (5, 1)
        assert int(added) <= limits[0], line
        assert int(removed) <= limits[1] or "one_line" in name, line
    assert clone.push().exit_code == DONE
    assert clone.pull().results == ()


def edit(remote, path, expected):
    """What the browser does: one more cell at the end."""
    if expected["flavour"] == "JUPYTER":
        document = json.loads(remote.read(path, "JUPYTER"))
        document["cells"].append(
            {
                "cell_type": "code",
                "metadata": {},
                "source": ["new()"],
                "outputs": [],
                "execution_count": None,
            }
        )
        remote.write(path, json.dumps(document).encode(), "JUPYTER")
        return
    mark = {"PYTHON": "#", "R": "#", "SCALA": "//", "SQL": "--"}[expected["language"]]
    content = remote.read(path).rstrip(b"\r\n")
    content += f"\n\n{mark} COMMAND ----------\n\nnew()".encode()
    remote.write(path, content, "SOURCE", expected["language"])
